// What a widget's module sees of its Python side: the model of anywidget, without a notebook around it.

import type { Message } from "./frames";

type Listener = (...told: any[]) => void;
type Send = (data: Message, buffers: (ArrayBuffer | ArrayBufferView)[]) => void;
type Path = (string | number)[];

/** Take binary values out of a state, as Jupyter's protocol wants them. */
function taken(state: Message): [Message, Path[], (ArrayBuffer | ArrayBufferView)[]] {
  const paths: Path[] = [];
  const buffers: (ArrayBuffer | ArrayBufferView)[] = [];
  function walk(value: any, path: Path): any {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      paths.push(path);
      buffers.push(value);
      return null;
    }
    if (Array.isArray(value)) return value.map((each, at) => walk(each, [...path, at]));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, walk(each, [...path, name])]));
  }
  return [walk(state, []), paths, buffers];
}

/** Put binary values where they belong in a state. */
function put(state: any, paths: Path[], buffers: DataView[]): void {
  paths.forEach((path, at) => {
    let inside = state;
    for (const step of path.slice(0, -1)) inside = inside[step];
    inside[path[path.length - 1]] = buffers[at];
  });
}

export class Model {
  private listeners = new Map<string, Set<Listener>>();
  private unsaved = new Set<string>();

  constructor(
    private state: Message,
    private post: Send,
  ) {}

  get(name: string): any {
    return this.state[name];
  }

  set(name: string, value: unknown): void {
    this.unsaved.add(name);
    this.change({ [name]: value });
  }

  save_changes(): void {
    if (!this.unsaved.size) return;
    const changed = Object.fromEntries([...this.unsaved].map((name) => [name, this.state[name]]));
    this.unsaved.clear();
    const [state, buffer_paths, buffers] = taken(changed);
    this.post({ method: "update", state, buffer_paths }, buffers);
  }

  send(content: unknown, _callbacks?: unknown, buffers: (ArrayBuffer | ArrayBufferView)[] = []): void {
    this.post({ method: "custom", content }, buffers);
  }

  on(names: string, listener: Listener): void {
    for (const name of names.split(" ")) {
      if (!this.listeners.has(name)) this.listeners.set(name, new Set());
      this.listeners.get(name)!.add(listener);
    }
  }

  off(names?: string | null, listener?: Listener | null): void {
    for (const name of names ? names.split(" ") : [...this.listeners.keys()]) {
      if (listener) this.listeners.get(name)?.delete(listener);
      else this.listeners.delete(name);
    }
  }

  /** Take a message of Python. */
  receive(data: any, buffers: DataView[]): void {
    if (data.method === "update") {
      put(data.state, data.buffer_paths ?? [], buffers);
      this.change(data.state);
    } else if (data.method === "custom") {
      this.tell("msg:custom", data.content, buffers);
    }
  }

  private change(state: Message): void {
    Object.assign(this.state, state);
    for (const name of Object.keys(state)) this.tell(`change:${name}`, this, this.state[name]);
    this.tell("change", this);
  }

  private tell(name: string, ...told: any[]): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) listener(...told);
  }
}

/** Whether a message has all of a widget's state, with the module that shows it. */
export function isWhole(data: any): boolean {
  return data.method === "update" && typeof data.state._esm === "string";
}

/** Return the state of such a message. */
export function stateOf(data: any, buffers: DataView[]): Message {
  put(data.state, data.buffer_paths ?? [], buffers);
  return data.state;
}
