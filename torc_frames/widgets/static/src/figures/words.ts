// How names, numbers and times are written.
import type { Axis } from "./types";

const TIMES: [number, string][] = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];

// One line of at most 200 characters: a label may be a whole file.
export const plain = (text: string) => text.slice(0, 200).replace(/\s+/g, " ");

// Names without what they share with all others of their group, unless two would be one.
export function bare(names: string[]): string[] {
  const short = names.map((name) => plain(name.replace(/^(params|results)\./, "") || name));
  return short.map((name, at) => (short.some((other, k) => other === name && names[k] !== names[at]) ? plain(names[at]) : name));
}

export function number(value: number, digits = 6): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    return Number(value.toPrecision(digits)).toExponential().replace("e+", "e");
  }
  return String(Number(value.toPrecision(Number.isInteger(value) ? 9 : digits)));
}

// Two units at most: 1 h 20 min, 45 s, 0.25 s.
export function duration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 60) return seconds === 0 ? "0" : `${number(seconds, 3)} s`;
  const at = TIMES.findIndex(([unit]) => size >= unit);
  const [unit, name] = TIMES[at];
  const [below, small] = TIMES[at + 1];
  const parts = Math.round(size / below);
  const [whole, rest] = [Math.floor((parts * below) / unit), parts % (unit / below)];
  return `${seconds < 0 ? "-" : ""}${whole} ${name}${rest ? ` ${rest} ${small}` : ""}`;
}

export function told(axis: Axis, value: number): string {
  if (Number.isNaN(value)) return "missing";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "-infinite";
  if (axis.labels) return axis.labels[value] ?? "missing";
  return axis.time ? duration(value) : number(value);
}
