// SlickGrid paints the rows that are in view. Focus, keys, selection and editing are not its business here.
import { SlickGrid } from "slickgrid";

const ROW_HEIGHT = 26;
const NUMBERS = new Set(["int", "float"]);

const OPTIONS = {
  autoEdit: false,
  editable: false,
  enableCellNavigation: false,
  enableColumnReorder: false,
  enableHtmlRendering: false,
  enableTextSelectionOnCells: false,
  explicitInitialization: true,
  forceFitColumns: false,
  rowHeight: ROW_HEIGHT,
  showCellSelection: false,
};

export class Painter extends SlickGrid {
  // What is drawn from outside, see `View`.
  constructor(host, table, root, hooks) {
    const shadowRoot = root instanceof ShadowRoot ? root : undefined;
    const rows = { getLength: () => table.length, getItem: (row) => table.rows.get(row), getItemMetadata: () => null };
    super(host, rows, [], { ...OPTIONS, shadowRoot });
    this.table = table;
    this.host = host;
    this.hooks = hooks;
    this.isSelected = () => false;
    this.scrolled = 0;
    this.init();
    for (const node of host.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
    // Else Chromium makes whatever scrolls a stop of the Tab key.
    for (const node of host.querySelectorAll(".slick-viewport")) {
      node.tabIndex = -1;
      node.setAttribute("role", "rowgroup");
    }
  }

  // The host keeps the focus, as rows come and go while one scrolls; and keys are its business.
  setFocus() {}
  handleKeyDown() {}

  // Paddings are within widths, whether or not the styles are there when the grid is made.
  measureCellPaddingAndBorder() {
    this.headerColumnWidthDiff = this.headerColumnHeightDiff = this.cellWidthDiff = this.cellHeightDiff = 0;
    this.absoluteColumnMinWidth = 0;
  }

  cellId(row, column) {
    return `${this.getUID()}-${row}-${column}`;
  }

  headerId(column) {
    return `${this.getUID()}c${column}`;
  }

  setTable(widths) {
    this.setColumns(
      this.table.columns.map((column, at) => ({
        id: `c${at}`,
        name: this.heading(column),
        toolTip: column.read_only ? `${column.name} (${column.dtype}, read-only)` : `${column.name} (${column.dtype})`,
        field: at,
        width: widths[at],
        minWidth: 40,
        cssClass: `${NUMBERS.has(column.kind) ? "tf-number" : column.kind === "bool" ? "tf-bool" : ""} ${this.stays(at)}`,
        headerCssClass: `${NUMBERS.has(column.kind) ? "tf-number" : ""} ${this.stays(at)}`,
        alwaysRenderColumn: at < this.frozen,
        formatter: (row, cell) => this.content(row, cell),
      })),
    );
  }

  // Columns that stay are moved along with what is scrolled: one canvas, whose cells are where they are.
  get frozen() {
    return Math.min(this.table.arrangement.frozen, this.table.columns.length);
  }

  stays(column) {
    return column < this.frozen ? `tf-frozen ${column === this.frozen - 1 ? "tf-frozen-last" : ""}` : "";
  }

  frozenWidth() {
    return this.getColumns().slice(0, this.frozen).reduce((sum, { width }) => sum + width, 0);
  }

  // Where a cell is seen: what has gone below the columns that stay is cut.
  seen({ left, top, right, bottom }, column) {
    if (column < this.frozen) return { left: left + this.scrolled, top, right: right + this.scrolled, bottom };
    const least = this.frozen ? this.scrolled + this.frozenWidth() : 0;
    return { left: Math.max(left, least), top, right: Math.max(right, least), bottom };
  }

  // The cell at a point of the canvas, as it is seen.
  cellAt(x, y) {
    const fromLeft = x - this.scrolled;
    return this.getCellFromPoint(this.frozen && fromLeft < this.frozenWidth() ? fromLeft : x, y);
  }

  showCell(row, column) {
    this.scrollRowIntoView(row);
    if (column < this.frozen) return;
    this.scrollCellIntoView(row, column);
    const viewport = this.getCanvasNode().parentElement;
    const { left } = this.getCellNodeBox(row, column) ?? { left: Infinity };
    if (this.frozen && left < viewport.scrollLeft + this.frozenWidth()) viewport.scrollLeft = left - this.frozenWidth();
  }

  heading(column) {
    return this.hooks.heading?.(column) ?? heading(column);
  }

  content(row, column) {
    const text = this.table.text(row, column);
    const { kind } = this.table.columns[column];
    return this.hooks.cell?.(this.table.columns[column], text, row) ?? (kind === "bool" ? box(text) : text);
  }

  // Columns, widths and where one has scrolled to stay.
  redecorate() {
    this.table.columns.forEach((column, at) => this.updateColumnHeader(`c${at}`, this.heading(column), this.getColumns()[at].toolTip));
    this.invalidate();
  }

  appendRowHtml(left, right, row, ...rest) {
    super.appendRowHtml(left, right, row, ...rest);
    const node = left[left.length - 1];
    const state = this.table.rows.get(row)?.state;
    node.setAttribute("aria-rowindex", row + 2);
    if (state) node.classList.add(`tf-${state}`);
    const more = this.table.rows.has(row) ? this.hooks.rowClass?.(row) : "";
    if (more) node.className += ` ${more}`;
  }

  appendCellHtml(parent, row, column, ...rest) {
    super.appendCellHtml(parent, row, column, ...rest);
    const node = parent.lastElementChild;
    const item = this.table.rows.get(row);
    node.id = this.cellId(row, column);
    node.removeAttribute("tabindex");
    node.removeAttribute("aria-describedby");
    node.setAttribute("aria-colindex", column + 1);
    node.setAttribute("aria-selected", this.isSelected(row, column));
    if (this.table.editable) node.setAttribute("aria-readonly", this.table.columns[column].read_only);
    if (this.table.columns[column].read_only) node.classList.add("tf-read-only");
    if (item) mark(node, item, column);
  }

  markSelected() {
    for (const node of this.host.querySelectorAll(".slick-row")) {
      const row = Number(node.dataset.row);
      for (const cell of node.children) {
        cell.setAttribute("aria-selected", this.isSelected(row, Number(cell.getAttribute("aria-colindex")) - 1));
      }
    }
  }

  // The height that all rows need, or the most that is allowed.
  fit(most) {
    const header = this.host.querySelector(".slick-pane-header").offsetHeight;
    const wide = this.getColumns().reduce((sum, column) => sum + column.width, 0) > this.host.clientWidth;
    const bar = wide ? this.getScrollbarDimensions()?.height ?? 0 : 0;
    const rows = Math.max(1, this.table.length) * ROW_HEIGHT;
    this.host.style.height = `${Math.min(most, header + rows + bar + 2)}px`;
    this.resizeCanvas();
  }
}

function mark(node, item, column) {
  const marks = [];
  if (item.state === "new") marks.push("new row");
  if (item.state === "deleted") marks.push("deleted");
  if (item.changed.includes(column)) {
    node.classList.add("tf-changed");
    marks.push("changed");
  }
  const error = item.errors[column];
  if (error) {
    node.classList.add("tf-invalid");
    node.setAttribute("aria-invalid", "true");
    marks.push(error);
  }
  if (marks.length) node.setAttribute("aria-description", marks.join("; "));
  const text = item.texts[column] ?? "";
  if (error || text.length > 12 || node.textContent !== text) node.title = error ? `${error}\n\n${text}` : text;
}

// A value is a box, and a missing one a box of another look; what is no value is shown as it was typed.
function box(text) {
  const state = { true: "on", false: "off", "": "missing" }[text.toLowerCase()];
  if (!state) return text;
  const whole = document.createElement("span");
  whole.className = `tf-box tf-${state}`;
  const told = document.createElement("span");
  told.className = "tf-hidden-text";
  told.textContent = text;
  whole.append(told);
  return whole;
}

function heading(column) {
  const whole = document.createElement("span");
  const name = document.createElement("span");
  const dtype = document.createElement("span");
  whole.className = "tf-heading";
  name.className = "tf-name";
  dtype.className = "tf-dtype";
  name.textContent = column.name;
  dtype.textContent = column.dtype;
  whole.append(name, dtype);
  return whole;
}
