// The rows of a figure: their colours, the order in which they are drawn, and which of them are on.
import { isIn, rank } from "../core/look";
import type { Axis, Look, Ranges } from "./types";

export const SHADES = 24;
export const NONE = 255; // the shade of a row that has no value to be coloured by

export function quantiles(values: Float32Array): number[] {
  const known = values.filter(Number.isFinite).sort();
  if (known.length === 0) return [0, 1];
  return Array.from({ length: 21 }, (_, k) => known[Math.round((k / 20) * (known.length - 1))]);
}

// 0 is worst, SHADES - 1 is best.
export function shades(axis: Axis, look: Pick<Look, "steps" | "least">): Uint8Array {
  if (axis.labels) return Uint8Array.from(axis.values, (value) => (value >= 0 ? value % SHADES : NONE));
  const steps = look.steps?.length ? look.steps : quantiles(axis.values);
  return Uint8Array.from(axis.values, (value) => {
    if (!Number.isFinite(value)) return NONE;
    const share = steps[0] === steps[steps.length - 1] ? 1 : rank(value, steps);
    return Math.round((look.least && steps[0] !== steps[steps.length - 1] ? 1 - share : share) * (SHADES - 1));
  });
}

// By chance, but the same each time; a plain multiplication would be every nth row in disguise.
export function chance(row: number): number {
  let mixed = (row + 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

export class Rows {
  readonly count: number;
  readonly shades: Uint8Array;
  readonly order: Uint32Array; // best last, so that it is drawn on top
  readonly on: Uint8Array;
  private readonly elsewhere: Uint8Array; // what brushes of other columns left out, as far as it is known
  private foreign = "";

  constructor(private readonly axes: Axis[], colour: Axis, look: Look) {
    this.count = axes[0]?.values.length ?? 0;
    this.shades = shades(colour, look);
    this.order = this.sorted();
    this.on = new Uint8Array(this.count).fill(1);
    this.elsewhere = new Uint8Array(this.count);
  }

  // What Python says is picked. It also tells what brushes of other columns leave out: a drag here has to know.
  take(look: Look) {
    const own = this.own(look.ranges);
    const foreign = JSON.stringify(Object.entries(look.ranges).filter(([name]) => !own.some(([axis]) => axis.name === name)));
    if (foreign !== this.foreign) this.elsewhere.fill(0);
    this.foreign = foreign;
    if (!look.brushed) return void this.on.fill(1);
    const { picked } = look;
    this.inside(own);
    for (let at = 0; at < this.count; at++) {
      const isPicked = isIn(picked, at) ? 1 : 0;
      if (foreign !== "[]" && this.on[at]) this.elsewhere[at] = 1 - isPicked;
      this.on[at] = isPicked;
    }
  }

  // What a brush here picks, before Python has said so.
  guess(ranges: Ranges) {
    this.inside(this.own(ranges));
    for (let at = 0; at < this.count; at++) if (this.elsewhere[at]) this.on[at] = 0;
  }

  private own(ranges: Ranges): [Axis, number, number][] {
    return [...new Set(this.axes)].flatMap((axis) => {
      const range = Object.hasOwn(ranges, axis.name) ? ranges[axis.name] : null;
      return range ? [[axis, Math.fround(range[0]), Math.fround(range[1])] as [Axis, number, number]] : [];
    });
  }

  private inside(own: [Axis, number, number][]) {
    this.on.fill(1);
    for (const [{ values }, low, high] of own) {
      for (let at = 0; at < this.count; at++) if (!(values[at] >= low && values[at] <= high)) this.on[at] = 0;
    }
  }

  private sorted(): Uint32Array {
    const starts = new Uint32Array(257);
    const key = (at: number) => (this.shades[at] + 1) & 255; // what has no value comes first
    for (let at = 0; at < this.count; at++) starts[key(at) + 1]++;
    for (let k = 1; k < 257; k++) starts[k] += starts[k - 1];
    const order = new Uint32Array(this.count);
    for (let at = 0; at < this.count; at++) order[starts[key(at)]++] = at;
    return order;
  }
}
