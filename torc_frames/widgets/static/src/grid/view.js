// One view of a table: what is on the page, and what can be done with it.
import { clipboard, list } from "./clipboard.js";
import { Columns } from "./columns.js";
import { Editor } from "./editor.js";
import { FindBar } from "./findbar.js";
import { EDIT_HELP, HELP, keyboard } from "./keyboard.js";
import { fillDown, handle } from "./fill.js";
import { contextMenu } from "./menu.js";
import { OfferBar } from "./offer.js";
import { Painter } from "./painter.js";
import { pointer } from "./pointer.js";
import { Selection } from "./selection.js";
import { Table } from "./table.js";
import { widths } from "./widths.js";

const SELECTED_MS = 150;

// `hooks` draw what a table is more than its texts, each where it is given:
//   heading(column) -> Node               instead of name and dtype
//   cell(column, text, row) -> Node|string|undefined   instead of the text, which is copied and edited all the same
//   rowClass(row) -> string               classes of a row beside the grid's own
//   label(column) -> string, short(column, text) -> string   what heading and cell show, for how wide a column is
// A column is one of the head's, a row its position; call `redecorate` when they would draw otherwise.
export class View {
  constructor(model, el, hooks = {}) {
    this.model = model;
    this.leaving = false;
    this.note = "";
    this.byHand = new Map();
    this.next = null;
    this.build(el);
    this.table = new Table(model, {
      head: (others, isNew) => this.onHead(others, isNew),
      rows: (rows, isChange) => this.onRows(rows, isChange),
      note: (text) => this.onNote(text),
      offer: (offer) => this.offer.show(offer),
      focus: (row, column) => this.selection.go(row, column),
    });
    this.painter = new Painter(this.host, this.table, el.getRootNode(), hooks);
    this.selection = new Selection(this.painter, this.table, () => this.onSelection());
    this.editor = new Editor(this, (at, text) => this.onTyped(at, text));
    keyboard(this);
    clipboard(this);
    this.stopPointer = pointer(this);
    this.offer = new OfferBar(this);
    this.findbar = new FindBar(this);
    this.handle = handle(this, this.painter.getCanvasNode());
    this.columns = new Columns(this);
    contextMenu(this);
    this.painter.onViewportChanged.subscribe(() => this.needRows());
    this.host.addEventListener("focus", () => this.onFocus());
    this.host.addEventListener("blur", () => this.onBlur());
    this.observer = new ResizeObserver(() => this.painter.fit(model.get("_height")));
    this.observer.observe(this.whole);
  }

  destroy() {
    this.editor.close(true);
    this.closeMenu?.();
    clearTimeout(this.timer);
    this.stopPointer();
    this.handle.stop();
    this.observer.disconnect();
    this.table.destroy();
    this.painter.destroy();
  }

  redecorate() {
    this.painter.redecorate();
    this.painter.fit(this.model.get("_height"));
  }

  build(el) {
    this.whole = document.createElement("div");
    this.whole.className = "tf-table";
    this.host = document.createElement("div");
    this.host.className = "tf-grid";
    this.host.tabIndex = 0;
    this.host.setAttribute("aria-label", this.model.get("_label"));
    this.host.setAttribute("aria-multiselectable", "true");
    this.bar = document.createElement("div");
    this.bar.className = "tf-status";
    this.bar.setAttribute("role", "status");
    this.whole.append(this.host, this.bar);
    el.append(this.whole);
  }

  focus() {
    this.host.focus({ preventScroll: true });
  }

  onFocus() {
    this.whole.classList.add("tf-focused");
    this.leaving = false;
    if (!this.selection.active && this.table.length) this.selection.go(0, 0);
    else this.onSelection();
  }

  // Whatever the focus goes to may act on what is selected.
  onBlur() {
    this.whole.classList.remove("tf-focused");
    clearTimeout(this.timer);
    if (this.table.columns.length) this.sendSelection();
  }

  onHead(others, isNew) {
    const { host, painter, selection, table } = this;
    const interrupted = isNew ? this.interrupt() : null;
    if (others) painter.setTable(widths(table, this.byHand, host, painter.hooks));
    host.setAttribute("aria-rowcount", table.length + 1);
    host.setAttribute("aria-colcount", table.columns.length);
    host.setAttribute("aria-readonly", !table.editable);
    host.setAttribute("aria-description", (table.editable ? EDIT_HELP : "") + HELP);
    this.markOrder();
    this.note = "";
    painter.updateRowCount();
    if (isNew) painter.invalidate();
    painter.fit(this.model.get("_height"));
    if (this.next) selection.go(this.next.row, this.next.column);
    else selection.settle();
    this.next = null;
    if (isNew) this.findbar.moved();
    if (isNew) this.offer.close();
    if (interrupted !== null) this.note = `The table changed while you typed ${JSON.stringify(interrupted)}: type it again.`;
    this.showStatus();
    this.needRows();
  }

  // The rows moved while a cell was typed in: what is typed belongs to no place any more.
  interrupt() {
    if (!this.editor.isOpen) return null;
    const text = this.editor.field.value;
    this.editor.close(false);
    return text;
  }

  onNote(text) {
    this.next = null;
    this.tell(text);
  }

  onRows(rows, isChange) {
    if (isChange) this.note = "";
    if (rows.length) this.painter.invalidateRows(rows);
    this.painter.render();
    this.needRows();
    this.onSelection();
  }

  needRows() {
    const { top, bottom } = this.painter.getViewport();
    this.table.need(top, bottom);
  }

  markOrder() {
    const { columns, order } = this.table;
    columns.forEach((_column, at) => {
      const node = this.headerNode(at);
      if (!node) return;
      node.setAttribute("aria-colindex", at + 1);
      const direction = order?.[0] === at ? (order[1] ? "ascending" : "descending") : "none";
      node.setAttribute("aria-sort", direction);
    });
    this.host.querySelector(".slick-header-columns")?.setAttribute("aria-rowindex", 1);
  }

  headerNode(column) {
    return this.host.querySelector(`#${CSS.escape(this.painter.headerId(column))}`);
  }

  // None, ascending, descending, and round again.
  sort(column) {
    const { order } = this.table;
    this.sortBy(column, order?.[0] !== column ? true : order[1] ? false : null);
  }

  sortBy(column, ascending) {
    this.table.order = ascending === null ? null : [column, ascending];
    this.markOrder();
    this.table.send("sort", { column, ascending });
  }

  widen(column, by) {
    const columns = this.painter.getColumns();
    columns[column].width = Math.max(40, columns[column].width + by);
    this.painter.setColumns(columns);
    this.resized();
  }

  resized() {
    this.painter.getColumns().forEach((column, at) => {
      this.byHand.set(this.table.columns[at].name, column.width);
    });
    this.markOrder();
    this.painter.fit(this.model.get("_height"));
    this.selection.show();
  }

  tell(text) {
    this.note = text;
    this.showStatus();
  }

  showStatus() {
    const { active, header } = this.selection;
    const error = active && !header ? this.table.error(active.row, active.column) : undefined;
    const text = this.note || error || this.table.status;
    this.bar.classList.toggle("tf-told", !!(this.note || error));
    if (this.bar.textContent !== text) this.bar.textContent = text;
  }

  onSelection() {
    const { active, header } = this.selection;
    for (const node of this.host.querySelectorAll(".tf-header-active")) node.classList.remove("tf-header-active");
    if (!active) this.host.removeAttribute("aria-activedescendant");
    else if (header) {
      const node = this.headerNode(active.column);
      node?.classList.add("tf-header-active");
      this.host.setAttribute("aria-activedescendant", this.painter.headerId(active.column));
    } else this.host.setAttribute("aria-activedescendant", this.painter.cellId(active.row, active.column));
    this.handle.place();
    this.showStatus();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.sendSelection(), SELECTED_MS);
  }

  sendSelection() {
    const block = this.selection.block();
    const key = JSON.stringify([this.table.gen, block]);
    if (key === this.sent || !block) return;
    this.sent = key;
    this.table.act("select", { block: list(block) });
  }

  cellAt(event) {
    const box = this.painter.getCanvasNode().getBoundingClientRect();
    return this.painter.cellAt(event.clientX - box.left, event.clientY - box.top);
  }

  // What is to be told before cells are changed, if they can't be.
  mayChange() {
    if (this.table.editable) return true;
    this.tell("This table is to look at: its cells can't be changed.");
    return false;
  }

  canEdit() {
    const { active } = this.selection;
    return this.table.editable && active !== null && !this.table.columns[active.column].read_only;
  }

  async edit(seed = null) {
    const { selection, table } = this;
    const at = selection.active;
    if (!at || !this.mayChange()) return;
    const column = table.columns[at.column];
    if (column.read_only) {
      this.tell(`${column.name} is read-only.`);
      return;
    }
    const { gen } = table;
    const whole = seed !== null || !table.isCut(at.row, at.column);
    const text = whole ? table.text(at.row, at.column) : (await table.ask("cell", at)).text;
    if (text === undefined || gen !== table.gen || this.editor.isOpen || selection.active !== at) return;
    selection.collapse();
    this.tell("");
    this.editor.open({ at, box: selection.box(at), column, text, seed });
    this.handle.place();
  }

  onTyped(at, text) {
    this.table.act("set", { cells: [[at.row, at.column, text]] });
    this.table.typed(at.row, at.column, text);
    this.painter.invalidateRows([at.row]);
    this.painter.render();
  }

  toggle() {
    const { selection, table } = this;
    const { row, column } = selection.active;
    if (table.columns[column].kind !== "bool" || !this.canEdit()) return false;
    const text = table.text(row, column).toLowerCase() === "true" ? "false" : "true";
    this.onTyped({ row, column }, text);
    return true;
  }

  clearCells() {
    if (this.mayChange()) this.table.act("clear", { block: list(this.selection.block()) });
  }

  paste(text) {
    const block = this.selection.block();
    if (block) this.table.act("paste", { block: list(block), text });
  }

  fillDown() {
    fillDown(this);
  }

  drawFrames() {
    this.selection.draw();
    this.handle.place();
    this.findbar.showScope();
  }

  insertRow(above) {
    if (!this.mayChange()) return;
    const block = this.selection.block();
    const at = block ? (above ? block.top : block.bottom) : 0;
    this.next = { row: at, column: this.selection.active?.column ?? 0 };
    this.table.act("insert", { at, count: 1 });
  }

  duplicateRows() {
    if (!this.mayChange()) return;
    const { top, bottom } = this.selection.block();
    this.next = { row: bottom, column: this.selection.active.column };
    this.table.act("duplicate", { start: top, stop: bottom });
  }

  deleteRows() {
    if (!this.mayChange()) return;
    const { top, bottom } = this.selection.block();
    this.table.act("delete", { start: top, stop: bottom });
  }
}
