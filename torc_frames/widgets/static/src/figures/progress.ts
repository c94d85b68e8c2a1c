// How many jobs had which status, over time.
import { counted } from "../core/look";
import type { Pen } from "./canvas";
import { Chart, type View } from "./chart";
import { ofStatus } from "./ink";
import { Plane } from "./plane";
import { Scale } from "./scale";
import type { Line } from "./tip";
import type { Figure, Look } from "./types";
import { told } from "./words";

const FADE = [0.85, 0.5, 0.3]; // of statuses that share a colour
const ASIDE = 118;
const END = 8; // pixels beyond the last time, which is at the edge

export class Progress extends Chart {
  override readonly hasJobs: boolean = false;
  private readonly tops: Float32Array[]; // of each status, the sum up to it
  private readonly moments: number[]; // in the order of time
  private readonly x: Scale;
  private readonly y: Scale;
  private plane!: Plane;

  constructor(figure: Figure, look: Look) {
    super(figure, look);
    const [time, ...counts] = figure.axes;
    this.moments = [...(time?.values.keys() ?? [])].filter((at) => Number.isFinite(time.values[at])).sort((a, b) => time.values[a] - time.values[b]);
    const sums = new Float32Array(time?.values.length ?? 0);
    this.tops = counts.map(({ values }) => sums.map((_, at) => (sums[at] += values[at] > 0 && values[at] < Infinity ? values[at] : 0)));
    this.x = new Scale(time ?? { name: "", labels: null, log: false, values: new Float32Array() });
    this.y = new Scale({ name: "jobs", labels: null, log: false, values: Float32Array.of(0, ...sums) }, { isCount: true });
  }

  nothing() {
    return this.moments.length === 0 || this.tops.length === 0 || this.y.isOne ? "Nothing has been counted yet." : null;
  }

  notes() {
    return this.x.isOne ? ["counted once so far"] : [];
  }

  layout(pen: Pen, width: number, height: number) {
    this.plane = new Plane(pen, this.x, this.y, width - ASIDE, height);
  }

  drawAxes(pen: Pen) {
    this.plane.draw(pen, [this.title(0), "jobs"]);
  }

  private height(k: number, at: number) {
    return this.plane.top(this.y.at(k < 0 ? 0 : this.tops[k][at]));
  }

  // Counts stay what they were until they are counted again.
  drawRows(pen: Pen) {
    const { g } = pen;
    const { left, width } = this.plane.box;
    const xs = this.x.isOne ? [left] : this.moments.map((at) => this.plane.left(this.x.places[at]));
    const used = new Map<string, number>();
    const labels = this.tops.map((_, k) => {
      const name = this.names[k + 1];
      const token = ofStatus(name);
      const times = used.get(token) ?? 0;
      used.set(token, times + 1);
      const colour = pen.ink.css(token, FADE[times % FADE.length]);
      g.fillStyle = colour;
      g.beginPath();
      g.moveTo(xs[0], this.height(k - 1, this.moments[0]));
      const edge = (which: number, order: number[]) => order.forEach((place) => {
        const [from, to] = [xs[place], xs[place + 1] ?? left + width];
        const y = this.height(which, this.moments[place]);
        for (const x of order[0] === 0 ? [from, to] : [to, from]) g.lineTo(x, y);
      });
      const places = [...xs.keys()];
      edge(k, places);
      edge(k - 1, places.reverse());
      g.closePath();
      g.fill();
      const last = this.moments[this.moments.length - 1];
      const [top, bottom] = [this.height(k, last), this.height(k - 1, last)];
      return { name, colour, isSeen: this.figure.axes[k + 1].values.some((value) => value > 0), count: this.figure.axes[k + 1].values[last], y: (top + bottom) / 2 };
    });
    this.drawNames(pen, labels);
  }

  // Beside the last count, apart from each other.
  private drawNames(pen: Pen, labels: { name: string; colour: string; isSeen: boolean; count: number; y: number }[]) {
    const { left, top, width, height } = this.plane.box;
    const tall = Math.min(16, height / labels.length);
    const sorted = labels.filter(({ isSeen }) => isSeen).sort((a, b) => a.y - b.y);
    let floor = top + height;
    for (const label of [...sorted].reverse()) floor = (label.y = Math.min(label.y, floor - tall / 2)) - tall / 2;
    let ceiling = top;
    for (const label of sorted) ceiling = (label.y = Math.max(label.y, ceiling + tall / 2)) + tall / 2;
    for (const { name, colour, count, y } of sorted) {
      pen.g.fillStyle = colour;
      pen.g.beginPath();
      pen.g.roundRect(left + width + 10, y - 4, 8, 8, 2);
      pen.g.fill();
      pen.text(`${name} ${count.toLocaleString("en-US")}`, left + width + 24, y, { most: ASIDE - 20, colour: pen.ink.css("ink") });
    }
  }

  drawFront(pen: Pen, { hover }: View) {
    if (hover < 0 || this.x.isOne) return;
    const x = this.plane.left(this.x.places[hover]);
    pen.line(x, this.plane.box.top, x, this.plane.box.top + this.plane.box.height, pen.ink.css("ink"), 1.5);
  }

  at(x: number, y: number) {
    const { left, top, width, height } = this.plane.box;
    if (x < left || x > left + width + END || y < top || y > top + height) return -1;
    const before = this.moments.filter((at) => this.plane.left(this.x.places[at]) <= x || this.x.isOne);
    return before[before.length - 1] ?? this.moments[0];
  }

  override tip(at: number): Line[] {
    const [time, ...counts] = this.figure.axes;
    const total = this.tops[this.tops.length - 1][at];
    const lines = counts.map(({ values }, k): Line => [this.names[k + 1], values[at].toLocaleString("en-US")]);
    return [[told(time, time.values[at]), counted(total, "job")], ...lines.reverse()];
  }
}
