// What Python tells of a table of parameters; `parameters/messages.py` says what it means.
import type { Bridge } from "../../core/bridge";

export type Column = { name: string; dtype: string; read_only: boolean };
export type Condition = {
  column: string | null;
  test: string;
  text: string;
  low: string;
  high: string;
  choices: string[];
  negated: boolean;
  told: string;
};
export type Conflict = { job: string; column: string; mine: string | null; theirs: string | null; before: string | null };
export type Problem = { row: number | null; job: string | null; column: string | null; text: string; reason: string };
export type Change = [was: string | null, becomes: string | null];
export type Line = { what: "changed" | "new" | "deleted"; job: string | null; cells: (Change | null)[] };

/** Either what keeps the table from being applied, or what applying does. */
export type Review = {
  number: number;
  old: boolean;
  problems?: Problem[];
  total?: number;
  summary: string;
  empty: boolean;
  notes: string[];
  verb: string;
  deleted: number;
  conflicts: Conflict[];
  conflicts_total: number;
  columns: string[];
  rows: Line[];
  more: number;
  more_columns: number;
};

export type State = {
  title: string;
  store: string;
  length: number;
  hidden: number;
  columns: Column[];
  counts: Record<"changed" | "new" | "deleted" | "invalid", number>;
  dirty: boolean;
  undo: boolean;
  redo: boolean;
  command: boolean;
  filters: Condition[];
  busy: string;
  stops: boolean;
  progress: [number, number] | null;
  notices: string[];
  draft: boolean;
  review: Review | null;
  taken: boolean;
};

export type Props = { bridge: Bridge<State>; state: State };

export const DTYPES = ["int64", "Int64", "float64", "bool", "boolean", "str", "datetime64[us]", "category", "json"];
