// Where values are on an axis, as shares of its length, and back.
import { scaleLinear, scaleLog } from "d3-scale";
import type { Axis } from "./types";
import { number, told } from "./words";

export type Span = [number, number];
type Band = { low: number; high: number; text: string };
type Options = { pad?: number; banded?: boolean; isCount?: boolean }; // of counts ticks are round, though they may be few

const FEW = 12;
const BINS = 10;

export class Scale {
  readonly places: Float32Array; // NaN, where a value can't be drawn
  readonly missing: number = 0;
  readonly infinite: number = 0;
  readonly below: number = 0; // not above 0, on a logarithmic axis
  readonly low: number;
  readonly high: number;
  readonly isWhole: boolean = true;
  readonly isLog: boolean;
  readonly distinct: number[] | null; // its values, if they are few
  readonly bands: Band[] | null = null; // what a brush takes as one: categories, or cells
  readonly areNamed: boolean = true; // whether ticks are the bands, and not values between them
  private readonly toShare: (value: number) => number;
  private readonly toValue: (share: number) => number;
  private readonly pad: number;

  constructor(readonly axis: Axis, { pad = 0, banded = false, isCount = false }: Options = {}) {
    this.pad = axis.labels || banded ? 0 : pad;
    this.isLog = axis.log && !axis.labels && axis.values.some((value) => value > 0 && value < Infinity);
    const few = new Set<number>();
    let [low, high] = [Infinity, -Infinity];
    for (const value of axis.values) {
      if (!this.holds(value)) {
        if (value === Infinity || value === -Infinity) this.infinite++;
        else if (value <= 0) this.below++;
        else this.missing++;
        continue;
      }
      if (value < low) low = value;
      if (value > high) high = value;
      if (few.size <= FEW) few.add(value);
      if (!Number.isInteger(value)) this.isWhole = false;
    }
    [this.low, this.high] = [low, high];
    this.distinct = few.size <= FEW && !isCount ? [...few].sort((a, b) => a - b) : null;
    const made = (this.isLog ? scaleLog() : scaleLinear()).domain(this.domain());
    [this.toShare, this.toValue] = [made, made.invert];
    if (axis.labels) this.bands = axis.labels.map((text, at) => ({ low: at, high: at, text }));
    else if (banded && this.distinct) this.bands = this.distinct.map((value) => ({ low: value, high: value, text: axis.time ? told(axis, value) : number(value) }));
    else if (banded) {
      this.areNamed = false;
      this.bands = this.bins();
    }
    this.places = axis.values.map((value) => this.at(value));
  }

  get isEmpty() {
    return !(this.high >= this.low);
  }

  get isOne() {
    return this.low === this.high;
  }

  // The share of a value: of a band its middle, but where bands are cut out of a continuous axis.
  at(value: number): number {
    if (!this.holds(value)) return NaN;
    if (this.bands && this.areNamed) return (this.bandOf(value) + 0.5) / this.bands.length;
    return this.pad + this.toShare(value) * (1 - 2 * this.pad);
  }

  value(share: number): number {
    const inner = (share - this.pad) / (1 - 2 * this.pad);
    if (!this.isOne && inner === 0) return this.low;
    if (!this.isOne && inner === 1) return this.high;
    return Math.fround(this.toValue(inner));
  }

  bandOf(value: number): number {
    if (this.axis.labels) return value;
    if (this.areNamed) return this.distinct!.indexOf(value);
    return Math.max(0, Math.min(BINS - 1, Math.floor(this.toShare(value) * BINS)));
  }

  // The interval that a brush over these shares means: whole bands, where there are some.
  range([from, to]: Span): [number, number] {
    if (!this.bands) return [this.value(from), this.value(to)];
    const count = this.bands.length;
    const first = Math.min(count - 1, Math.floor(from * count + 1e-6));
    const last = Math.max(first, Math.ceil(to * count - 1e-6) - 1);
    return [this.bands[first].low, this.bands[last].high];
  }

  span([low, high]: [number, number]): Span | null {
    if (this.isEmpty || !(low <= high)) return null;
    const clamp = (share: number) => Math.max(0, Math.min(1, share));
    if (this.bands) {
      const touched = [...this.bands.keys()].filter((at) => this.bands![at].high >= low && this.bands![at].low <= high);
      return touched.length ? [touched[0] / this.bands.length, (touched[touched.length - 1] + 1) / this.bands.length] : null;
    }
    const share = (value: number) => (this.isLog && value <= 0 ? 0 : clamp(this.pad + this.toShare(value) * (1 - 2 * this.pad)));
    return [share(low), share(high)];
  }

  private holds(value: number) {
    if (this.axis.labels) return value >= 0 && value < this.axis.labels.length;
    return Number.isFinite(value) && !(this.isLog && value <= 0);
  }

  private domain(): [number, number] {
    if (this.isEmpty) return [0, 1];
    if (!this.isOne) return [this.low, this.high];
    if (this.isLog) return [this.low / 2, this.high * 2];
    const aside = Math.abs(this.low) / 2 || 1;
    return [this.low - aside, this.high + aside];
  }

  // Equal shares of the axis; a brush over one means the values that are in it.
  private bins(): Band[] {
    const bands = Array.from({ length: BINS }, () => ({ low: Infinity, high: -Infinity, text: "" }));
    for (const value of this.axis.values) {
      if (!this.holds(value)) continue;
      const band = bands[this.bandOf(value)];
      if (value < band.low) band.low = value;
      if (value > band.high) band.high = value;
    }
    return bands.map((band, at) => {
      const edges = [at, at + 1].map((k) => Math.fround(this.toValue(k / BINS)));
      return band.low <= band.high ? band : { ...band, low: edges[0], high: edges[1] };
    });
  }
}
