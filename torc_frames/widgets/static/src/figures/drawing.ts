// A figure in an element: it follows the pointer and the keys by itself, and says what it was told.
import { contains, Stack, type Pen } from "./canvas";
import type { Chart, View } from "./chart";
import { Coverage } from "./coverage";
import { Heat } from "./heat";
import { History } from "./history";
import { Importance } from "./importance";
import { ink, type Ink } from "./ink";
import { Parallel } from "./parallel";
import { Progress } from "./progress";
import { Scatter } from "./scatter";
import { Tip } from "./tip";
import type { Figure, Kind, Listeners, Look, Ranges } from "./types";

const CHARTS: Record<Kind, new (figure: Figure, look: Look) => Chart> = {
  scatter: Scatter, parallel: Parallel, heat: Heat, history: History, importance: Importance, coverage: Coverage, progress: Progress,
};
const KEYS = {
  box: "Arrow keys move a brush, with Shift they move its end, Home and End move it to the ends, Escape frees it.",
  axes: "Left and Right choose an axis, Up and Down move its brush, with Shift its end, Home and End move it to the ends, Escape frees all.",
};
const CLICK = 3; // pixels that a click may slip
const HIDDEN = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap";
enum Part { nothing, front, rows, all }

let made = 0;

export class Drawing {
  private readonly stack: Stack;
  private readonly tip: Tip;
  private readonly about: HTMLElement;
  private readonly live: HTMLElement;
  private readonly observer: ResizeObserver;
  private readonly stop = new AbortController();
  private chart: Chart | null = null;
  private figure: Figure | null = null;
  private look: Look | null = null;
  private ink: Ink | null = null;
  private ranges: Ranges = {};
  private readonly sent: string[] = []; // ranges that nobody has answered yet
  private adopted = "";
  private pressed: [number, number] | null = null;
  private pointer: [number, number] | null = null;
  private hover = -1;
  private isDirty = false;
  private part = Part.nothing;
  private frame = 0;

  constructor(private readonly el: HTMLElement, private readonly kind: Kind, private readonly listeners: Listeners) {
    this.stack = new Stack(el);
    this.tip = new Tip(el);
    this.about = el.appendChild(document.createElement("div"));
    this.live = el.appendChild(document.createElement("div"));
    this.about.hidden = true;
    this.about.id = `tf-figure-${++made}`;
    this.live.style.cssText = HIDDEN;
    this.live.setAttribute("role", "status");
    const { front } = this.stack;
    front.setAttribute("aria-describedby", this.about.id);
    this.listen(front);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(el);
  }

  draw(figure: Figure, look: Look) {
    const [before, inkBefore] = [this.look, this.ink];
    [this.look, this.ink] = [look, ink(this.el)];
    const isSame = this.chart !== null && same(figure, this.figure) && sameColours(look, before);
    if (!isSame) this.begin(figure, look);
    this.adopt(look);
    this.stack.front.setAttribute("aria-label", look.label);
    this.soon(isSame && this.ink.key === inkBefore?.key ? Part.rows : Part.all);
  }

  resize() {
    if (this.look) this.ink = ink(this.el);
    this.soon(Part.all);
  }

  destroy() {
    this.stop.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    for (const node of [...this.stack.canvases, this.about, this.live]) node.remove();
    this.tip.remove();
  }

  private begin(figure: Figure, look: Look) {
    this.leave();
    this.figure = figure;
    const chart = new CHARTS[this.kind](figure, look);
    if (this.chart) chart.brush = this.chart.brush; // a drag goes on over rows that have become others
    this.chart = chart;
  }

  // What the page says is brushed, unless it is the answer to what was brushed here before the last.
  private adopt(look: Look) {
    const said = JSON.stringify(exact(look.ranges));
    const answered = this.sent.indexOf(said);
    if (answered >= 0) this.sent.splice(0, answered + 1);
    else if (said !== this.adopted) this.sent.length = 0;
    this.adopted = said;
    if (this.pressed || this.sent.length) {
      this.chart!.rows.take(look);
      this.chart!.rows.guess(this.ranges);
      return;
    }
    this.ranges = look.ranges;
    this.chart!.brush.show(look.ranges);
    this.chart!.rows.take(look);
  }

  private get view(): View {
    const isFiltered = this.look!.brushed || this.chart!.brush.isSet;
    const isFocused = this.stack.front.matches(":focus-visible");
    return { look: this.look!, isFiltered, hover: this.hover, isFocused, isDragged: this.pressed !== null };
  }

  // Painting, once a frame

  private soon(part: Part) {
    this.part = Math.max(this.part, part);
    this.frame ||= requestAnimationFrame(() => this.tick());
  }

  private tick() {
    const isMoved = this.stack.ratio !== devicePixelRatio; // to a screen with other pixels
    const part = isMoved ? Part.all : this.part;
    [this.frame, this.part] = [0, Part.nothing];
    if (this.isDirty) this.say();
    if (this.chart) this.paint(part);
  }

  private paint(part: Part) {
    const { chart, stack } = this;
    const { el } = this;
    if (part === Part.all && !stack.fit(el)) return;
    if (!stack.width || !this.ink || !chart) return;
    const nothing = chart.nothing();
    const pens = [0, 1, 2].map((at) => stack.pen(at, this.ink!));
    const { front } = stack;
    const isBrushed = !nothing && part === Part.all ? this.arrange(pens[0], chart) : chart.brush.tracks.length > 0 && !nothing;
    front.setAttribute("role", isBrushed ? "application" : "img");
    front.style.touchAction = isBrushed ? "none" : "";
    front.tabIndex = isBrushed ? 0 : -1;
    if (!isBrushed) front.removeAttribute("tabindex");
    if (nothing) return this.apologise(pens, nothing);
    const { view } = this;
    if (part === Part.all) chart.drawAxes(pens[0], view);
    if (part >= Part.rows) {
      pens[1].clear();
      chart.drawRows(pens[1], view);
      this.note(pens[1], chart, view);
      this.cut = [...pens[0].cut, ...pens[1].cut, ...(part === Part.all ? [] : this.cutBehind)];
      if (part === Part.all) this.cutBehind = pens[0].cut;
    }
    this.paintFront(pens[2], view);
    if (part === Part.all && this.pointer && !this.pressed) this.point();
  }
  private cut: Pen["cut"] = [];
  private cutBehind: Pen["cut"] = [];

  private arrange(pen: Pen, chart: Chart): boolean {
    chart.layout(pen, this.stack.width, this.stack.height);
    if (!this.pressed && !this.sent.length) chart.brush.show(this.ranges);
    return chart.brush.tracks.length > 0;
  }

  private paintFront(pen: Pen, view: View) {
    const { g } = pen;
    pen.clear();
    this.chart!.drawFront(pen, view);
    const { brush } = this.chart!;
    for (const { left, top, width, height } of brush.rects()) {
      g.fillStyle = pen.ink.css("accent", brush.box ? 0.1 : 0.28);
      g.fillRect(left, top, width, height);
      Object.assign(g, { strokeStyle: pen.ink.css("accent"), lineWidth: 1.5 });
      g.strokeRect(left, top, width, height);
    }
  }

  private apologise(pens: Pen[], why: string) {
    for (const pen of pens) pen.clear();
    const { width, height } = this.stack;
    pens[1].text(why, width / 2, height / 2, { align: "center", most: width - 24 });
    this.describe(why);
  }

  // What is missing is told where the figure is read: at its foot.
  private note(pen: Pen, chart: Chart, view: View) {
    const notes = chart.notes(view);
    const { width, height } = this.stack;
    const { y, most } = chart.noteRoom(pen, width, height);
    if (notes.length) pen.text(notes.join(" · "), width - 8, y, { align: "right", most });
    this.describe(notes.join(". "));
  }

  private describe(notes: string) {
    const { tracks, box } = this.chart!.brush;
    const text = [notes, tracks.length ? KEYS[box ? "box" : "axes"] : ""].filter(Boolean).join(". ");
    if (this.about.textContent !== text) this.about.textContent = text;
  }

  // Pointer and keys

  private listen(front: HTMLCanvasElement) {
    const { signal } = this.stop;
    const on = <K extends keyof HTMLElementEventMap>(name: K, act: (event: HTMLElementEventMap[K]) => void) =>
      front.addEventListener(name, (event) => void (this.chart && this.stack.width && !this.chart.nothing() && act(event)), { signal });
    on("pointerdown", (event) => this.onDown(event));
    on("pointermove", (event) => this.onMove(event));
    on("pointerup", (event) => this.onUp(event));
    on("pointercancel", (event) => this.onUp(event));
    on("pointerleave", () => {
      this.pointer = null;
      if (!this.pressed) this.leave();
    });
    on("keydown", (event) => this.onKey(event));
    for (const name of ["focus", "blur"] as const) on(name, () => this.soon(Part.front));
  }

  private where(event: PointerEvent): [number, number] {
    const { left, top } = this.stack.front.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  private onDown(event: PointerEvent) {
    if (event.button !== 0 || !event.isPrimary) return;
    this.pressed = this.where(event);
    this.stack.front.setPointerCapture(event.pointerId);
    if (this.chart!.brush.tracks.length) this.chart!.brush.begin(...this.pressed);
  }

  private onMove(event: PointerEvent) {
    this.pointer = this.where(event);
    if (!this.pressed) return this.point();
    if (!this.chart!.brush.isDragged || !this.isDrag(this.pointer)) return;
    this.show(-1);
    this.chart!.brush.drag(...this.pointer);
    this.brushed();
  }
  private hasSlipped = false;

  // Whether the pointer has gone so far that it is no click any more.
  private isDrag([x, y]: [number, number]) {
    this.hasSlipped ||= Math.hypot(x - this.pressed![0], y - this.pressed![1]) > CLICK;
    return this.hasSlipped;
  }

  private onUp(event: PointerEvent) {
    if (!this.pressed) return;
    const { brush } = this.chart!;
    const wasDrag = this.hasSlipped;
    [this.pressed, this.hasSlipped] = [null, false];
    if (wasDrag) {
      brush.end();
      this.tell();
      this.soon(Part.rows);
      return;
    }
    const at = this.chart!.at(...this.where(event), this.view);
    const freed = brush.isDragged && brush.click();
    if (at >= 0) this.listeners.choose(this.chart!.rowOf(at));
    else if (freed) this.brushed(), this.tell();
  }

  private onKey(event: KeyboardEvent) {
    const { brush } = this.chart!;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" ? !(brush.isSet || this.pressed) : !brush.key(event)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") [this.pressed, this.hasSlipped] = (brush.free(), [null, false]);
    if (alike(this.next(), this.ranges)) this.soon(Part.front);
    else this.brushed();
    this.tell();
  }

  private next(): Ranges {
    const own = this.chart!.brush.tracks.map(({ scale }) => scale.axis.name);
    const others = Object.entries(this.ranges).filter(([name]) => !own.includes(name));
    return { ...Object.fromEntries(others), ...this.chart!.brush.ranges() };
  }

  // The figure shows a brush at once; the page is told with the next frame.
  private brushed() {
    const next = this.next();
    if (!alike(next, this.ranges)) [this.ranges, this.isDirty] = [next, true];
    this.chart!.rows.guess(this.ranges);
    this.soon(Part.rows);
  }

  private say() {
    this.isDirty = false;
    this.sent.push(JSON.stringify(exact(this.ranges)));
    if (this.sent.length > 200) this.sent.shift();
    this.listeners.ranges({ ...this.ranges });
  }

  private tell() {
    const { brush, names } = this.chart!;
    this.live.textContent = brush.isSet ? `Brushed: ${brush.text(brush.tracks.map(({ scale }) => names[this.chart!.figure.axes.indexOf(scale.axis)]))}` : "Nothing brushed";
  }

  // What is under the pointer
  private point() {
    const [x, y] = this.pointer!;
    const { chart } = this;
    const at = chart!.at(x, y, this.view);
    this.show(at);
    const cursor = chart!.brush.tracks.length ? chart!.brush.cursor(x, y) : "default";
    this.stack.front.style.cursor = at >= 0 && (cursor === "crosshair" || cursor === "default") ? "pointer" : cursor;
    const whole = this.cut.find(({ box }) => contains(box, x, y));
    if (whole) this.tip.show([[whole.whole, ""]], x, y);
    else if (at >= 0) this.tip.show(chart!.tip(at, this.view), x, y);
    else this.tip.hide();
  }

  private show(at: number) {
    if (at < 0) this.tip.hide();
    if (at === this.hover) return;
    this.hover = at;
    if (this.chart?.hasJobs) this.listeners.hover(at < 0 ? null : this.chart.rowOf(at));
    this.soon(Part.front);
  }

  private leave() {
    if (this.chart) this.show(-1);
    this.tip.hide();
  }
}

// Ends as Python compares them, in the order of names.
function exact(ranges: Ranges) {
  return Object.keys(ranges).sort().map((name) => [name, Math.fround(ranges[name][0]), Math.fround(ranges[name][1])]);
}

const alike = (one: Ranges, other: Ranges) => JSON.stringify(exact(one)) === JSON.stringify(exact(other));

function same(one: Figure, other: Figure | null): boolean {
  if (!other || one.axes.length !== other.axes.length) return false;
  if (one.keys !== other.keys && one.keys.length !== other.keys.length) return false;
  return one.axes.every((axis, k) => axis.values === other.axes[k].values && axis.name === other.axes[k].name && axis.log === other.axes[k].log && axis.labels === other.axes[k].labels);
}

function sameColours(one: Look, other: Look | null): boolean {
  return other !== null && one.least === other.least && one.cells === other.cells && one.best === other.best && String(one.steps) === String(other.steps);
}
