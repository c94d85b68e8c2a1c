// What the parts of the explorer share: columns to draw, the brush, the grid's view.
import { computed, signal } from "@preact/signals";
import type { Bridge } from "../../core/bridge";
import type { Axis, Figure, Ranges } from "../../figures/types";
import type { State } from "./types";

export type Picked = { bits: Uint8Array; count: number; ranges: Ranges };
export type Log = { key: string; name: string; status: string; run: number | null; code: number | null; stdout: string | null; stderr: string | null; fault?: string };

export class Board {
  readonly picked = signal<Picked>({ bits: new Uint8Array(), count: 0, ranges: {} });
  readonly log = signal<Log | null>(null);
  readonly isBrushed = computed(() => Object.keys(this.picked.value.ranges).length > 0);
  private rows = -1;
  private columns = new Map<string, Promise<Axis>>();
  private keys: Promise<string[]> | null = null;
  private next: Ranges | null = null;
  private isBusy = false;
  private readonly stop: () => void;

  constructor(readonly bridge: Bridge<State>) {
    this.stop = bridge.on("picked", ({ ranges, count }, [bits]) => (this.picked.value = { ranges, count, bits: new Uint8Array(bytes(bits)) }));
  }

  destroy() {
    this.stop();
  }

  // Each column is sent once, as float32, until the rows are others.
  async figure(names: string[]): Promise<Figure> {
    const { rows } = this.bridge.state.peek();
    if (rows !== this.rows) [this.rows, this.columns, this.keys] = [rows!, new Map(), null];
    const missing = [...new Set(names)].filter((name) => !this.columns.has(name));
    if (missing.length || !this.keys) {
      const answer = this.bridge.ask("drawcolumns", { columns: missing }).then((told) => received(told));
      missing.forEach((name, at) => this.columns.set(name, answer.then(({ axes }) => axes[at])));
      this.keys ??= answer.then(({ keys }) => keys);
    }
    return { axes: await Promise.all(names.map((name) => this.columns.get(name)!)), keys: await this.keys };
  }

  async shares(): Promise<Figure> {
    const { shares, fault } = await this.bridge.ask("shares");
    if (fault) throw new Error(fault);
    const { goal } = this.bridge.state.peek();
    const axis = { name: goal?.name ?? "", log: false, labels: shares.map(([name]: [string]) => name), values: Float32Array.from(shares, ([, share]: [string, number]) => share) };
    return { axes: [axis], keys: [] };
  }

  // While Python works on one brush, only the latest of those after it is kept.
  async brush(ranges: Ranges) {
    this.next = ranges;
    if (this.isBusy) return;
    this.isBusy = true;
    while (this.next) {
      const now: Ranges = this.next;
      this.next = null;
      const { fault } = await this.bridge.ask("brush", { ranges: now });
      if (fault) this.bridge.note.value = { text: fault, tone: "error" };
    }
    this.isBusy = false;
  }

  async showLog(key: string) {
    const answer = await this.bridge.ask("log", { key });
    if (answer.fault) this.bridge.note.value = { text: answer.fault, tone: "error" };
    else this.log.value = answer;
  }
}

const bytes = (view: DataView): ArrayBuffer => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer;

function received({ axes, keys, buffers, fault }: any): Figure {
  if (fault) throw new Error(fault);
  const made = axes.map((axis: Omit<Axis, "values">, at: number) => ({ ...axis, values: new Float32Array(bytes(buffers[at])) }));
  return { axes: made, keys: keys ?? Array.from(new Int32Array(bytes(buffers[axes.length])), String) };
}
