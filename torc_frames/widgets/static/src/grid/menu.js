// The grid's own menu: a right click, the Menu key and Shift+F10 open it where they are.
import { copyCells } from "./clipboard.js";
import { keepKeys } from "./keyboard.js";
import { popup } from "./popup.js";

// Items have text, keys, disabled and do; null is a line between them.
export function openMenu(view, items, place) {
  view.closeMenu?.();
  const menu = document.createElement("div");
  menu.className = "tf-menu";
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", "Table");
  menu.append(...items.map((item) => (item ? entry(item, (done) => close(done)) : document.createElement("hr"))));
  const stops = () => [...menu.querySelectorAll("button:not(:disabled)")];
  const remove = popup(view.whole, menu, () => place);
  const root = view.whole.getRootNode();
  const outside = (event) => !menu.contains(event.target) && close();
  const close = (then) => {
    if (!view.closeMenu) return;
    view.closeMenu = null;
    root.removeEventListener("mousedown", outside, true);
    const inside = menu.contains(root.activeElement);
    remove();
    if (inside) view.focus();
    then?.();
  };
  view.closeMenu = close;
  root.addEventListener("mousedown", outside, true);
  menu.addEventListener("contextmenu", (event) => event.preventDefault());
  keepKeys(view, menu, (event) => {
    const all = stops();
    const at = all.indexOf(root.activeElement);
    const { key } = event;
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[key];
    if (next !== undefined) all.at(next % all.length)?.focus();
    else if (key === "Escape" || key === "Tab") close();
    else if (key.length === 1 && key !== " ") {
      const turned = [...all.slice(at + 1), ...all.slice(0, at + 1)];
      turned.find((each) => each.textContent.toLowerCase().startsWith(key.toLowerCase()))?.focus();
    } else return;
    event.preventDefault();
  });
  stops()[0]?.focus();
}

function entry({ text, keys, disabled, run }, close) {
  const made = document.createElement("button");
  made.type = "button";
  made.tabIndex = -1;
  made.disabled = !!disabled;
  made.setAttribute("role", "menuitem");
  made.textContent = text;
  if (keys) {
    const told = document.createElement("kbd");
    told.textContent = keys;
    made.append(told);
  }
  made.addEventListener("click", () => close(run));
  made.addEventListener("mousemove", () => made.focus());
  return made;
}

export function contextMenu(view) {
  const { host, selection, table } = view;
  host.addEventListener("contextmenu", (event) => {
    if (view.editor.isOpen || event.shiftKey) return;
    const header = event.target.closest(".slick-header-column");
    const cell = event.target.closest(".slick-cell");
    event.preventDefault();
    if (view.closeMenu) return; // the key has opened it already
    if (header) selection.toHeader(Number(header.dataset.id.slice(1)));
    else if (cell) {
      const { row, cell: column } = view.cellAt(event);
      if (!selection.contains(row, column) || selection.header) selection.go(row, column);
    } else if (!selection.active) return;
    const byMouse = event.button === 2;
    show(view, byMouse ? { left: event.clientX, top: event.clientY, bottom: event.clientY } : null);
  });
  host.addEventListener("keydown", (event) => {
    const isKey = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    if (!isKey || view.editor.isOpen || !selection.active || !table.columns.length) return;
    event.preventDefault();
    show(view, null);
  });
}

function show(view, place) {
  const { active, header } = view.selection;
  const node = header ? view.headerNode(active.column) : view.host.querySelector(".tf-active");
  openMenu(view, header ? ofColumn(view) : [...ofCells(view), null, ...ofColumn(view)], place ?? node.getBoundingClientRect());
}

function ofCells(view) {
  const fixed = !view.table.editable;
  const copy = { text: "Copy", keys: "Ctrl+C", run: () => copyCells(view) };
  if (fixed) return [copy];
  return [
    copy,
    { text: "Paste", keys: "Ctrl+V", run: () => paste(view) },
    { text: "Fill down", keys: "Ctrl+D", run: () => view.fillDown() },
    { text: "Clear", keys: "Delete", run: () => view.clearCells() },
    null,
    { text: "Insert row above", keys: "Ctrl+Shift+Enter", run: () => view.insertRow(true) },
    { text: "Insert row below", keys: "Ctrl+Enter", run: () => view.insertRow(false) },
    { text: "Duplicate rows", keys: "Ctrl+Shift+D", run: () => view.duplicateRows() },
    { text: "Delete rows", keys: "Ctrl+Delete", run: () => view.deleteRows() },
  ];
}

function ofColumn(view) {
  const { columns } = view;
  const { active } = view.selection;
  const { column } = active;
  const { arrangement, order } = view.table;
  const last = view.table.columns.length - 1;
  const sorted = order?.[0] === column;
  return [
    { text: "Sort ascending", disabled: sorted && order[1], run: () => view.sortBy(column, true) },
    { text: "Sort descending", disabled: sorted && !order[1], run: () => view.sortBy(column, false) },
    { text: "In the table's own order", disabled: !order, run: () => view.sortBy(column, null) },
    null,
    { text: "Hide column", disabled: last === 0, run: () => columns.hide(column) },
    { text: "Move left", disabled: column === 0, run: () => columns.move(column, -1) },
    { text: "Move right", disabled: column === last, run: () => columns.move(column, 1) },
    arrangement.frozen === column + 1
      ? { text: "Freeze no column", run: () => columns.freeze(0) }
      : { text: "Freeze up to here", run: () => columns.freeze(column + 1) },
    { text: "Fit width", run: () => columns.fit(column) },
    { text: "Show all columns", disabled: !arrangement.hidden.length, run: () => columns.showAll() },
  ];
}

async function paste(view) {
  let text = "";
  try {
    text = await navigator.clipboard.readText();
  } catch {
    view.tell("The browser does not give the clipboard to a menu: press Ctrl+V.");
    return;
  }
  if (text) view.paste(text);
}
