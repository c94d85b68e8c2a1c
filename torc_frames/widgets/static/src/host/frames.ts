// A message and its buffers as one frame of a WebSocket, and back; `widgets/host/frames.py` says how.

export type Message = Record<string, unknown>;
type Bytes = ArrayBuffer | ArrayBufferView;

const HEAD = 4; // bytes of the length of the head

function bytes(buffer: Bytes): Uint8Array {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

export function pack(message: Message, buffers: Bytes[] = []): ArrayBuffer {
  const parts = buffers.map(bytes);
  const sizes = parts.map((part) => part.length);
  const head = new TextEncoder().encode(JSON.stringify({ message, sizes }));
  const frame = new Uint8Array(sizes.reduce((sum, size) => sum + size, HEAD + head.length));
  new DataView(frame.buffer).setUint32(0, head.length, true);
  let at = HEAD;
  for (const part of [head, ...parts]) {
    frame.set(part, at);
    at += part.length;
  }
  return frame.buffer;
}

export function unpack(frame: ArrayBuffer): [Message, DataView[]] {
  let at = HEAD + new DataView(frame).getUint32(0, true);
  const { message, sizes } = JSON.parse(new TextDecoder().decode(new Uint8Array(frame, HEAD, at - HEAD)));
  // Copies: numbers of eight bytes can't be read in place where they begin anywhere.
  const buffers = sizes.map((size: number) => new DataView(frame.slice(at, (at += size))));
  return [message, buffers];
}
