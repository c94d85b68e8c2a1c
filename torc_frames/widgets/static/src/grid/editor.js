// The field that a cell is typed in. It lies over the cells, so that rows may be painted anew beneath it.

import { Choices } from "./choices.js";

export class Editor {
  constructor(view, onDone) {
    this.view = view;
    this.onDone = onDone;
    this.field = null;
  }

  get isOpen() {
    return this.field !== null;
  }

  // `seed` is what was typed to begin with; it replaces what the cell has.
  open({ at, box, column, text, seed }) {
    this.at = at;
    this.before = text;
    this.seeded = seed !== null;
    this.field = column.choices ? input(text, seed) : area(text, seed);
    this.field.classList.add("tf-field");
    this.field.setAttribute("aria-label", `${column.name}, row ${at.row + 1}`);
    this.frame = document.createElement("div");
    this.frame.className = "tf-editor";
    this.frame.setAttribute("role", "row");
    const cell = document.createElement("div");
    cell.setAttribute("role", "gridcell");
    cell.append(this.field);
    this.frame.append(cell);
    Object.assign(this.frame.style, {
      left: `${box.left}px`,
      top: `${box.top}px`,
      minWidth: `${box.right - box.left}px`,
      minHeight: `${box.bottom - box.top}px`,
    });
    this.view.painter.getCanvasNode().append(this.frame);
    this.field.focus({ preventScroll: true });
    if (this.seeded) this.field.setSelectionRange(seed.length, seed.length);
    else this.field.select();
    if (column.choices) this.choose(column, text);
    else {
      this.grow();
      this.field.addEventListener("input", () => this.grow());
    }
    this.field.addEventListener("blur", () => this.close(true));
    for (const name of ["mousedown", "click", "dblclick"]) {
      this.frame.addEventListener(name, (event) => event.stopPropagation());
    }
  }

  choose(column, text) {
    this.choices = new Choices(this.view, this.field, column.choices, text);
    this.choices.onPick = (choice) => {
      this.close(true, choice);
    };
    if (this.seeded) {
      this.choices.typed = true;
      this.choices.narrow();
    }
  }

  // Long texts get more room, to the right and below.
  grow() {
    const { field } = this;
    const lines = field.value.split("\n");
    const longest = Math.max(...lines.map((line) => line.length));
    field.style.width = `max(100%, ${Math.min(60, longest + 2)}ch)`;
    field.style.height = "";
    if (lines.length > 1 || longest > 58) field.style.height = `${Math.min(160, field.scrollHeight)}px`;
  }

  close(keep, choice) {
    if (!this.field) return;
    const { field, at, before, choices } = this;
    const text = choice ?? choices?.value(before) ?? field.value;
    this.field = this.choices = null;
    choices?.close();
    if (field.getRootNode().activeElement === field) this.view.focus();
    this.frame.remove();
    if (keep && text !== before) this.onDone(at, text);
  }
}

function input(text, seed) {
  const field = document.createElement("input");
  field.type = "text";
  field.spellcheck = false;
  field.autocomplete = "off";
  field.value = seed ?? text;
  return field;
}

function area(text, seed) {
  const field = document.createElement("textarea");
  field.rows = field.cols = 1;
  field.spellcheck = false;
  field.autocapitalize = "off";
  field.value = seed ?? text;
  return field;
}
