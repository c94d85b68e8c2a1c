// What Python tells of a workflow's progress. Times are milliseconds since 1970.
export type Job = { job: string; name: string };
export type Failure = Job & { code: number | null; ended: number | null; reason: string };

export type State = {
  title: string;
  workflow: string;
  counts: [string, number][];
  jobs: number;
  ended: number;
  busy: number;
  over: boolean;
  rate: number | null;
  left: number | null;
  began: number | null;
  last: number | null;
  stale: number;
  failed: number;
  failures: Failure[];
  running: (Job & { began: number | null })[];
  watching: boolean;
  told: string;
  error: string;
  canceling: boolean;
};

export type Intent = { runs: string[]; text: string; does?: string };
