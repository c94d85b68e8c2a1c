// A line for each job through an axis for each column.
import { Brush } from "./brush";
import { aside, type Box, type Pen } from "./canvas";
import { Chart, gaps, type View } from "./chart";
import { css } from "./ink";
import { ticks, type Tick } from "./ticks";
import { chance, NONE, SHADES } from "./rows";
import { Scale } from "./scale";
import type { Figure, Look } from "./types";

const MOST = 4_000; // lines; a thousand take 10 ms, but 300 if they are wider than a pixel of the screen
const FEW = 120;
const MOST_DRAGGED = 1_500; // in colour, while a brush is dragged
const TOP = 36;
const CROWDED = 84; // pixels between axes: names are in two rows, then
const BEND = 0.4; // of the way between two axes: lines through one value of an axis can be told apart
const SPREAD = 0.4; // of a category's room
const NEAR = 8;

export class Parallel extends Chart {
  private readonly scales: Scale[];
  private readonly extremes: Set<number>;
  private readonly chances: Float32Array;
  private readonly hasGaps: boolean;
  private box!: Box;
  private ys!: Float32Array; // of each row at each axis
  private drawn = new Uint8Array();
  private told = "";
  private labels: Box[] = [];
  private grey: Pen | null = null;

  constructor(figure: Figure, look: Look) {
    super(figure, look);
    this.scales = figure.axes.map((axis) => new Scale(axis));
    this.hasGaps = this.scales.some(({ missing, infinite, below }) => missing + infinite + below > 0);
    this.extremes = new Set(this.scales.flatMap(ends).concat(look.best >= 0 ? [look.best] : []));
    this.chances = Float32Array.from({ length: this.rows.count }, (_, at) => chance(at));
  }

  nothing() {
    if (this.figure.axes.length < 2) return "Parallel coordinates need two columns.";
    if (this.rows.count === 0) return "No jobs.";
    return this.scales.every(({ isEmpty }) => isEmpty) ? "No job has a value in these columns." : null;
  }

  notes(_view: View) {
    return [this.told, ...this.scales.flatMap((scale, k) => gaps(scale, this.names[k]))].filter(Boolean);
  }

  layout(pen: Pen, width: number, height: number) {
    const below = this.hasGaps ? 48 : 30;
    const tall = Math.max(20, height - TOP - below);
    const wide = (scale: Scale) => Math.max(0, ...this.ticks(scale, tall).map(({ text }) => pen.wide(text)));
    const left = Math.min(Math.max(40, wide(this.scales[0]) + 24, pen.wide(this.names[0], true) / 2 + 4), width / 4);
    const right = Math.min(Math.max(this.hasGaps ? 60 : 48, wide(this.scales[this.scales.length - 1]) + 26), width / 4);
    this.box = { left, top: TOP, width: Math.max(20, width - left - right), height: tall };
    const count = this.scales.length;
    this.ys = new Float32Array(this.rows.count * count);
    this.scales.forEach(({ places, axis }, k) => {
      for (let at = 0; at < this.rows.count; at++) {
        const aside = axis.labels ? ((chance(at * 31 + k) - 0.5) * SPREAD) / axis.labels.length : 0;
        this.ys[at * count + k] = Number.isNaN(places[at]) ? this.missingY : TOP + (1 - places[at] - aside) * tall;
      }
    });
    this.grey = null;
    this.place(new Brush(this.scales.map((scale, k) => this.track(scale, true, this.box, this.x(k))), null));
  }

  private x = (k: number) => Math.round(this.box.left + (this.box.width * k) / (this.scales.length - 1)) + 0.5;

  private get missingY() {
    return this.box.top + this.box.height + 16;
  }

  private ticks = (scale: Scale, tall: number): Tick[] => ticks(scale, tall, () => 20);

  drawAxes() {}

  drawRows(pen: Pen, view: View) {
    const { g } = pen;
    this.grey ??= view.isFiltered ? this.below(pen) : null;
    const some = this.sample(view.isDragged ? MOST_DRAGGED : MOST);
    if (view.isFiltered) {
      g.save();
      g.setTransform(1, 0, 0, 1, 0, 0);
      g.drawImage(this.grey!.g.canvas, 0, 0);
      g.restore();
    }
    const alpha = Math.max(0.16, Math.min(0.9, 17 / Math.sqrt(some.length || 1)));
    const width = some.length <= FEW ? 1.5 : 1 / pen.ratio;
    this.byShade(some).forEach((rows, shade) => {
      const colour = shade === NONE ? pen.ink.css("muted", alpha * 0.7) : css(pen.ink.ramp(shade / (SHADES - 1)), alpha);
      this.lines(pen, rows, colour, width);
    });
    if (view.look.best >= 0) this.lines(pen, [view.look.best], pen.ink.css("best"), 2.5);
    this.drawLabels(pen, view);
  }

  private lines({ g }: Pen, rows: number[], colour: string, width: number) {
    Object.assign(g, { strokeStyle: colour, lineWidth: width });
    for (let from = 0; from < rows.length; from += 100) {
      g.beginPath();
      for (const at of rows.slice(from, from + 100)) this.path(g, at);
      g.stroke();
    }
  }

  private path(g: CanvasRenderingContext2D, at: number) {
    const count = this.scales.length;
    let [x, y] = [this.x(0), this.ys[at * count]];
    g.moveTo(x, y);
    for (let k = 1; k < count; k++) {
      const [nextX, nextY] = [this.x(k), this.ys[at * count + k]];
      const bend = (nextX - x) * BEND;
      if (Math.abs(nextY - y) < 1) g.lineTo(nextX, nextY);
      else g.bezierCurveTo(x + bend, y, nextX - bend, nextY, nextX, nextY);
      [x, y] = [nextX, nextY];
    }
  }

  // All lines in grey, kept while a brush moves over them.
  private below(pen: Pen): Pen {
    const grey = aside(pen);
    const some = this.chosen(MOST);
    this.lines(grey, some, pen.ink.css("muted", Math.max(0.05, Math.min(0.3, 5 / Math.sqrt(some.length)))), 1 / pen.ratio);
    return grey;
  }

  // Of too many rows about as many as asked for, by chance, and the ends of each axis.
  private chosen(most: number, on?: Uint8Array): number[] {
    const all = on ? on.reduce((sum, each) => sum + each, 0) : this.rows.count;
    const made: number[] = [];
    for (let at = 0; at < this.rows.count; at++) {
      if (on && !on[at]) continue;
      if (all <= most || this.chances[at] < most / all || this.extremes.has(at)) made.push(at);
    }
    return made;
  }

  // The lines in colour.
  private sample(most: number): number[] {
    const { on, count } = this.rows;
    const some = this.chosen(most, on);
    this.drawn = new Uint8Array(count);
    for (const at of some) this.drawn[at] = 1;
    const all = on.reduce((sum, each) => sum + each, 0);
    const told = (total: number, what: string) => `${some.length.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} ${what}, by chance`;
    this.told = some.length < all ? told(all, all < count ? "selected lines" : "lines") : count > MOST ? "grey lines by chance" : "";
    return some;
  }

  private byShade(rows: number[]): Map<number, number[]> {
    const made = new Map<number, number[]>();
    for (const shade of [NONE, ...Array.from({ length: SHADES }, (_, k) => k)]) made.set(shade, []);
    for (const at of rows) made.get(this.figure.axes[this.figure.axes.length - 1].labels && this.rows.shades[at] !== NONE ? this.rows.shades[at] % SHADES : this.rows.shades[at])!.push(at);
    return made;
  }

  private drawLabels(pen: Pen, { look }: View) {
    const { top, height } = this.box;
    const last = this.scales.length - 1;
    const between = this.box.width / last;
    const [ink, muted] = [pen.ink.css("ink"), pen.ink.css("muted")];
    this.labels = [];
    const bestY = look.best >= 0 ? this.ys[look.best * (last + 1) + last] : NaN;
    this.scales.forEach((scale, k) => {
      const x = this.x(k);
      const isLast = k === last;
      pen.line(x, top, x, top + height, muted);
      const most = isLast ? 200 : k === 0 ? this.box.left - 16 : between * 0.8;
      for (const { at, text } of this.ticks(scale, height)) {
        if (!scale.bands && pen.wide(text) > most) continue; // half a number is another number
        const y = top + (1 - at) * height;
        if (isLast && Math.abs(y - bestY) < 14) continue;
        pen.line(x - 3, y, x + 3, y, muted);
        this.labels.push(pen.text(text, isLast ? x + 12 : x - 12, y, { align: isLast ? "left" : "right", most, halo: true }));
      }
      if (scale.missing + scale.infinite + scale.below > 0) {
        pen.line(x - 4, this.missingY, x + 4, this.missingY, muted);
        this.labels.push(pen.text("missing", isLast ? x + 12 : x - 12, this.missingY, { align: isLast ? "left" : "right", most, halo: true }));
      }
      this.drawName(pen, k, ink);
    });
    if (!Number.isNaN(bestY)) this.labels.push(pen.text("best", this.x(last) + 12, bestY, { bold: true, colour: ink, halo: true }));
  }

  private drawName(pen: Pen, k: number, colour: string) {
    const between = this.box.width / (this.scales.length - 1);
    const isCrowded = between < CROWDED;
    const most = (isCrowded ? 2 : 1) * between - 10;
    const half = Math.min(most, pen.wide(this.names[k], true)) / 2;
    const x = Math.max(4 + half, Math.min(pen.g.canvas.width / pen.ratio - 4 - half, this.x(k)));
    pen.text(this.names[k], x, isCrowded && k % 2 ? 22 : isCrowded ? 8 : 14, { align: "center", bold: true, colour, most });
  }

  // The objective comes first: of many axes a tooltip has no room for all.
  override tip(at: number, view: View) {
    const [job, ...lines] = super.tip(at, view);
    return [job, ...lines.slice(-1), ...lines.slice(0, -1)];
  }

  // Lines of the pointer and of the table; what is written stays readable.
  drawFront(pen: Pen, { look, hover, isFocused }: View) {
    if ((look.marked ?? -1) >= 0) this.lines(pen, [look.marked!], pen.ink.css("accent"), 2.5);
    if (hover >= 0) this.lines(pen, [hover], pen.ink.css("ink"), 2);
    for (const box of this.labels) pen.erase(box, 1);
    if (!isFocused) return;
    const [x, half] = [this.x(this.brush.focus), pen.wide(this.names[this.brush.focus], true) / 2];
    pen.line(x - half, 23, x + half, 23, pen.ink.css("accent"), 2);
  }

  at(x: number, y: number) {
    const count = this.scales.length;
    const between = this.box.width / (count - 1);
    const k = Math.max(0, Math.min(count - 2, Math.floor((x - this.box.left) / between)));
    const share = Math.max(0, Math.min(1, (x - this.x(k)) / between));
    const [height, slope] = bent(share);
    let [nearest, least] = [-1, NEAR];
    for (let at = 0; at < this.rows.count; at++) {
      if (!this.drawn[at]) continue;
      const [from, to] = [this.ys[at * count + k], this.ys[at * count + k + 1]];
      const far = Math.abs(from + (to - from) * height - y) / Math.hypot(1, ((to - from) * slope) / between);
      if (far < least) [nearest, least] = [at, far];
    }
    return nearest;
  }
}

// How far up a line is at a share of the way between two axes, and how steep.
function bent(share: number): [number, number] {
  let [low, high] = [0, 1];
  const across = (t: number) => 3 * (1 - t) ** 2 * t * BEND + 3 * (1 - t) * t ** 2 * (1 - BEND) + t ** 3;
  for (let step = 0; step < 20; step++) {
    const middle = (low + high) / 2;
    if (across(middle) < share) low = middle;
    else high = middle;
  }
  const t = low;
  const along = 3 * (1 - t) ** 2 * BEND + 6 * (1 - t) * t * (1 - 2 * BEND) + 3 * t ** 2 * BEND;
  return [3 * t ** 2 - 2 * t ** 3, (6 * t * (1 - t)) / along];
}

// A row of the least and one of the most of an axis, or of each of its categories.
function ends({ places, axis }: Scale): number[] {
  if (axis.labels) return [...new Map([...axis.values.entries()].filter(([at]) => !Number.isNaN(places[at])).map(([at, value]) => [value, at])).values()];
  let [least, most] = [-1, -1];
  places.forEach((place, at) => {
    if (Number.isNaN(place)) return;
    if (least < 0 || place < places[least]) least = at;
    if (most < 0 || place > places[most]) most = at;
  });
  return least < 0 ? [] : [least, most];
}

