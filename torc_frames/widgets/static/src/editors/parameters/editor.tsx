// The editor of a table of parameters: tools, the grid, what applying does.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { EditorProps } from "../../app";
import { count } from "../../core/look";
import { Button, Dialog, Field, Grow } from "../../ui/controls";
import { Grid } from "../../ui/grid";
import { Bar, changes, type Panel } from "./bar";
import { Columns } from "./columns";
import { Fill } from "./fill";
import { Filter } from "./filter";
import { ReviewDialog } from "./review";
import type { Props, State } from "./state";

export function ParameterEditor({ bridge }: EditorProps<State>) {
  const view = useRef<any>(null);
  const panel = useSignal<Panel>(null);
  const asking = useSignal(false);
  const state = bridge.state.value as State;
  if (state.taken) return <p class="tf-empty" role="status">This table is edited in another cell now; its edits are there.</p>;
  // Until Python has answered there is the grid alone, which asks by itself.
  const isKnown = state.columns !== undefined;
  const props = { bridge, state };
  const Open = panel.value && { filter: Filter, fill: Fill, columns: Columns }[panel.value];
  return (
    <>
      {isKnown && <Head {...props} />}
      {isKnown && <Notices {...props} onDiscard={() => (asking.value = true)} />}
      {isKnown && <Bar {...props} panel={panel} view={() => view.current} onDiscard={() => (asking.value = true)} />}
      {isKnown && Open && <Open {...props} />}
      {isKnown && <Empty {...props} />}
      <Grid bridge={bridge} part="grid" onView={(made) => (view.current = made)} />
      {asking.value && <Discard {...props} onClose={() => (asking.value = false)} />}
      {isKnown && state.review && <ReviewDialog {...props} review={state.review} />}
    </>
  );
}

const Head = ({ bridge, state }: Props) => (
  <div class="tf-toolbar tf-parameters-head">
    <h2 class="tf-title">
      {state.title}
      <small>{state.store}</small>
    </h2>
    <Grow />
    <span class="tf-quiet-text" role="status">{state.busy}</span>
    <Progress bridge={bridge} state={state} />
    <Button icon="refresh" title="Reload: edits stay" look="quiet" onClick={() => bridge.send("reload")} />
  </div>
);

/** How far what is going on is, and its end. */
export function Progress({ bridge, state }: Props) {
  if (!state.stops || !state.progress) return null;
  const [done, total] = state.progress;
  return (
    <>
      <progress class="tf-progress" aria-label={state.busy} max={total} value={done} />
      <Button icon="stop" onClick={() => bridge.send("stop")}>
        Stop
      </Button>
    </>
  );
}

function Notices({ bridge, state, onDiscard }: Props & { onDiscard: () => void }) {
  if (!state.notices.length) return null;
  return (
    <div class="tf-note tf-tone-warning" role="status">
      <span>{state.notices.join("\n")}</span>
      {state.draft && <Button onClick={onDiscard}>Throw them away</Button>}
      {state.draft && <Button onClick={() => bridge.send("dismiss")}>Go on with them</Button>}
      {!state.draft && <Button icon="close" title="Dismiss" look="quiet" onClick={() => bridge.send("dismiss")} />}
    </div>
  );
}

function Discard({ bridge, state, onClose }: Props & { onClose: () => void }) {
  const discard = () => {
    bridge.send("discard");
    onClose();
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button look="danger" onClick={discard}>Discard edits</Button>
    </>
  );
  return (
    <Dialog title="Discard all edits?" onClose={onClose} footer={footer}>
      <p>{changes(state.counts) || "There are no edits"}. This can't be undone: the table is what the store has then.</p>
    </Dialog>
  );
}

function Empty({ bridge, state }: Props) {
  const text = useSignal("");
  if (state.hidden || state.length) {
    return state.length ? null : <p class="tf-empty">The filter hides all {count(state.hidden)} rows.</p>;
  }
  if (state.columns.length) return <p class="tf-empty">No rows yet: add one, or paste some into the table.</p>;
  const add = () => {
    bridge.send("begin", { text: text.value });
    text.value = "";
  };
  return (
    <div class="tf-panel tf-parameters-empty">
      <p>
        No jobs yet. Paste a table with names in its first line, add columns and then rows, or give rows: <code>ParameterEditor(wf, tf.grid(alpha=[0.1, 1.0]))</code>
      </p>
      <Field label="A table" hideLabel lines={4} value={text.value} placeholder={"alpha\tdepth\n0.1\t2\n1.0\t4"} onInput={(value) => (text.value = value)} />
      <Button icon="add" disabled={!text.value.trim()} onClick={add}>
        Add these rows
      </Button>
    </div>
  );
}
