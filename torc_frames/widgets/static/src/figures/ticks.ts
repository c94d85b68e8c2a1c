// The values that are written at an axis: round ones, or its own if they are few; as many as fit beside each other.
import { scaleLinear, scaleLog } from "d3-scale";
import type { Scale } from "./scale";
import { duration, number, plain } from "./words";

export type Tick = { at: number; text: string }; // at: a share of the axis
type Size = (text: string) => number; // the room of a text along the axis, in pixels

const COUNTS = [6, 5, 4, 3, 2];
const MOST = 8;
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

export function ticks(scale: Scale, length: number, size: Size): Tick[] {
  if (scale.isEmpty) return [];
  if (scale.bands && scale.areNamed) return categories(scale.bands.map(({ text }) => plain(text)), length, size);
  for (const values of candidates(scale)) {
    const made = named(values, scale).map(([value, text]) => ({ at: scale.at(value), text }));
    if (fit(made, length, size)) return made;
  }
  return named([scale.low], scale).map(([value, text]) => ({ at: scale.at(value), text }));
}

export function fit(made: Tick[], length: number, size: Size): boolean {
  const sorted = [...made].sort((a, b) => a.at - b.at);
  return sorted.every((tick, k) => k === 0 || (tick.at - sorted[k - 1].at) * length >= (size(tick.text) + size(sorted[k - 1].text)) / 2);
}

function* candidates(scale: Scale): Generator<number[]> {
  const { low, high, distinct, axis } = scale;
  if (distinct && distinct.length <= MOST) yield distinct;
  const inside = (values: number[]) => values.filter((value) => Math.fround(value) >= low && Math.fround(value) <= high);
  if (scale.isLog && high / low >= 10) {
    for (const values of logarithmic(low, high)) {
      const some = inside(values);
      if (some.length >= 2 && some.length <= MOST) yield some;
    }
  }
  for (const count of COUNTS) {
    const values = inside(axis.time ? times(low, high, count) : scaleLinear().domain([low, high]).ticks(count));
    if (values.length >= 2 && values.length <= MOST) yield scale.isWhole && !axis.time ? values.filter(Number.isInteger) : values;
  }
  yield [low, high];
}

function* logarithmic(low: number, high: number): Generator<number[]> {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Array.from({ length: to - from + 1 }, (_, k) => from + k);
  const power = (exponent: number, times = 1) => Number(`${times}e${exponent}`);
  yield decades.flatMap((exponent) => [1, 2, 5].map((times) => power(exponent, times)));
  yield decades.flatMap((exponent) => [1, 3].map((times) => power(exponent, times)));
  for (const each of [1, 2, 3, 4, 5, 10]) yield decades.filter((exponent) => exponent % each === 0).map((exponent) => power(exponent));
  yield scaleLog().domain([low, high]).ticks(3);
}

function times(low: number, high: number, count: number): number[] {
  const step = SECONDS.find((seconds) => (high - low) / seconds <= count) ?? 604_800 * Math.ceil((high - low) / 604_800 / count);
  if (high - low < 2) return scaleLinear().domain([low, high]).ticks(count);
  return Array.from({ length: Math.floor((high - low) / step) + 2 }, (_, k) => (Math.ceil(low / step) + k) * step);
}

// As few digits as tell them apart.
function named(values: number[], scale: Scale): [number, string][] {
  const unique = [...new Set(values)];
  const durations = scale.axis.time ? unique.map(duration) : [];
  if (durations.length && new Set(durations).size === unique.length) return unique.map((value, k) => [value, durations[k]]);
  for (const digits of [4, 6, 7]) {
    const texts = unique.map((value) => number(value, digits));
    if (new Set(texts).size === unique.length || digits === 7) return unique.map((value, k) => [value, texts[k]]);
  }
  return [];
}

// Every category, or every second, third … one; what is too long is cut where it is drawn.
function categories(labels: string[], length: number, size: Size): Tick[] {
  const room = (text: string) => Math.min(size(text), 64);
  for (let each = 1; ; each++) {
    const made = labels.map((text, k) => ({ at: (k + 0.5) / labels.length, text })).filter((_, k) => k % each === 0);
    if (made.length <= 1 || fit(made, length, room)) return made;
  }
}
