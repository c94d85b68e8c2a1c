// What Python has told of the table, a page of rows at a time. The messages are described in messages.py.

const PAGE = 100;
const KEPT_PAGES = 60;
const PAUSE_MS = 40;

export class Table {
  constructor(model, listeners) {
    this.model = model;
    this.listeners = listeners;
    this.gen = -1;
    this.length = 0;
    this.columns = [];
    this.order = null;
    this.arrangement = { hidden: [], order: [], frozen: 0 };
    this.editable = false;
    this.status = "";
    this.rows = new Map();
    this.pages = new Set();
    this.waiting = new Map();
    this.lastAsked = 0;
    this.receive = this.receive.bind(this);
    model.on("msg:custom", this.receive);
    this.send("hello");
  }

  destroy() {
    clearTimeout(this.timer);
    this.model.off("msg:custom", this.receive);
  }

  send(op, fields = {}) {
    this.model.send({ op, ...fields });
  }

  // An operation on positions: Python refuses it if the rows have moved since.
  act(op, fields = {}) {
    this.send(op, { gen: this.gen, ...fields });
  }

  // Ask for what the page has not got.
  ask(op, fields) {
    const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.act(op, { id, ...fields });
    });
  }

  text(row, column) {
    return this.rows.get(row)?.texts[column] ?? "";
  }

  error(row, column) {
    return this.rows.get(row)?.errors[column];
  }

  isCut(row, column) {
    return this.rows.get(row)?.cut.includes(column) ?? false;
  }

  // Whether a row is here as Python has it.
  has(row) {
    return this.rows.has(row) && this.pages.has(Math.floor(row / PAGE));
  }

  // Show at once what was typed; Python's answer replaces it.
  typed(row, column, text) {
    const item = this.rows.get(row);
    if (!item) return;
    item.texts[column] = text;
    delete item.errors[column];
  }

  // See to it that some rows are here. While one scrolls, only the rows where one rests are asked for.
  need(top, bottom) {
    clearTimeout(this.timer);
    const pause = this.lastAsked + PAUSE_MS - performance.now();
    if (pause > 0) this.timer = setTimeout(() => this.askFor(top, bottom), pause);
    else this.askFor(top, bottom);
  }

  askFor(top, bottom) {
    const last = Math.floor(Math.min(bottom, this.length - 1) / PAGE);
    for (let page = Math.max(0, Math.floor(top / PAGE)); page <= last; page++) {
      if (this.pages.has(page)) continue;
      this.pages.add(page);
      this.lastAsked = performance.now();
      const start = page * PAGE;
      this.act("rows", { start, stop: Math.min(start + PAGE, this.length) });
    }
    this.forget();
  }

  forget() {
    for (const page of this.pages) {
      if (this.pages.size <= KEPT_PAGES) return;
      this.pages.delete(page);
      for (let row = page * PAGE; row < (page + 1) * PAGE; row++) this.rows.delete(row);
    }
  }

  receive(message) {
    const handler = { head: "onHead", rows: "onRows", stale: "onStale", text: "onAnswer", answer: "onAnswer" }[message.kind];
    if (handler) this[handler](message);
    else if (message.kind === "note") this.listeners.note(message.text);
    else if (message.kind === "offer") this.listeners.offer(message);
    else if (message.kind === "focus") this.listeners.focus(message.row, message.column);
  }

  onHead(head) {
    const isNew = head.gen !== this.gen;
    const arrangement = head.arrangement ?? { hidden: [], order: [], frozen: 0 };
    const others =
      JSON.stringify(head.columns) !== JSON.stringify(this.columns) || arrangement.frozen !== this.arrangement.frozen;
    if (isNew) {
      this.rows.clear();
      this.pages.clear();
    }
    const { gen, length, columns, order, editable, status } = head;
    Object.assign(this, { gen, length, columns, order, editable, status, arrangement });
    if (isNew) this.keep(head);
    this.listeners.head(others, isNew);
  }

  onRows(message) {
    if (message.gen !== this.gen) return;
    if (message.status !== undefined) this.status = message.status;
    this.listeners.rows(this.keep(message), message.status !== undefined);
  }

  onStale(message) {
    if (message.gen !== this.gen) return;
    this.status = message.status;
    // They stay on the page until the new ones come.
    for (let at = Math.floor(message.start / PAGE); at * PAGE < message.stop; at++) this.pages.delete(at);
    this.listeners.rows([], true);
  }

  onAnswer({ id, kind, ...answer }) {
    this.waiting.get(id)?.(answer);
    this.waiting.delete(id);
  }

  keep({ start, rows }) {
    rows.forEach((row, at) => {
      this.rows.set(start + at, {
        texts: row.t,
        state: row.s ?? "",
        changed: row.c ?? [],
        errors: row.e ?? {},
        cut: row.x ?? [],
      });
    });
    if (start % PAGE === 0 && (rows.length === PAGE || start + rows.length === this.length)) {
      this.pages.add(start / PAGE);
    }
    return rows.map((_, at) => start + at);
  }
}
