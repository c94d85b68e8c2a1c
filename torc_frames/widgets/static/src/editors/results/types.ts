// What Python tells the explorer, see results/state.py.
export type Profile = {
  missing: number;
  bins: number[];
  /** Of the rows that meet the filters, if there are any filters. */
  now?: number[];
  range?: [string, string];
  labels?: string[];
  log?: boolean;
  /** The part of the histogram that is a filter, from 0 to 1. */
  narrowed?: [number, number];
  /** Quantiles, of results. */
  steps?: number[];
};

export type Mode = "min" | "max";
export type Best = { place: number; row: number; key: string; cells: [string, string][] };

export type State = {
  title: string;
  told: string;
  /** Another number for other rows: what was drawn of them is void. */
  rows: number;
  jobs: number;
  statuses: [string, number, boolean][];
  bare: [number, boolean];
  stale: [number, boolean];
  filters: string[];
  goal: { name: string; mode: Mode } | null;
  metrics: string[];
  best: Best | null;
  profiles: Record<string, Profile>;
  order: string[];
  hidden: string[];
  groups: string[];
  aggregates: [string, string][];
  /** The functions that each column can be aggregated by. */
  able: Record<string, string[]>;
  groupable: string[];
  drawable: string[];
  first: { x: string | null; y: string | null; columns: string[] };
  ended: string | null;
  code: string;
  /** The place of the row that is selected in the table, or -1. */
  marked: number;
  markedKey: string | null;
  chosen: number;
};
