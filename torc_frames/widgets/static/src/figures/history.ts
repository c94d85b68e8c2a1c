// The objective of each job in the order they were made, or when they ended, and the best so far.
import type { Pen } from "./canvas";
import { type View } from "./chart";
import { Rows } from "./rows";
import { Scatter } from "./scatter";
import { Scale } from "./scale";
import { SHADES } from "./rows";
import type { Ink } from "./ink";
import type { Axis, Figure, Look } from "./types";
import { without } from "./chart";

export class History extends Scatter {
  private readonly least: boolean;
  protected override readonly isLine: boolean = true;

  constructor(figure: Figure, look: Look) {
    super(ordered(figure), look);
    this.least = look.least;
    const [time, objective] = this.figure.axes;
    this.rows = new Rows(time === figure.axes[1] ? [time, objective] : [objective], objective, look);
  }

  // An order is not a column: a brush here is of the objective alone.
  private get isOrder() {
    return this.x.axis.name === ORDER;
  }

  protected override get colour(): Axis {
    return this.figure.axes[1];
  }

  protected override tracks(): [Scale, boolean][] {
    return this.isOrder ? [[this.y, true]] : [[this.x, false], [this.y, true]];
  }

  override nothing() {
    return this.rows.count && this.y.isEmpty ? without([this.names[1]]) : super.nothing();
  }

  override notes(view: View) {
    const notes = super.notes(view);
    return this.isOrder ? notes.filter((note) => !note.includes(ORDER)) : notes;
  }

  protected override shade(ink: Ink, shade: number) {
    return ink.ramp(shade / (SHADES - 1));
  }

  override drawRows(pen: Pen, view: View) {
    super.drawRows(pen, { ...view, look: { ...view.look, best: -1 } });
    const { g } = pen;
    const steps = this.steps();
    if (!steps.length) return;
    const end = this.plane.box.left + this.plane.box.width;
    Object.assign(g, { strokeStyle: pen.ink.css("best"), lineWidth: 2.5, lineJoin: "round" });
    g.beginPath();
    steps.forEach((at, k) => {
      if (k) g.lineTo(this.px[at], this.py[steps[k - 1]]);
      g[k ? "lineTo" : "moveTo"](this.px[at], this.py[at]);
    });
    const last = steps[steps.length - 1];
    g.lineTo(end, this.py[last]);
    g.stroke();
    this.ring(pen, view.look.best >= 0 ? view.look.best : last, pen.ink.css("best"), "best");
  }

  // The rows that were better than all before.
  private steps(): number[] {
    const { values } = this.y.axis;
    const drawn = [...this.rows.order].filter((at) => !Number.isNaN(this.px[at] + this.py[at])).sort((a, b) => this.px[a] - this.px[b]);
    const steps: number[] = [];
    for (const at of drawn) {
      const best = values[steps[steps.length - 1]];
      if (!steps.length || (this.least ? values[at] < best : values[at] > best)) steps.push(at);
    }
    return steps;
  }

  override tip(at: number, view: View) {
    return super.tip(at, view).filter(([name]) => name !== ORDER);
  }
}

const ORDER = "jobs, in order";

// The x axis first: when they ended, or their order by key.
function ordered({ axes, keys }: Figure): Figure {
  const [objective, time] = axes;
  if (time) return { axes: [time, objective], keys };
  const known = [...(objective?.values.keys() ?? [])].filter((at) => Number.isFinite(objective.values[at]));
  const numbers = keys.map(Number);
  if (numbers.length && numbers.every(Number.isFinite)) known.sort((a, b) => numbers[a] - numbers[b]);
  const values = new Float32Array(objective?.values.length ?? 0).fill(NaN);
  known.forEach((at, k) => (values[at] = k + 1));
  return { axes: [{ name: ORDER, labels: null, log: false, values }, objective], keys };
}
