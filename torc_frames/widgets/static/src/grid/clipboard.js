// Copy, cut and paste as tab-separated text, which spreadsheets read and write.

const AGAIN = "The cells are ready: press Ctrl+C once more to copy them.";

export function clipboard(view) {
  const { host, selection, table } = view;
  let ready = null;

  const copy = (event, cut) => {
    if (view.editor.isOpen || !selection.active) return;
    event.preventDefault();
    event.stopPropagation();
    if (cut && !view.mayChange()) return;
    const block = selection.block();
    const key = JSON.stringify([table.gen, block, table.status]);
    const text = ready?.key === key ? ready.text : here(table, block);
    ready = null;
    if (text !== null) {
      event.clipboardData.setData("text/plain", text);
      done(view, block, cut);
    } else {
      fetchText(view, block, (found) => {
        ready = { key, text: found };
      }, cut);
    }
  };

  host.addEventListener("copy", (event) => copy(event, false));
  host.addEventListener("cut", (event) => copy(event, true));
  host.addEventListener("paste", (event) => {
    if (view.editor.isOpen) {
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const text = event.clipboardData.getData("text/plain");
    if (text && view.mayChange()) view.paste(text);
  });
}

// Without a key, as from a menu.
export function copyCells(view) {
  const block = view.selection.block();
  fetchText(view, block, () => {}, false, here(view.table, block));
}

// The browser allows the clipboard only for a moment after the key; where that is over, the key is asked for again.
async function fetchText(view, block, keep, cut, known = null) {
  const text = known ?? (await view.table.ask("copy", { block: list(block) })).text;
  if (text === undefined) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    keep(text);
    view.tell(AGAIN);
    return;
  }
  done(view, block, cut);
}

function done(view, block, cut) {
  const cells = (block.bottom - block.top) * (block.right - block.left);
  if (cut) view.table.act("clear", { block: list(block) });
  else view.tell(`${cells.toLocaleString("en")} ${cells === 1 ? "cell" : "cells"} copied.`);
}

export function list({ top, left, bottom, right }) {
  return [top, left, bottom, right];
}

// The text of a block, if all of it is here; as Python's `write_cells` writes it.
function here(table, { top, left, bottom, right }) {
  const lines = [];
  for (let row = top; row < bottom; row++) {
    const item = table.rows.get(row);
    if (!table.has(row) || item.cut.some((column) => column >= left && column < right)) return null;
    lines.push(item.texts.slice(left, right).map(quoted).join("\t"));
  }
  const text = lines.join("\n");
  return lines.length && !lines.at(-1) ? `${text}\n` : text;
}

function quoted(text) {
  return /[\t\n\r]|^"/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
