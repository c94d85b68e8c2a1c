// Columns that are hidden, moved, frozen and fitted. Python keeps how they are arranged, for all views.
import { widths } from "./widths.js";

const WIDEST = 800;

export class Columns {
  constructor(view) {
    this.view = view;
    const { host, painter } = view;
    painter.onScroll.subscribe((_event, { scrollLeft }) => {
      if (painter.scrolled === scrollLeft) return;
      painter.scrolled = scrollLeft;
      host.style.setProperty("--tf-scrolled", `${scrollLeft}px`);
      if (painter.frozen) view.drawFrames();
    });
    host.addEventListener("dblclick", (event) => {
      if (!event.target.closest(".slick-resizable-handle")) return;
      this.fit(Number(event.target.closest(".slick-header-column").dataset.id.slice(1)));
    });
  }

  arrange(fields) {
    this.view.table.send("arrange", { ...this.view.table.arrangement, ...fields });
  }

  names() {
    return this.view.table.columns.map(({ name }) => name);
  }

  hide(column) {
    const { hidden, frozen } = this.view.table.arrangement;
    this.arrange({ hidden: [...hidden, this.names()[column]], frozen: column < frozen ? frozen - 1 : frozen });
  }

  showAll() {
    this.arrange({ hidden: [] });
  }

  move(column, by) {
    const order = this.names();
    order.splice(column + by, 0, ...order.splice(column, 1));
    this.view.next = { row: this.view.selection.active.row, column: column + by };
    this.arrange({ order });
  }

  freeze(frozen) {
    this.arrange({ frozen });
  }

  fit(column) {
    const { painter, table, host } = this.view;
    const shown = painter.getColumns();
    shown[column].width = widths(table, new Map(), host, WIDEST)[column];
    painter.setColumns(shown);
    this.view.resized();
  }
}
