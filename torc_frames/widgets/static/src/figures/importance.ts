// How much each parameter has to do with the objective: bars, most first.
import { counted } from "../core/look";
import type { Pen } from "./canvas";
import { Chart, type View } from "./chart";
import type { Line } from "./tip";
import { bare } from "./words";

const ROWS = [20, 32]; // pixels, as there is room
const TOP = 8;
const BELOW = 24;

export class Importance extends Chart {
  override readonly hasJobs: boolean = false;
  private order: number[] = [];
  private shown: number[] = [];
  private texts: string[] = [];
  private left = 0;
  private width = 0;
  private tall = ROWS[0];

  private get axis() {
    return this.figure.axes[0];
  }

  nothing() {
    if (!this.axis?.labels?.length) return "No parameters.";
    return this.axis.values.some(Number.isFinite) ? null : "Too few jobs to tell what is important.";
  }

  notes() {
    const unknown = this.axis.labels!.length - this.order.length;
    const rest = this.order.length - this.shown.length;
    return [rest > 0 ? `and ${counted(rest, "parameter")} of less` : "", unknown ? `${counted(unknown, "parameter")} without a share` : ""].filter(Boolean);
  }

  layout(pen: Pen, width: number, height: number) {
    const { values, labels } = this.axis;
    this.texts = bare(labels!);
    this.order = [...labels!.keys()].filter((at) => Number.isFinite(values[at])).sort((a, b) => values[b] - values[a]);
    const room = height - TOP - BELOW;
    this.tall = Math.max(ROWS[0], Math.min(ROWS[1], room / Math.max(1, this.order.length)));
    this.shown = this.order.slice(0, Math.max(1, Math.floor(room / this.tall + 1e-6)));
    this.left = Math.min(Math.max(...this.shown.map((at) => pen.wide(this.texts[at]))) + 24, width * 0.4);
    this.width = Math.max(10, width - this.left - 56);
  }

  private y = (k: number) => TOP + (k + 0.5) * this.tall;

  drawAxes() {}

  drawRows(pen: Pen) {
    const { g } = pen;
    const most = Math.max(1e-9, ...this.shown.map((at) => this.axis.values[at]));
    this.shown.forEach((at, k) => {
      const [y, share] = [this.y(k), Math.max(0, this.axis.values[at])];
      const wide = Math.max(2, (this.width * share) / most);
      pen.text(this.texts[at], this.left - 12, y, { align: "right", most: this.left - 20, colour: pen.ink.css("ink") });
      g.fillStyle = pen.ink.css("accent", 0.85);
      g.beginPath();
      g.roundRect(this.left, y - this.tall * 0.29, wide, this.tall * 0.58, [0, 3, 3, 0]);
      g.fill();
      pen.text(percent(this.axis.values[at]), this.left + wide + 6, y);
    });
    pen.line(this.left - 0.5, TOP, this.left - 0.5, this.y(this.shown.length - 0.5), pen.ink.css("muted", 0.6));
  }

  drawFront(pen: Pen, { hover }: View) {
    const k = this.shown.indexOf(hover);
    if (k < 0) return;
    pen.g.fillStyle = pen.ink.css("muted", 0.12);
    pen.g.fillRect(0, this.y(k) - this.tall / 2, pen.g.canvas.width / pen.ratio, this.tall);
  }

  at(_x: number, y: number) {
    return this.shown[Math.floor((y - TOP) / this.tall)] ?? -1;
  }

  override tip(at: number): Line[] {
    return [[this.axis.labels![at], percent(this.axis.values[at])]];
  }
}

function percent(share: number): string {
  const whole = share * 100;
  return whole > 0 && whole < 0.5 ? "<1%" : `${Math.round(whole)}%`;
}
