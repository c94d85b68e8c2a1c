// The active cell and the block around it: where they are, how they move, and the frames that show them.

export class Selection {
  constructor(painter, table, onChange) {
    this.painter = painter;
    this.table = table;
    this.onChange = onChange;
    this.active = null;
    this.anchor = null;
    this.corner = null;
    this.header = false;
    this.range = frame("tf-range");
    this.cell = frame("tf-active");
    painter.isSelected = (row, column) => this.contains(row, column);
    painter.getCanvasNode().append(this.range, this.cell);
  }

  // Ends are not part of it.
  block() {
    if (!this.active) return null;
    const [top, bottom] = [this.anchor.row, this.corner.row].sort((a, b) => a - b);
    const [left, right] = [this.anchor.column, this.corner.column].sort((a, b) => a - b);
    return { top, left, bottom: bottom + 1, right: right + 1 };
  }

  contains(row, column) {
    const block = this.block();
    return !!block && row >= block.top && row < block.bottom && column >= block.left && column < block.right;
  }

  go(row, column, { extend = false } = {}) {
    const { length, columns } = this.table;
    if (!length || !columns.length) return this.clear();
    const to = { row: clamp(row, length), column: clamp(column, columns.length) };
    this.header = false;
    this.corner = to;
    if (!extend || !this.active) this.active = this.anchor = to;
    this.painter.showCell(to.row, to.column);
    return this.show();
  }

  clear() {
    this.active = this.anchor = this.corner = null;
    this.show();
  }

  select(anchor, corner) {
    this.header = false;
    [this.anchor, this.corner] = [anchor, corner];
    this.show();
  }

  all() {
    this.select({ row: 0, column: 0 }, { row: this.table.length - 1, column: this.table.columns.length - 1 });
  }

  wholeRows() {
    const { top, bottom } = this.block();
    this.select({ row: top, column: 0 }, { row: bottom - 1, column: this.table.columns.length - 1 });
  }

  wholeColumns() {
    const { left, right } = this.block();
    this.select({ row: 0, column: left }, { row: this.table.length - 1, column: right - 1 });
  }

  collapse() {
    if (this.active) this.select(this.active, this.active);
  }

  toHeader(column) {
    this.header = true;
    const { length } = this.table.columns;
    if (length) this.active = this.anchor = this.corner = { row: this.active?.row ?? 0, column: clamp(column, length) };
    this.painter.scrollColumnIntoView?.(this.active.column);
    this.show();
  }

  // After the table has become another one: stay, or as near as there are rows.
  settle() {
    if (!this.active) return;
    const { length, columns } = this.table;
    if (!length || !columns.length) {
      this.clear();
      return;
    }
    const within = ({ row, column }) => ({ row: clamp(row, length), column: clamp(column, columns.length) });
    [this.active, this.anchor, this.corner] = [this.active, this.anchor, this.corner].map(within);
    this.show();
  }

  show() {
    this.draw();
    this.painter.markSelected();
    this.onChange();
  }

  draw() {
    const block = this.block();
    const single = block && block.bottom - block.top === 1 && block.right - block.left === 1;
    this.place(this.cell, !this.header && this.active, this.active);
    this.place(this.range, block && !single && !this.header, this.anchor, this.corner);
  }

  place(node, visible, from, to = from) {
    node.hidden = !visible;
    if (!visible) return;
    const [a, b] = [this.box(from), this.box(to)];
    const [left, top] = [Math.min(a.left, b.left), Math.min(a.top, b.top)];
    Object.assign(node.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${Math.max(a.right, b.right) - left}px`,
      height: `${Math.max(a.bottom, b.bottom) - top}px`,
    });
  }

  box({ row, column }) {
    return this.painter.seen(this.painter.getCellNodeBox(row, column) ?? { left: 0, top: 0, right: 0, bottom: 0 }, column);
  }
}

export function frame(name) {
  const node = document.createElement("div");
  node.className = name;
  node.hidden = true;
  node.setAttribute("aria-hidden", "true");
  return node;
}

function clamp(value, length) {
  return Math.max(0, Math.min(value, length - 1));
}
