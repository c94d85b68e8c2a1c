// The line to the server: a WebSocket that is opened again when it was lost.

import { pack, unpack, type Message } from "./frames";

const PAUSES = [300, 1000, 2000, 4000];

export type Ends = {
  /** It is open: what is said now arrives. */
  opened(): void;
  received(message: any, buffers: DataView[]): void;
  /** It was lost, and is tried again; or the server knows this browser no more. */
  lost(isUnknown: boolean): void;
};

export class Line {
  private socket: WebSocket | null = null;
  private timer = 0;
  private tries = 0;
  private isClosed = false;

  constructor(private ends: Ends) {
    this.open();
  }

  say(message: Message, buffers: (ArrayBuffer | ArrayBufferView)[] = []): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(pack(message, buffers));
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private open(): void {
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/editor`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.tries = 0;
      this.ends.opened();
    };
    socket.onmessage = (event) => this.ends.received(...unpack(event.data));
    socket.onclose = () => this.again();
    this.socket = socket;
  }

  private async again(): Promise<void> {
    if (this.isClosed) return;
    const isUnknown = await fetch("/api/alive").then((answer) => answer.status === 401, () => false);
    if (this.isClosed) return;
    this.ends.lost(isUnknown);
    if (isUnknown) return;
    this.timer = setTimeout(() => this.open(), PAUSES[Math.min(this.tries++, PAUSES.length - 1)]);
  }
}
