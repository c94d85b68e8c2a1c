"use strict";
(async () => {
  const PAGE = 100, PRINTED = 500, WIDE = 40;
  const region = document.getElementById("jobs"), count = document.getElementById("count");
  const make = (tag, more = {}, ...inside) => {
    const node = Object.assign(document.createElement(tag), more);
    node.append(...inside);
    return node;
  };

  if (!("DecompressionStream" in window)) {
    count.textContent = "This browser is too old to show the table: one of 2023 or later does.";
    return;
  }
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (c) => c.charCodeAt(0));
  const opened = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const columns = JSON.parse(await new Response(opened).text());
  const rows = columns.length ? columns[0].values.length : 0;

  const order = new Intl.Collator(undefined, { numeric: true });
  const visible = (text) => text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  for (const column of columns) {
    const isNumber = column.kind === "number";
    // What numbers are compared by; those that are texts have more digits than a number here.
    column.keys = isNumber ? column.values.map((v) => (v === null ? null : Number(v))) : column.values;
    column.lower = column.values.map((v) => (v === null ? "" : String(v).toLowerCase()));
    column.compare = isNumber ? (a, b) => a - b || 0 : order.compare;
  }

  const full = (column, row) => {
    const value = column.values[row];
    return value === null ? "" : column.kind === "number" ? String(value).replace("Infinity", "inf") : value;
  };
  const short = (column, row) => {
    const value = column.values[row];
    if (value === null) return "";
    if (column.kind === "time") return value.slice(0, 19).replace("T", " ");
    if (typeof value !== "number" || Number.isInteger(value)) return visible(full(column, row));
    return String(Number(value.toPrecision(4)));
  };

  // Filters: a function of the row, null for no filter, undefined for what can't be understood.
  const numberFilter = (keys, ask) => {
    const range = ask.match(/^(\S+?)\s*\.\.\s*(\S+)$/), compared = ask.match(/^(<=|>=|!=|<|>|=)?\s*(\S+)$/);
    const read = (text) => (/^[-+]?inf$/i.test(text) ? Number(text.replace(/inf/i, "Infinity")) : Number(text));
    if (range) {
      const [low, high] = [read(range[1]), read(range[2])];
      return isNaN(low) || isNaN(high) ? undefined : (i) => keys[i] !== null && keys[i] >= low && keys[i] <= high;
    }
    const x = compared ? read(compared[2]) : NaN;
    if (isNaN(x)) return undefined;
    const holds = {
      "<": (v) => v < x, "<=": (v) => v <= x, ">": (v) => v > x, ">=": (v) => v >= x, "!=": (v) => v !== x,
    }[compared[1]] || ((v) => v === x);
    return (i) => keys[i] !== null && holds(keys[i]);
  };
  const filterOf = (column, asked) => {
    const ask = asked.trim();
    if (!ask) return null;
    if (ask === "-") return (i) => column.values[i] === null;
    if (column.kind === "number") return numberFilter(column.keys, ask);
    const text = ask.toLowerCase();
    if (text.length > 1 && text[0] === "=") return (i) => column.values[i] !== null && column.lower[i] === text.slice(1);
    return (i) => column.lower[i].includes(text);
  };

  const head = make("tr"), body = make("tbody"), fields = [];
  let sorted = null, falling = false, shown = [], drawn = 0, found = "";

  const more = (until) => {
    const end = Math.min(until, shown.length);
    for (; drawn < end; drawn++) {
      const row = make("tr");
      columns.forEach((column, at) => {
        const text = short(column, shown[drawn]), whole = full(column, shown[drawn]);
        const cell = make(at ? "td" : "th", { textContent: text });
        if (!at) cell.scope = "row";
        if (text !== whole || text.length > WIDE) cell.title = whole;
        cell.className = column.kind;
        row.append(cell);
      });
      body.append(row);
    }
  };

  const draw = () => {
    const filters = fields.map((field, at) => {
      const filter = filterOf(columns[at], field.value);
      field.setAttribute("aria-invalid", String(filter === undefined));
      return filter;
    }).filter(Boolean);
    if (found) filters.push((i) => columns.some((column) => column.lower[i].includes(found)));
    shown = [];
    for (let i = 0; i < rows; i++) if (filters.every((holds) => holds(i))) shown.push(i);
    if (sorted) {
      const { keys, compare } = sorted, way = falling ? -1 : 1;
      shown.sort((a, b) => {
        if (keys[a] === null || keys[b] === null) return (keys[a] === null) - (keys[b] === null) || a - b;
        return way * compare(keys[a], keys[b]) || a - b;
      });
    }
    body.replaceChildren();
    drawn = 0;
    more(PAGE);
    region.scrollTop = 0;
    const odd = fields.filter((field) => field.getAttribute("aria-invalid") === "true");
    count.textContent = `${shown.length.toLocaleString("en")} of ${rows.toLocaleString("en")} jobs` +
      (odd.length ? `; not understood: ${odd.map((field) => field.value).join(", ")}` : "");
    [...head.cells].forEach((cell, at) => {
      cell.setAttribute("aria-sort", columns[at] !== sorted ? "none" : falling ? "descending" : "ascending");
    });
  };

  columns.forEach((column, at) => {
    const name = visible(column.name), before = at ? columns[at - 1].group : "";
    const button = make("button", { type: "button", textContent: name, title: "sort" });
    const isNumber = column.kind === "number";
    const field = make("input", { type: "search", placeholder: isNumber ? "< > .." : "part", ariaLabel: `filter ${name}` });
    const group = make("small", { textContent: column.group !== before ? column.group : "" });
    // First up, then down, then as it was.
    button.addEventListener("click", () => {
      [sorted, falling] = sorted !== column ? [column, false] : falling ? [null, false] : [column, true];
      draw();
    });
    field.addEventListener("input", draw);
    fields.push(field);
    const printed = make("span", { className: "printed", textContent: name, ariaHidden: "true" });
    head.append(make("th", { scope: "col" }, group, button, printed, field));
  });

  const anywhere = document.getElementById("anywhere");
  anywhere.addEventListener("input", () => {
    found = anywhere.value.trim().toLowerCase();
    draw();
  });
  document.getElementById("all").addEventListener("click", () => {
    [anywhere, ...fields].forEach((field) => { field.value = ""; });
    [found, sorted, falling] = ["", null, false];
    draw();
  });

  const quoted = (text) => (/[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  document.getElementById("download").addEventListener("click", () => {
    const lines = [columns.map((column) => quoted(column.csv)).join(",")];
    for (const i of shown) {
      lines.push(columns.map((column) => quoted((column.live && column.live[i]) || full(column, i))).join(","));
    }
    const url = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    make("a", { href: url, download: "jobs.csv" }).click();
    URL.revokeObjectURL(url);
  });

  region.append(make("table", {}, make("thead", {}, head), body));
  region.addEventListener("scroll", () => {
    if (region.scrollTop + region.clientHeight > region.scrollHeight - 400) more(drawn + PAGE);
  });
  let closed = [];
  addEventListener("beforeprint", () => {
    more(PRINTED);
    while (drawn > PRINTED) body.rows[--drawn].remove();
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((each) => { each.open = false; }));
  document.getElementById("tools").hidden = false;
  draw();
})();
