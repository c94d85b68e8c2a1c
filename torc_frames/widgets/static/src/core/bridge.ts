// What Python says, as signals; what the page says to Python. Parts of it (grids) have their own conversations.
import { signal } from "@preact/signals";

export type Message = { kind: string; from?: string; [field: string]: any };
export type Heard = (message: any, buffers: DataView[]) => void;

/** What anywidget gives, or `torc-frames ui`. */
export type Model = {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(message: object): void;
  on(event: string, heard: (...given: any[]) => void): void;
  off(event: string, heard: (...given: any[]) => void): void;
};

/** As `Model`, for one part: its messages are addressed, and only those for it are heard. */
export type Part = Pick<Model, "get" | "send" | "on" | "off">;
export type Asset = (name: string) => Promise<any>;
export type Tone = "info" | "good" | "warning" | "error";
export type Note = { text: string; tone: Tone };

const ANSWER_MS = 2_500;

export class Bridge<State extends object> {
  /** What Python has told so far; fields that it has not told yet are missing. */
  readonly state = signal<Partial<State>>({});
  readonly note = signal<Note | null>(null);
  /** False while nobody answers: the kernel is gone, or busy. */
  readonly answers = signal(true);
  private readonly heard = new Map<string, Set<Heard>>();
  private readonly waiting = new Map<string, (answer: any) => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly model: Model,
    readonly asset: Asset,
  ) {
    model.on("msg:custom", this.receive);
    model.on("comm_live_update", this.check);
    this.send("open");
  }

  destroy() {
    clearTimeout(this.timer);
    this.model.off("msg:custom", this.receive);
    this.model.off("comm_live_update", this.check);
  }

  send(op: string, fields: object = {}) {
    this.post({ op, ...fields });
  }

  /** Send what has an answer, and wait for that; its buffers are `buffers`. */
  ask<Answer = any>(op: string, fields: object = {}): Promise<Answer> {
    const id = newId();
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.send(op, { id, ...fields });
    });
  }

  /** Hear all messages of a kind; returns what ends it. */
  on(kind: string, heard: Heard): () => void {
    const all = this.heard.get(kind) ?? new Set();
    this.heard.set(kind, all.add(heard));
    return () => all.delete(heard);
  }

  /** The conversation of a part. */
  part(name: string): Part {
    const wrapped = new Map<Heard, Heard>();
    return {
      get: (trait) => this.model.get(trait),
      send: (message) => this.post({ ...message, to: name }),
      on: (_event, heard) => {
        const only: Heard = (message, buffers) => message.from === name && heard(message, buffers);
        wrapped.set(heard, only);
        this.model.on("msg:custom", only);
      },
      off: (_event, heard) => {
        const only = wrapped.get(heard);
        if (only) this.model.off("msg:custom", only);
        wrapped.delete(heard);
      },
    };
  }

  private post(message: object) {
    try {
      this.model.send(message);
    } catch {
      this.answers.value = false; // JupyterLab throws where the kernel is gone
      return;
    }
    this.timer ??= setTimeout(this.doubt, ANSWER_MS);
  }

  // Not all that is said has an answer; a ping has.
  private doubt = () => {
    this.timer = setTimeout(() => (this.answers.value = false), ANSWER_MS);
    this.check();
  };

  // The connection has become another: is somebody there?
  private check = () => this.send("ping");

  private receive = (message: Message, buffers: DataView[]) => {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.answers.value = true;
    if (message.from) return;
    if (message.kind === "state") {
      const { kind: _, ...fields } = message;
      this.state.value = { ...this.state.value, ...(fields as Partial<State>) };
    } else if (message.kind === "note") {
      this.note.value = message.text ? { text: message.text, tone: message.tone } : null;
    } else if (message.kind === "answer") {
      this.waiting.get(message.id)?.({ ...message, buffers: buffers ?? [] });
      this.waiting.delete(message.id);
    }
    for (const heard of this.heard.get(message.kind) ?? []) heard(message, buffers ?? []);
  };
}

export const newId = () => crypto.getRandomValues(new Uint32Array(2)).join("-");
