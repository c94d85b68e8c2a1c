// One editor on a page: its line to the server, its model, and what is said when the server is gone.

import { Line } from "./line";
import { isWhole, Model, stateOf } from "./model";
import { render } from "./render";

const OPENING = "Opening…";
const GONE = "The server does not answer: what you do here is not kept. The page tries again.";
const UNKNOWN = "The server was started anew: open the address that it has printed.";
const ANEW = "The server has begun a new session: what was not applied before is gone.";

const page = crypto.getRandomValues(new Uint32Array(4)).join("-");

export type What = { workflow: string; editor: string; job?: string };

/** Show an editor of a workflow, or of one of its jobs, in an element; returns what takes it away again. */
export function openEditor(el: HTMLElement, what: What): () => void {
  const note = document.createElement("div");
  note.className = "tf-ui-note";
  note.setAttribute("role", "status");
  const shown = document.createElement("div");
  shown.className = "tf-ui-editor";
  el.replaceChildren(note, shown);
  const kept = `torc-frames ${what.workflow} ${what.editor} ${what.job ?? ""}`;
  let session = "";
  let model: Model | null = null;
  let clean: (() => void) | null = null;
  let isClosed = false;

  function say(text: string, isBad = false): void {
    note.textContent = text;
    note.classList.toggle("tf-ui-bad", isBad);
    note.hidden = !text;
  }

  function take(): void {
    clean?.();
    clean = null;
    model = null;
  }

  async function show(state: Record<string, unknown>): Promise<void> {
    take();
    const made = new Model(state, (data, buffers) => line.say({ kind: "comm", data }, buffers));
    model = made;
    try {
      const done = await render(made, shown);
      if (model === made && !isClosed) clean = done;
      else done();
    } catch (error) {
      say(`This could not be shown: ${error}`, true);
      throw error;
    }
  }

  say(OPENING);
  const line = new Line({
    opened() {
      line.say({ kind: "open", ...what, page, session: sessionStorage.getItem(kept) ?? "" });
      line.say({ kind: "comm", data: { method: "request_state" } });
    },
    received(message, buffers) {
      if (message.kind === "session") {
        say(session && session !== message.id ? ANEW : "");
        shown.inert = false;
        session = message.id;
        sessionStorage.setItem(kept, session);
      } else if (message.kind === "comm") {
        if (isWhole(message.data) && !model) void show(stateOf(message.data, buffers));
        else model?.receive(message.data, buffers);
      } else {
        say(message.text, true);
        if (message.kind === "failed") line.close();
      }
    },
    lost(isUnknown) {
      say(isUnknown ? UNKNOWN : GONE, true);
      shown.inert = true;
      model = null; // which asks for all anew when the line is back
    },
  });

  return () => {
    isClosed = true;
    line.close();
    take();
  };
}
