// The list of a field that chooses: typing narrows it, arrows go through it, a click takes from it.
import { popup } from "./popup.js";

const MISSING = "(missing)";
let made = 0;

export class Choices {
  constructor(view, field, choices, text) {
    this.field = field;
    this.all = ["", ...choices];
    this.at = -1;
    this.typed = false;
    this.list = document.createElement("div");
    this.list.className = "tf-choices";
    this.list.id = `tf-choices-${++made}`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "choices");
    const attributes = { role: "combobox", "aria-expanded": "true", "aria-autocomplete": "list", "aria-controls": this.list.id };
    for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);
    this.close = popup(view.whole, this.list, () => field.getBoundingClientRect());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const option = event.target.closest("[role=option]");
      if (option) this.onPick(this.shown[Number(option.dataset.at)]);
    });
    field.addEventListener("input", () => {
      this.typed = true;
      this.narrow();
    });
    this.shown = this.all;
    this.draw(this.all.indexOf(text));
  }

  narrow() {
    const wanted = this.field.value.trim().toLowerCase();
    const rank = (choice) => {
      const text = choice.toLowerCase();
      return text === wanted ? 0 : text.startsWith(wanted) ? 1 : text.includes(wanted) ? 2 : 3;
    };
    const named = this.all.filter((choice) => choice || !wanted);
    this.shown = named.filter((choice) => rank(choice) < 3).sort((a, b) => rank(a) - rank(b));
    // What only contains it is shown, and taken when one goes to it.
    this.draw(wanted && this.shown.length && rank(this.shown[0]) < 2 ? 0 : -1);
  }

  draw(at) {
    this.list.replaceChildren(
      ...this.shown.map((choice, place) => {
        const option = document.createElement("div");
        option.id = `${this.list.id}-${place}`;
        option.dataset.at = place;
        option.setAttribute("role", "option");
        option.classList.toggle("tf-missing", !choice);
        option.textContent = choice || MISSING;
        return option;
      }),
    );
    this.list.hidden = !this.shown.length;
    this.go(at);
  }

  move(by) {
    const { length } = this.shown;
    if (length) this.go((this.at + by + (this.at < 0 && by < 0 ? 1 : 0) + length) % length);
    this.typed = true;
  }

  go(at) {
    this.at = at;
    [...this.list.children].forEach((option, place) => option.setAttribute("aria-selected", place === at));
    const option = this.list.children[at];
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  // What the field means: the choice that is marked, else what was typed.
  value(before) {
    if (!this.typed) return before;
    return this.at >= 0 ? this.shown[this.at] : this.field.value;
  }
}
