// Where a sweep's rows are, and where those would be that are to be added: is the space covered?
import type { Pen } from "./canvas";
import type { View } from "./chart";
import type { Ink, Rgba } from "./ink";
import { legend } from "./legend";
import { css } from "./ink";
import { Scatter } from "./scatter";
import type { Scale } from "./scale";

const NEW = "new";

export class Coverage extends Scatter {
  protected override readonly isSquare: boolean = true;
  protected override square = (shade: number) => this.colour.labels?.[shade] !== NEW;

  override nothing() {
    return this.rows.count === 0 ? "No rows." : super.nothing()?.replace("No job", "No row") ?? null;
  }

  override notes(view: View) {
    return super.notes(view).map((note) => note.replace(/\bjob(s?)\b/, "row$1"));
  }

  protected override tracks(): [Scale, boolean][] {
    return [];
  }

  protected override shade(ink: Ink, shade: number): Rgba {
    return ink.rgba(this.colour.labels?.[shade] === NEW ? "accent" : "muted");
  }

  override drawAxes(pen: Pen, _view: View) {
    this.plane.draw(pen, [this.title(0), this.title(1)]);
    const labels = this.colour.labels ?? [];
    const counts = labels.map((label, at) => `${this.colour.values.reduce((sum, value) => sum + (value === at ? 1 : 0), 0).toLocaleString("en-US")} ${label}`);
    legend(pen, counts, (at) => css(this.shade(pen.ink, at)), this.legendBox(pen), this.square);
  }

  private legendBox(pen: Pen) {
    const { box } = this.plane;
    const name = Math.min(pen.wide(this.names[1], true) + 20, box.left + 100);
    return { ...box, left: name, width: Math.max(box.left + box.width, Math.min(name + 200, pen.g.canvas.width / pen.ratio - 16)) - name };
  }

  override tip(at: number, view: View) {
    const [, ...rest] = super.tip(at, view);
    const key = this.figure.keys[at];
    return [[key ? `job ${key}` : `row ${at + 1}`, this.colour.labels?.[this.colour.values[at]] ?? ""], ...rest.slice(0, 2)] as [string, string][];
  }
}

