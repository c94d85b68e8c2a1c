// Filling cells from those beside them: down and right by keys, and with the handle at the selection's corner.
import { list } from "./clipboard.js";
import { frame } from "./selection.js";

const SCROLL_MS = 60;

// Ctrl+D and Ctrl+R: the first row or column is repeated in the others; one alone takes what is before it.
export function fillDown(view) {
  const block = view.selection.block();
  if (!view.mayChange()) return;
  const top = block.bottom - block.top > 1 ? block.top : block.top - 1;
  if (top >= 0) send(view, { ...block, top, bottom: top + 1 }, { ...block, top: top + 1 });
}

export function fillRight(view) {
  const block = view.selection.block();
  if (!view.mayChange()) return;
  const left = block.right - block.left > 1 ? block.left : block.left - 1;
  if (left >= 0) send(view, { ...block, left, right: left + 1 }, { ...block, left: left + 1 });
}

function send(view, source, to) {
  view.table.act("fill", { block: list(source), target: list(to), switched: false });
}

// The handle goes with the selection. It is dragged in one direction, whichever is farther from the block.
export function handle(view, canvas) {
  const { selection, table } = view;
  const node = frame("tf-handle");
  const shape = frame("tf-filled");
  let drag = null;
  canvas.append(shape, node);

  const place = () => {
    const block = selection.block();
    node.hidden = !block || selection.header || !table.editable || view.editor?.isOpen;
    if (node.hidden) return;
    const { right, bottom } = selection.box({ row: block.bottom - 1, column: block.right - 1 });
    Object.assign(node.style, { left: `${right - 9}px`, top: `${bottom - 9}px` });
  };
  const stop = () => {
    clearInterval(drag?.timer);
    drag = null;
    shape.hidden = true;
    document.removeEventListener("mousemove", move);
    document.removeEventListener("mouseup", end);
    document.removeEventListener("keydown", cancel, true);
  };
  const draw = () => {
    const { to } = drag;
    selection.place(shape, !!to, to && { row: to.top, column: to.left }, to && { row: to.bottom - 1, column: to.right - 1 });
  };
  const reach = (row, column) => {
    drag.to = beside(drag.block, row, column);
    draw();
  };
  const move = (event) => {
    const { row, cell } = view.cellAt(event);
    clearInterval(drag.timer);
    const last = { row: within(row, table.length), column: within(cell, table.columns.length) };
    reach(last.row, last.column);
    const viewport = canvas.parentElement.getBoundingClientRect();
    const by = event.clientY > viewport.bottom ? 1 : event.clientY < viewport.top ? -1 : 0;
    if (!by) return;
    drag.timer = setInterval(() => {
      last.row = within(last.row + by, table.length);
      view.painter.scrollRowIntoView(last.row);
      reach(last.row, last.column);
    }, SCROLL_MS);
  };
  const end = (event) => {
    const { block, to, gen } = drag;
    stop();
    if (to) fill(block, to, gen, event.ctrlKey || event.metaKey || event.altKey);
  };
  const cancel = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    stop();
  };
  const fill = (block, to, gen, switched) => {
    if (gen !== table.gen) return;
    table.act("fill", { block: list(block), target: list(to), switched });
    const [top, left] = [Math.min(block.top, to.top), Math.min(block.left, to.left)];
    const [bottom, right] = [Math.max(block.bottom, to.bottom), Math.max(block.right, to.right)];
    selection.select({ row: top, column: left }, { row: bottom - 1, column: right - 1 });
  };

  node.addEventListener("mousedown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    view.focus();
    drag = { block: selection.block(), to: null, gen: table.gen, timer: null };
    document.addEventListener("mousemove", move);
    document.addEventListener("mouseup", end);
    document.addEventListener("keydown", cancel, true);
  });
  // To the last row, as where a column beside it is filled.
  node.addEventListener("dblclick", (event) => {
    event.stopPropagation();
    const block = selection.block();
    const to = { ...block, top: block.bottom, bottom: table.length };
    if (to.top < to.bottom) fill(block, to, table.gen, false);
  });
  return { place, stop };
}

function within(at, length) {
  return Math.max(0, Math.min(at, length - 1));
}

// The block between another one and a cell outside of it, null inside.
function beside(block, row, column) {
  const down = Math.max(row - block.bottom + 1, block.top - row, 0);
  const across = Math.max(column - block.right + 1, block.left - column, 0);
  if (!down && !across) return null;
  if (down >= across) {
    return row < block.top ? { ...block, top: row, bottom: block.top } : { ...block, top: block.bottom, bottom: row + 1 };
  }
  return column < block.left
    ? { ...block, left: column, right: block.left }
    : { ...block, left: block.right, right: column + 1 };
}
