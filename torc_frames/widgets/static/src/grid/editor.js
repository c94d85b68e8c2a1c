// The field that a cell is typed in. It lies over the cells, so that rows may be painted anew beneath it.

const FORGET_MS = 1000;

export class Editor {
  constructor(canvas, focusBack, onDone) {
    this.canvas = canvas;
    this.focusBack = focusBack;
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
    this.field = column.choices ? select(column, text, seed) : area(text, seed);
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
    this.canvas.append(this.frame);
    this.field.focus({ preventScroll: true });
    if (this.field instanceof HTMLTextAreaElement) {
      this.grow();
      this.field.addEventListener("input", () => this.grow());
      if (this.seeded) this.field.setSelectionRange(seed.length, seed.length);
      else this.field.select();
    }
    this.field.addEventListener("blur", () => this.close(true));
    for (const name of ["mousedown", "click", "dblclick"]) {
      this.frame.addEventListener(name, (event) => event.stopPropagation());
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

  close(keep) {
    if (!this.field) return;
    const { field, at, before } = this;
    const text = field.value;
    this.field = null;
    if (field.getRootNode().activeElement === field) this.focusBack();
    this.frame.remove();
    if (keep && text !== before) this.onDone(at, text);
  }
}

function area(text, seed) {
  const field = document.createElement("textarea");
  field.rows = field.cols = 1;
  field.spellcheck = false;
  field.autocapitalize = "off";
  field.value = seed ?? text;
  return field;
}

function select(column, text, seed) {
  const field = document.createElement("select");
  const texts = ["", ...column.choices];
  if (!texts.includes(text)) texts.push(text);
  for (const each of texts) field.add(new Option(each || "(missing)", each));
  field.value = text;
  let typed = "";
  let last = 0;
  const find = (letter) => {
    typed = performance.now() - last > FORGET_MS ? letter : typed + letter;
    last = performance.now();
    const found = column.choices.find((choice) => choice.toLowerCase().startsWith(typed.toLowerCase()));
    if (found !== undefined) field.value = found;
  };
  if (seed) find(seed);
  field.addEventListener("keydown", (event) => {
    if (event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    find(event.key);
  });
  return field;
}
