// What is around each editor: its notes, and one sentence if nobody answers.
import type { ComponentChildren } from "preact";
import type { Bridge } from "../core/bridge";
import { Button } from "./controls";

export function Frame({ bridge, children }: { bridge: Bridge<any>; children: ComponentChildren }) {
  const note = bridge.note.value;
  return (
    <>
      {children}
      <div aria-live="polite">
        {!bridge.answers.value && <p class="tf-note tf-tone-warning">Python does not answer: it is busy, or gone. What you do now waits, and is lost if it is gone.</p>}
        {note && note.tone !== "error" && <Told note={note} onClose={() => (bridge.note.value = null)} />}
      </div>
      <div aria-live="assertive">{note?.tone === "error" && <Told note={note} onClose={() => (bridge.note.value = null)} />}</div>
    </>
  );
}

const Told = ({ note, onClose }: { note: { text: string; tone: string }; onClose: () => void }) => (
  <p class={`tf-note tf-tone-${note.tone}`}>
    <span>{note.text}</span>
    <Button icon="close" title="Dismiss" look="quiet" onClick={onClose} />
  </p>
);
