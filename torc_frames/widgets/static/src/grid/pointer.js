// The mouse: a click goes to a cell, and switches the box in it, dragging selects, a double click edits, a click on a heading sorts.

const SCROLL_MS = 60;

export function pointer(view) {
  const { host, painter, selection } = view;
  const canvas = painter.getCanvasNode();
  let timer = null;

  const onMove = (event) => {
    const to = view.cellAt(event);
    clearInterval(timer);
    const extend = () => selection.go(to.row, to.cell, { extend: true });
    extend();
    const viewport = canvas.parentElement.getBoundingClientRect();
    const by = event.clientY > viewport.bottom ? 1 : event.clientY < viewport.top ? -1 : 0;
    if (by) timer = setInterval(() => selection.go(selection.corner.row + by, to.cell, { extend: true }), SCROLL_MS);
  };
  const onUp = () => {
    clearInterval(timer);
    document.removeEventListener("mousemove", onMove);
    document.removeEventListener("mouseup", onUp);
  };

  canvas.addEventListener("mousedown", (event) => {
    const cell = event.target.closest(".slick-cell");
    if (!cell || event.button !== 0) return;
    event.preventDefault();
    // Before the focus, which goes to the first cell where there is none, and rows scroll below the pointer.
    const { row, cell: column } = view.cellAt(event);
    selection.go(row, column, { extend: event.shiftKey });
    view.focus();
    document.addEventListener("mousemove", onMove);
    document.addEventListener("mouseup", onUp);
  });
  canvas.addEventListener("click", (event) => {
    if (event.target.closest(".tf-box") && !event.shiftKey) view.toggle();
  });
  canvas.addEventListener("dblclick", (event) => {
    if (event.target.closest(".tf-box") && view.canEdit()) return;
    if (event.target.closest(".slick-cell")) view.edit();
  });
  // Notebooks act on clicks and double clicks in outputs.
  host.addEventListener("dblclick", (event) => event.stopPropagation());
  // The notebook's menu is of its cells: "Delete Cell" would delete the notebook's. The browser's own is shown.
  view.whole.addEventListener("contextmenu", (event) => event.stopPropagation());
  view.whole.setAttribute("data-jp-suppress-context-menu", "");
  painter.onHeaderClick.subscribe((event, { column }) => {
    if (event.getNativeEvent().target.closest(".slick-resizable-handle")) return;
    view.focus();
    view.sort(column.field);
  });
  painter.onColumnsResized.subscribe(() => view.resized());
  return onUp;
}
