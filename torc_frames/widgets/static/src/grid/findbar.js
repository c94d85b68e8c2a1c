// The bar above the grid in which one looks for a text, and replaces it. Python looks: it has all rows.
import { list } from "./clipboard.js";
import { isModified, keepKeys } from "./keyboard.js";
import { frame } from "./selection.js";

const TYPING_MS = 150;
const OPTIONS = {
  case: ["Aa", "Match case"],
  whole: ["\u201cab\u201d", "Whole cell"],
  regex: [".*", "Regular expression"],
};

export class FindBar {
  constructor(view) {
    this.view = view;
    this.block = null;
    this.last = Promise.resolve();
    this.build();
    view.whole.prepend(this.bar);
    this.shape = frame("tf-scope");
    view.painter.getCanvasNode().append(this.shape);
  }

  build() {
    this.bar = node("div", "tf-find", { role: "search", "aria-label": "Find in the table" });
    this.bar.hidden = true;
    this.text = field("Find");
    this.count = node("span", "tf-count", { "aria-live": "polite" });
    this.options = {};
    for (const [name, [label, told]] of Object.entries(OPTIONS)) this.options[name] = this.toggle(label, told);
    this.within = this.toggle("", "Only in the cells that were selected");
    const line = node("div", "tf-find-line");
    line.append(this.text, this.count);
    line.append(button("\u2191", "Previous (Shift+Enter)", () => this.look("back")));
    line.append(button("\u2193", "Next (Enter)", () => this.look("next")));
    line.append(...Object.values(this.options), this.within);
    line.append(button("\u00d7", "Close (Escape)", () => this.close()));
    this.by = field("Replace by");
    this.second = node("div", "tf-find-line");
    this.second.append(
      this.by,
      button("Replace", "Replace in this cell and go to the next (Enter)", () => this.replaceOne()),
      button("Replace all", "Replace in all cells that are counted", () => this.replaceAll()),
    );
    this.bar.append(line, this.second);
    this.text.addEventListener("input", () => this.soon());
    keepKeys(this.view, this.bar, (event) => this.onKey(event));
  }

  toggle(label, told) {
    const made = button(label, told, () => {
      made.setAttribute("aria-pressed", made.getAttribute("aria-pressed") !== "true");
      if (made === this.within) this.showScope();
      this.look("here");
    });
    made.setAttribute("aria-pressed", "false");
    return made;
  }

  open(replacing) {
    const { view } = this;
    const block = view.selection.header ? null : view.selection.block();
    const cells = block ? (block.bottom - block.top) * (block.right - block.left) : 0;
    const fresh = this.bar.hidden || !this.bar.contains(this.bar.getRootNode().activeElement);
    if (fresh) {
      this.block = cells > 1 ? block : null;
      this.within.hidden = !this.block;
      this.within.textContent = `in ${cells.toLocaleString("en")} cells`;
      this.within.setAttribute("aria-pressed", cells > 1);
    }
    this.bar.hidden = false;
    this.second.hidden = !(replacing && view.table.editable);
    this.showScope();
    (replacing && view.table.editable && this.text.value ? this.by : this.text).focus();
    this.text.select();
    if (fresh && this.text.value) this.look("here");
  }

  close() {
    if (this.bar.hidden) return;
    const inside = this.bar.contains(this.bar.getRootNode().activeElement);
    this.bar.hidden = true;
    this.showScope();
    clearTimeout(this.timer);
    if (inside) this.view.focus();
  }

  // Where rows have moved, nobody knows what was selected.
  moved() {
    if (this.bar.hidden || !this.scope()) return;
    this.close();
    this.view.tell("The rows have moved: select the cells to look in once more.");
  }

  scope() {
    return this.within.getAttribute("aria-pressed") === "true" ? this.block : null;
  }

  showScope() {
    const block = this.bar.hidden ? null : this.scope();
    const last = block && { row: block.bottom - 1, column: block.right - 1 };
    this.view.selection.place(this.shape, !!block, block && { row: block.top, column: block.left }, last);
  }

  onKey(event) {
    const { key, shiftKey, altKey } = event;
    const isFind = isModified(event) && ["f", "h"].includes(key.toLowerCase());
    if (isFind) this.open(key.toLowerCase() === "h");
    else if (key === "Escape") this.close();
    else if (key === "Enter" && event.target === this.by) altKey ? this.replaceAll() : this.replaceOne();
    else if (key === "Enter" && event.target === this.text) this.look(shiftKey ? "back" : this.timer ? "here" : "next");
    else return;
    event.preventDefault();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look("here"), TYPING_MS);
  }

  wanted() {
    const options = Object.entries(this.options).map(([name, one]) => [name, one.getAttribute("aria-pressed") === "true"]);
    const block = this.scope();
    return { text: this.text.value, block: block && list(block), ...Object.fromEntries(options) };
  }

  // One after the other: each goes on from where the one before has gone.
  look(way) {
    clearTimeout(this.timer);
    this.timer = null;
    this.last = this.last.then(() => this.lookFrom(way));
    return this.last;
  }

  async lookFrom(way) {
    const { selection, table } = this.view;
    if (!this.text.value && !this.wanted().whole) {
      this.tell("");
      return;
    }
    const { row, column } = selection.active ?? { row: 0, column: 0 };
    const { count, at, error, ...to } = await table.ask("find", { ...this.wanted(), at: [row, column], way });
    if (error) this.tell(error, true);
    else if (this.bar.hidden) return;
    else if (!count) this.tell("no cell", true);
    else {
      this.tell(`${at.toLocaleString("en")} of ${count.toLocaleString("en")}`);
      selection.go(to.row, to.column);
    }
  }

  async replaceOne() {
    const { active } = this.view.selection;
    if (!active || this.timer) {
      await this.look("here");
      return;
    }
    const { row, column } = active;
    const { error } = await this.put({ block: [row, column, row + 1, column + 1] });
    if (!error) await this.look("next");
  }

  async replaceAll() {
    const { count } = await this.put({});
    if (count !== undefined) this.tell(`replaced in ${count.toLocaleString("en")} ${count === 1 ? "cell" : "cells"}`);
  }

  async put(fields) {
    const answer = await this.view.table.ask("replace", { ...this.wanted(), by: this.by.value, ...fields });
    if (answer.error) this.tell(answer.error, true);
    return answer;
  }

  tell(text, isWrong = false) {
    this.count.textContent = text;
    this.text.classList.toggle("tf-wrong", isWrong);
  }
}

function node(tag, name, attributes = {}) {
  const made = document.createElement(tag);
  made.className = name;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

function field(label) {
  const made = node("input", "tf-input", { "aria-label": label, placeholder: label, spellcheck: "false" });
  made.type = "text";
  return made;
}

function button(label, told, onClick) {
  const made = node("button", "tf-button", { title: told, "aria-label": told });
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", onClick);
  return made;
}
