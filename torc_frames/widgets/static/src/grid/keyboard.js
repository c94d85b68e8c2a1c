// Keys, as in a spreadsheet. None but Ctrl+S reaches the notebook around the grid.

import { fillDown, fillRight } from "./fill.js";

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export const HELP =
  "Arrow keys, Tab, Home, End, Page Up and Page Down move, with Shift they select. " +
  "Up from the first row is the header: Enter sorts, Shift with arrows changes the width. " +
  "Control with F finds a text. Shift with F10 opens a menu: copy, sort, hide, move and freeze columns. Escape, then Tab, leaves the table.";
export const EDIT_HELP =
  "Enter or F2 edits, typing replaces, Delete clears, Space switches true and false. " +
  "Control with Enter adds a row, with Delete deletes rows, with D and R fills down and right, " +
  "with Shift and D copies rows, with H replaces a text, with Z and Y undoes and redoes. " +
  "F6 goes to the question what a text means, if there is one. ";

export function keyboard(view) {
  keepKeys(view, view.host, (event) => {
    if (isFind(event)) find(view, event);
    else if (view.editor.isOpen) editing(view, event);
    else if (view.selection.header) header(view, event);
    else moving(view, event);
  });
}

// Keys that are pressed in a node stay in it, but for the one that saves.
export function keepKeys(view, node, onKey) {
  // Lumino, which has the notebook's keys, passes over what is so marked, even where it sees keys first.
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.addEventListener("keydown", (event) => {
    if (isModified(event) && event.key.toLowerCase() === "s" && !event.shiftKey) forward(view, event);
    else onKey(event);
    // In the bubble phase, after the field that is typed in has had it.
    event.stopPropagation();
  });
  for (const name of ["keyup", "keypress", "copy", "cut", "paste"]) {
    node.addEventListener(name, (event) => event.stopPropagation());
  }
}

function isFind(event) {
  return isModified(event) && !event.shiftKey && ["f", "h"].includes(event.key.toLowerCase());
}

function find(view, event) {
  view.editor.close(true);
  view.findbar.open(event.key.toLowerCase() === "h");
  event.preventDefault();
}

// Ctrl+S saves the notebook, as everywhere in it: the key is repeated outside of the grid.
function forward(view, event) {
  view.editor.close(true);
  const { key, code, keyCode, ctrlKey, metaKey } = event;
  const repeated = new KeyboardEvent("keydown", {
    ...{ key, code, keyCode, ctrlKey, metaKey },
    ...{ bubbles: true, cancelable: true, composed: true },
  });
  if (!view.whole.dispatchEvent(repeated)) event.preventDefault();
}

function editing(view, event) {
  const { editor } = view;
  const { key, shiftKey } = event;
  if (event.isComposing) return;
  const isArea = editor.field instanceof HTMLTextAreaElement;
  if (key === "Enter" && event.altKey && isArea) {
    editor.field.setRangeText("\n", editor.field.selectionStart, editor.field.selectionEnd, "end");
    editor.grow();
  } else if (editor.choices && (key === "ArrowDown" || key === "ArrowUp")) editor.choices.move(ARROWS[key][0]);
  else if (key === "Enter") finish(view, shiftKey ? -1 : 1, 0);
  else if (key === "Tab") {
    editor.close(true);
    wrap(view, shiftKey ? -1 : 1);
  } else if (key === "Escape") editor.close(false);
  else if (editor.seeded && isArea && ARROWS[key]) finish(view, ...ARROWS[key]);
  else return;
  event.preventDefault();
}

function finish(view, down, right) {
  view.editor.close(true);
  step(view, down, right);
}

function header(view, event) {
  const { selection, table } = view;
  const { column } = selection.active;
  const { key, shiftKey } = event;
  if (key === "ArrowDown") {
    if (table.length) selection.go(selection.active.row, column);
  } else if (ARROWS[key] && shiftKey) view.widen(column, ARROWS[key][1] * 16);
  else if (ARROWS[key]) selection.toHeader(column + ARROWS[key][1]);
  else if (key === "Home") selection.toHeader(0);
  else if (key === "End") selection.toHeader(table.columns.length - 1);
  else if (key === "Enter" || key === " ") view.sort(column);
  else {
    if (key === "Escape") view.leaving = true;
    else if (key === "Tab" && !view.leaving) {
      const next = column + (shiftKey ? -1 : 1);
      if (next >= 0 && next < table.columns.length) selection.toHeader(next);
      else if (table.length) selection.go(0, 0);
      event.preventDefault();
    }
    return;
  }
  event.preventDefault();
}

function moving(view, event) {
  const { key } = event;
  if (key === "Tab" && view.leaving) return;
  if (["Shift", "Control", "Alt", "Meta"].includes(key)) return;
  view.leaving = key === "Escape";
  const handled = isModified(event) ? withControl(view, event) : plain(view, event);
  if (handled) event.preventDefault();
}

export function isModified(event) {
  return (event.ctrlKey || event.metaKey) && !event.altKey;
}

function withControl(view, event) {
  const { selection, table } = view;
  const { key, shiftKey } = event;
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (name === "z") table.send(shiftKey ? "redo" : "undo");
  else if (name === "y") table.send("redo");
  else if (name === "Enter") view.insertRow(shiftKey);
  else if (!selection.active) return false;
  else if (ARROWS[name] || name === "Home" || name === "End") edge(view, name, shiftKey);
  else if (name === "a") selection.all();
  else if (name === " ") selection.wholeColumns();
  else if (name === "d" && shiftKey) view.duplicateRows();
  else if (name === "d") fillDown(view);
  else if (name === "r" && !shiftKey) fillRight(view);
  else if (name === "Delete" || name === "Backspace") view.deleteRows();
  else return false;
  return true;
}

function plain(view, event) {
  const { selection } = view;
  const { key, shiftKey } = event;
  if (key === "F6") return view.offer.focus();
  if (key === "Escape") {
    selection.collapse();
    view.tell("Tab leaves the table.");
    return true;
  }
  if (!selection.active) {
    if (!ARROWS[key] && key !== "Tab" && key !== "Enter") return false;
    if (view.table.length) selection.go(0, 0);
    else if (view.table.columns.length) selection.toHeader(0);
    return true;
  }
  if (ARROWS[key]) arrow(view, key, shiftKey);
  else if (key === "Tab") wrap(view, shiftKey ? -1 : 1);
  else if (key === "Home" || key === "End") ends(view, key, shiftKey);
  else if (key === "PageUp" || key === "PageDown") page(view, key === "PageUp" ? -1 : 1, shiftKey);
  else if (key === "Enter" && shiftKey) step(view, -1, 0);
  else if (key === "Enter") {
    if (view.canEdit()) view.edit();
    else step(view, 1, 0);
  } else if (key === "F2") view.edit();
  else if (key === "Delete" || key === "Backspace") view.clearCells();
  else if (key === " " && shiftKey) selection.wholeRows();
  else if (key === " " && view.toggle()) return true;
  else if (key === "Process" || key === "Dead") {
    // An input method is at work: it needs a field to write in.
    view.edit("");
    return false;
  } else if (key.length === 1 && !event.altKey) view.edit(key);
  else return false;
  return true;
}

function arrow(view, key, extend) {
  const { selection } = view;
  const [down, right] = ARROWS[key];
  if (extend) selection.go(selection.corner.row + down, selection.corner.column + right, { extend });
  else if (key === "ArrowUp" && selection.active.row === 0) selection.toHeader(selection.active.column);
  else if (right) wrap(view, right);
  else step(view, down, right);
}

function step(view, down, right) {
  const { active } = view.selection;
  if (active) view.selection.go(active.row + down, active.column + right);
}

// From the end of a row to the beginning of the next, and back.
function wrap(view, by) {
  const { selection, table } = view;
  if (!selection.active) return;
  const width = table.columns.length;
  const at = selection.active.row * width + selection.active.column + by;
  if (at >= 0 && at < table.length * width) selection.go(Math.floor(at / width), at % width);
  else selection.collapse();
}

function edge(view, key, extend) {
  const { selection, table } = view;
  const from = extend ? selection.corner : selection.active;
  const [last, right] = [table.length - 1, table.columns.length - 1];
  const to = {
    ArrowLeft: [from.row, 0],
    ArrowRight: [from.row, right],
    ArrowUp: [0, from.column],
    ArrowDown: [last, from.column],
    Home: [0, 0],
    End: [last, right],
  }[key];
  selection.go(...to, { extend });
}

function ends(view, key, extend) {
  const { selection, table } = view;
  const { row } = extend ? selection.corner : selection.active;
  selection.go(row, key === "Home" ? 0 : table.columns.length - 1, { extend });
}

function page(view, by, extend) {
  const { selection, painter } = view;
  const from = extend ? selection.corner : selection.active;
  const rows = Math.max(1, painter.getViewportRowCount() - 2);
  selection.go(from.row + by * rows, from.column, { extend });
}
