// Cells of two columns, coloured by the mean, or the best, of a third.
import { counted, rank } from "../core/look";
import { Brush } from "./brush";
import type { Box, Pen } from "./canvas";
import { Chart, gaps, without, type View } from "./chart";
import { contrast, css, type Rgba } from "./ink";
import { Plane } from "./plane";
import { quantiles } from "./rows";
import { Scale } from "./scale";
import type { Line } from "./tip";
import type { Figure, Look } from "./types";
import { number, told } from "./words";

const TWO = 30; // pixels, of two lines of text

type Cell = { x: number; y: number; count: number; on: number; sum: number; best: number };

export class Heat extends Chart {
  private readonly x: Scale;
  private readonly y: Scale;
  private readonly cells: (Cell | null)[];
  private readonly steps: number[];
  private plane!: Plane;
  private hasWord = false; // whether there is room for "best" in a cell

  constructor(figure: Figure, private readonly look: Look) {
    super(figure, look);
    [this.x, this.y] = figure.axes.map((axis) => new Scale(axis, { banded: true }));
    this.steps = look.steps?.length ? look.steps : quantiles(figure.axes[2].values);
    this.cells = this.gather();
  }

  private get colour() {
    return this.figure.axes[2];
  }

  nothing() {
    if (this.rows.count === 0) return "No jobs.";
    return this.cells.some(Boolean) ? null : without(this.names);
  }

  notes({ look }: View) {
    const without = new Scale(this.colour);
    return [...gaps(this.x, this.names[0]), ...gaps(this.y, this.names[1]), ...gaps(without, this.names[2]), this.index(look.best) >= 0 && !this.hasWord ? "outlined: the best" : ""].filter(Boolean);
  }

  private index(at: number) {
    const [x, y] = [this.x.places[at], this.y.places[at]];
    if (Number.isNaN(x + y) || !Number.isFinite(this.colour.values[at])) return -1;
    return this.y.bandOf(this.y.axis.values[at]) * this.x.bands!.length + this.x.bandOf(this.x.axis.values[at]);
  }

  private gather() {
    const width = this.x.bands!.length;
    const cells: (Cell | null)[] = Array.from({ length: width * this.y.bands!.length }, () => null);
    const { values } = this.colour;
    for (let at = 0; at < this.rows.count; at++) {
      const index = this.index(at);
      if (index < 0) continue;
      const cell = (cells[index] ??= { x: index % width, y: Math.floor(index / width), count: 0, on: 0, sum: 0, best: at });
      cell.count++;
      cell.sum += values[at];
      if (this.look.least ? values[at] < values[cell.best] : values[at] > values[cell.best]) cell.best = at;
    }
    return cells;
  }

  private value({ sum, count, best }: Cell) {
    return this.look.cells === "best" ? this.colour.values[best] : sum / count;
  }

  layout(pen: Pen, width: number, height: number) {
    this.plane = new Plane(pen, this.x, this.y, width, height);
    const { box } = this.plane;
    const tracks = [this.track(this.x, false, box), this.track(this.y, true, box)];
    this.place(new Brush(this.x.axis.name === this.y.axis.name ? tracks.slice(0, 1) : tracks, box));
  }

  override noteRoom(pen: Pen, width: number, height: number) {
    return this.plane.noteRoom(pen, width, height, [this.title(0), this.title(1)], false);
  }

  private box({ x, y }: { x: number; y: number }): Box {
    const { left, top, width, height } = this.plane.box;
    const [w, h] = [width / this.x.bands!.length, height / this.y.bands!.length];
    return { left: left + x * w, top: top + height - (y + 1) * h, width: w, height: h };
  }

  drawAxes(pen: Pen, _view: View) {
    this.plane.draw(pen, [this.title(0), this.title(1)], false);
  }

  drawRows(pen: Pen, view: View) {
    const { g } = pen;
    for (const cell of this.cells) if (cell) cell.on = 0;
    for (let at = 0; at < this.rows.count; at++) if (this.rows.on[at]) {
      const index = this.index(at);
      if (index >= 0) this.cells[index]!.on++;
    }
    const digits = this.digits(pen);
    this.hasWord = digits > 0 && this.box({ x: 0, y: 0 }).height >= TWO;
    for (const cell of this.cells) {
      if (!cell) continue;
      const share = rank(this.value(cell), this.steps);
      const colour = pen.ink.ramp(this.look.least ? 1 - share : share);
      const box = this.box(cell);
      g.fillStyle = cell.on ? css(colour) : pen.ink.css("muted", 0.22);
      rounded(g, box, 1);
      g.fill();
      if (digits) this.write(pen, cell, box, cell.on ? colour : null, digits);
    }
    if (view.look.best >= 0) this.outline(pen, this.index(view.look.best), pen.ink.css("best"));
  }

  // How many digits there is room for, in all cells alike; 0, if for none.
  private digits(pen: Pen): number {
    const { width, height } = this.box({ x: 0, y: 0 });
    if (height < 15) return 0;
    const isFit = (digits: number) => this.cells.every((cell) => !cell || pen.wide(number(this.value(cell), digits)) <= width - 6);
    return [3, 2].find(isFit) ?? 0;
  }

  // What is on a colour is written in the one of two tokens that is read better on it.
  private write(pen: Pen, cell: Cell, box: Box, colour: Rgba | null, digits: number) {
    const isBest = this.index(this.look.best) === cell.y * this.x.bands!.length + cell.x;
    const text = number(this.value(cell), digits);
    const [ink, raised] = [pen.ink.rgba("ink"), pen.ink.rgba("raised")];
    const name = !colour ? "muted" : contrast(ink, colour) >= contrast(raised, colour) ? "ink" : "raised";
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const isTwo = isBest && this.hasWord;
    pen.text(text, x, isTwo ? y - 6 : y, { align: "center", colour: pen.ink.css(name), bold: isBest });
    if (isTwo) pen.text("best", x, y + 7, { align: "center", colour: pen.ink.css(name), bold: true });
  }

  private outline(pen: Pen, index: number, colour: string) {
    const cell = this.cells[index];
    if (!cell) return;
    Object.assign(pen.g, { strokeStyle: colour, lineWidth: 2.5 });
    rounded(pen.g, this.box(cell), 1.5);
    pen.g.stroke();
  }

  drawFront(pen: Pen, { look, hover }: View) {
    if ((look.marked ?? -1) >= 0) this.outline(pen, this.index(look.marked!), pen.ink.css("accent"));
    if (hover >= 0) this.outline(pen, hover, pen.ink.css("ink"));
  }

  at(x: number, y: number) {
    const { left, top, width, height } = this.plane.box;
    const column = Math.floor(((x - left) / width) * this.x.bands!.length);
    const row = Math.floor(((top + height - y) / height) * this.y.bands!.length);
    if (column < 0 || column >= this.x.bands!.length || row < 0 || row >= this.y.bands!.length) return -1;
    const index = row * this.x.bands!.length + column;
    return this.cells[index] ? index : -1;
  }

  override rowOf(at: number) {
    return this.cells[at]?.best ?? -1;
  }

  override tip(at: number, { look }: View): Line[] {
    const cell = this.cells[at]!;
    const name = this.names[2];
    const named = (scale: Scale, k: number) => {
      const { low, high } = scale.bands![k];
      return low === high ? told(scale.axis, low) : `${told(scale.axis, low)} – ${told(scale.axis, high)}`;
    };
    return [
      [counted(cell.count, "job"), this.index(look.best) === at ? "best" : ""],
      [this.names[0], named(this.x, cell.x)],
      [this.names[1], named(this.y, cell.y)],
      [`${name}, mean`, number(cell.sum / cell.count)],
      [`${name}, best`, `${told(this.colour, this.colour.values[cell.best])} (job ${this.figure.keys[cell.best] ?? "?"})`],
    ];
  }
}

function rounded(g: CanvasRenderingContext2D, { left, top, width, height }: Box, gap: number) {
  g.beginPath();
  g.roundRect(left + gap, top + gap, Math.max(0.5, width - 2 * gap), Math.max(0.5, height - 2 * gap), Math.min(3, width / 4, height / 4));
}
