// The bar below the grid that asks what texts mean which were no values. It never takes the focus: F6 goes to it.

export class OfferBar {
  constructor(view) {
    this.view = view;
    this.id = null;
    this.bar = document.createElement("div");
    this.bar.className = "tf-offer";
    this.bar.hidden = true;
    this.bar.setAttribute("role", "group");
    this.bar.setAttribute("aria-label", "What the texts mean");
    this.text = document.createElement("span");
    this.text.setAttribute("aria-live", "polite");
    this.buttons = document.createElement("span");
    this.buttons.className = "tf-offer-choices";
    this.bar.append(this.text, this.buttons);
    this.bar.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.answer(null);
    });
    view.whole.insertBefore(this.bar, view.bar);
  }

  show({ id, text, choices }) {
    this.id = id;
    this.text.textContent = choices.length ? text : "";
    this.buttons.replaceChildren(
      ...choices.map(({ label, example }, at) => {
        const isOnly = choices.length === 1;
        return this.button(isOnly ? "Read so" : example, isOnly ? example : label, () => this.answer(at));
      }),
      this.button("Leave as errors", "", () => this.answer(null)),
    );
    this.place(choices.length > 0);
  }

  button(text, told, onClick) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "tf-button";
    made.textContent = text;
    if (told) {
      const beside = document.createElement("small");
      beside.textContent = told;
      made.append(" ", beside);
    }
    made.addEventListener("click", onClick);
    return made;
  }

  focus() {
    if (!this.bar.hidden) this.buttons.firstChild.focus();
    return !this.bar.hidden;
  }

  answer(choice) {
    const { id } = this;
    this.close();
    this.view.table.send("accept", { id, choice });
  }

  close() {
    this.place(false);
  }

  place(shown) {
    const inside = this.bar.contains(this.bar.getRootNode().activeElement);
    this.bar.hidden = !shown;
    if (inside && !shown) this.view.focus();
  }
}
