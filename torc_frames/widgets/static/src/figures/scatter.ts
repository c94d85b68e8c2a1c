// A point for each job: one column against another, coloured by a third.
import { counted } from "../core/look";
import { Brush } from "./brush";
import type { Pen } from "./canvas";
import { Chart, gaps, without, type View } from "./chart";
import { css, ofStatus, type Ink, type Rgba } from "./ink";
import { legend } from "./legend";
import { Plane } from "./plane";
import { points, radiusOf } from "./points";
import { chance, NONE, SHADES } from "./rows";
import { Scale } from "./scale";
import type { Axis, Figure, Look } from "./types";

const NEAR = 12;
const SPREAD = 0.5; // of a category's room
const AROUND = 7; // pixels, where many jobs have the same few values

export class Scatter extends Chart {
  protected x: Scale;
  protected y: Scale;
  protected plane!: Plane;
  protected px!: Float32Array;
  protected py!: Float32Array;
  protected readonly isSquare: boolean = false;
  protected readonly isLine: boolean = false; // whether something runs beside the best

  constructor(figure: Figure, look: Look) {
    super(figure, look);
    [this.x, this.y] = this.scales(figure);
  }

  protected scales(figure: Figure): [Scale, Scale] {
    return [new Scale(figure.axes[0], { pad: 0.04 }), new Scale(figure.axes[1], { pad: 0.04 })];
  }

  protected get colour(): Axis {
    return this.figure.axes[2] ?? this.figure.axes[1];
  }

  nothing() {
    if (this.rows.count === 0) return "No jobs.";
    const { places: x } = this.x;
    const { places: y } = this.y;
    return x.some((place, at) => !Number.isNaN(place + y[at])) ? null : without(this.figure.axes.slice(0, 2).map((_, k) => this.names[k]));
  }

  notes(_view: View) {
    const colour = this.figure.axes[2];
    const isOther = colour && colour.name !== this.x.axis.name && colour.name !== this.y.axis.name;
    const hollow = isOther && this.rows.shades.reduce((sum, shade) => sum + (shade === NONE ? 1 : 0), 0);
    const grey = hollow ? [`${counted(hollow, "job")} without ${this.names[2]}: ${this.rows.count > 3_000 ? "grey" : "hollow"}`] : [];
    const axes = this.x.axis.name === this.y.axis.name ? gaps(this.x, this.names[0]) : [...gaps(this.x, this.names[0]), ...gaps(this.y, this.names[1])];
    return [...axes, ...grey, ...(this.areAround ? ["jobs of one place lie around it"] : [])];
  }

  layout(pen: Pen, width: number, height: number) {
    this.plane = new Plane(pen, this.x, this.y, width, height, this.isSquare);
    this.px = this.plane.pixels(this.x, false, this.spread(this.x, 0));
    this.py = this.plane.pixels(this.y, true, this.spread(this.y, 1));
    if (this.areAround) this.around();
    const { box } = this.plane;
    this.place(new Brush(this.tracks().map(([scale, isVertical]) => this.track(scale, isVertical, box)), box));
  }

  protected tracks(): [Scale, boolean][] {
    return this.x.axis.name === this.y.axis.name ? [[this.x, false]] : [[this.x, false], [this.y, true]];
  }

  // Jobs of the same two values would lie on each other: they are drawn around their place.
  private get areAround() {
    const few = (scale: Scale) => scale.distinct?.length ?? Infinity;
    return !this.isSquare && !this.x.axis.labels && !this.y.axis.labels && few(this.x) * few(this.y) < this.rows.count;
  }

  private around() {
    for (let at = 0; at < this.rows.count; at++) {
      const [angle, far] = [2 * Math.PI * chance(2 * at), AROUND * Math.sqrt(chance(2 * at + 1))];
      this.px[at] += far * Math.cos(angle);
      this.py[at] += far * Math.sin(angle);
    }
  }

  // Jobs of one category lie beside each other, by chance.
  private spread({ places, axis }: Scale, which: number) {
    if (!axis.labels || this.isSquare) return (at: number) => places[at];
    return (at: number) => places[at] + ((chance(at * 2 + which) - 0.5) * SPREAD) / axis.labels!.length;
  }

  override noteRoom(pen: Pen, width: number, height: number) {
    return this.plane.noteRoom(pen, width, height, [this.title(0), this.title(1)], Boolean(this.figure.axes[2]?.labels));
  }

  drawAxes(pen: Pen, _view: View) {
    this.plane.draw(pen, [this.title(0), this.title(1)]);
    if (this.figure.axes[2]?.labels) legend(pen, this.colour.labels!, (at) => css(this.shade(pen.ink, at)), { ...this.plane.box, left: this.plane.box.left + this.plane.box.width * 0.3, width: this.plane.box.width * 0.7 });
  }

  drawRows(pen: Pen, view: View) {
    points(pen, { x: this.px, y: this.py, rows: this.rows, colour: (shade) => this.shade(pen.ink, shade), box: this.plane.box, isFiltered: view.isFiltered, square: this.square });
    if (view.look.best >= 0) this.ring(pen, view.look.best, pen.ink.css("best"), "best");
  }

  protected square?: (shade: number) => boolean;

  protected shade(ink: Ink, shade: number): Rgba {
    const { labels } = this.colour;
    if (!labels) return ink.ramp(shade / (SHADES - 1));
    if (labels.some((label) => ofStatus(label) !== "idle")) return ink.rgba(ofStatus(labels[shade]));
    return ink.ramp(labels.length > 1 ? shade / (labels.length - 1) : 1);
  }

  drawFront(pen: Pen, { look, hover }: View) {
    if ((look.marked ?? -1) >= 0) this.ring(pen, look.marked!, pen.ink.css("accent"));
    if (hover >= 0) this.ring(pen, hover, pen.ink.css("ink"));
  }

  protected ring(pen: Pen, at: number, colour: string, word = "") {
    const [x, y] = [this.px[at], this.py[at]];
    if (!(Number.isFinite(x) && Number.isFinite(y))) return;
    const { g } = pen;
    const radius = Math.max(6, radiusOf(this.rows.count) + 3.5);
    Object.assign(g, { strokeStyle: colour, lineWidth: 2.5 });
    g.beginPath();
    pen.circle(x, y, radius);
    g.stroke();
    if (!word) return;
    if (this.isLine) return void pen.text(word, x, y - radius - 8, { align: "center", bold: true, colour: pen.ink.css("ink"), halo: true });
    const isRight = x + radius + 40 < this.plane.box.left + this.plane.box.width;
    pen.text(word, isRight ? x + radius + 6 : x - radius - 6, y, { align: isRight ? "left" : "right", bold: true, colour: pen.ink.css("ink"), halo: true });
  }

  at(x: number, y: number, _view: View) {
    let [nearest, least] = [-1, NEAR ** 2];
    const { on } = this.rows;
    for (let at = 0; at < this.px.length; at++) {
      const far = (this.px[at] - x) ** 2 + (this.py[at] - y) ** 2;
      if (far < least && on[at]) [nearest, least] = [at, far];
    }
    return nearest;
  }
}
