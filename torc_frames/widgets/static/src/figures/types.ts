// What a figure is given, and what it says.
export type Kind = "scatter" | "parallel" | "heat" | "history" | "importance" | "coverage" | "progress";

// Categories are by their place in labels; NaN is missing. Of a time, values are seconds since the first.
export type Axis = { name: string; labels: string[] | null; log: boolean; time?: boolean; values: Float32Array };

// scatter, heat: x, y, colour. parallel: parameters, then the objective. history: the objective, then (maybe) the end time.
// importance: one axis of shares, labels are the names. coverage: x, y, "there" or "new". progress: a time, then counts, an axis a status.
export type Figure = { axes: Axis[]; keys: string[] };

// A brush: intervals by column, both ends in it, compared as float32. Of categories the ends are places.
export type Ranges = Record<string, [number, number]>;

export type Look = {
  picked: Uint8Array; // bits, as numpy.packbits
  brushed: boolean; // whether picked counts
  best: number; // row, or -1
  least: boolean; // whether the least is best
  steps?: number[]; // 21 quantiles of the objective: colours are by rank
  label: string;
  ranges: Ranges;
  marked?: number; // the row that is active in the table, or -1
  cells?: "mean" | "best"; // what the colours of a heat map tell; the mean, if nothing is said
};

export type Listeners = {
  ranges(ranges: Ranges): void; // all of them, also of columns that this figure has not
  hover(row: number | null): void;
  choose(row: number): void; // of importance: the place of the parameter
};
