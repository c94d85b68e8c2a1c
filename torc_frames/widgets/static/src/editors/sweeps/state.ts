// What Python tells of a sweep as it is typed.
export type Fault = { field: string; text: string; missing: boolean };
export type AxisState = { key: string; name: string; kind: string; texts: Record<string, string>; told: string; fault: Fault | null };

export type State = {
  fields: Record<string, [string, string][]>; // by kind: the name of each field, and what it is called
  ways: string[];
  methods: string[];
  workflow: string | null;
  hands: boolean;
  axes: AxisState[];
  how: Record<"way" | "method" | "n" | "seed" | "where" | "metric" | "direction", string>;
  tables: [string, boolean][];
  drawn: boolean;
  fault: Fault | null;
  wrong: string; // why no table could be made
  sizes: number[] | null;
  rows: number | null;
  told: string[];
  columns: string[];
  code: string;
  making: boolean;
  pushing: boolean;
};

export type Planned = { text: string; new: number; wrong: boolean };
