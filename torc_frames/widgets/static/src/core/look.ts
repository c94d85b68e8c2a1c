// How values look: short numbers, counts, and one ramp of colours whose best end stands out on light and on dark.

/** A number as it is read, not as it is kept: four digits. Any other text is as it was. */
export function short(text: string): string {
  if (text.length < 7 || text.trim() === "") return text;
  const value = Number(text);
  if (!Number.isFinite(value) || /^[-+]?\d+$/.test(text)) return text;
  return digits(value);
}

export function digits(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(3).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(4)));
}

export const count = (many: number) => many.toLocaleString("en-US");
export const counted = (many: number, noun: string) => `${count(many)} ${noun}${many === 1 ? "" : "s"}`;

/** Where a value is among all, 0 to 1, by quantiles: of a skewed metric not all are one colour. */
export function rank(value: number, steps: number[]): number {
  const above = steps.findIndex((step) => step >= value);
  if (above < 0) return 1;
  if (above === 0) return 0;
  const low = steps[above - 1];
  return (above - 1 + (value - low) / (steps[above] - low || 1)) / (steps.length - 1);
}

/** 0 is worst, 1 is best; the ends are tokens, so that the theme decides. */
export const ramp = (share: number) =>
  share < 0.5
    ? `color-mix(in oklab, var(--tf-ramp-1) ${Math.round(share * 200)}%, var(--tf-ramp-0))`
    : `color-mix(in oklab, var(--tf-ramp-2) ${Math.round(share * 200 - 100)}%, var(--tf-ramp-1))`;

/** Whether a row is among those of bits as numpy packs them. */
export const isIn = (bits: Uint8Array, row: number) => (bits[row >> 3] & (128 >> (row & 7))) !== 0;

/** The name of a column without what it is of, and what that is. */
export function split(name: string): { group: "params" | "results" | "job"; name: string } {
  const dot = name.indexOf(".");
  const group = name.slice(0, dot);
  return group === "params" || group === "results" ? { group, name: name.slice(dot + 1) } : { group: "job", name };
}
