// How far the jobs of a workflow are, while they run.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { EditorProps } from "../../app";
import { count, counted, digits } from "../../core/look";
import { Button, Dialog, Grow, Group, Pill, Toolbar, toneClass } from "../../ui/controls";
import { Failures, Running } from "./jobs";
import { Course } from "./course";
import type { Intent, State } from "./state";
import { moment, span } from "./times";

export function Monitor({ bridge, theme }: EditorProps<State>) {
  const state = bridge.state.value;
  const course = useSignal(false);
  const intent = useSignal<Intent | null>(null);
  if (!state.counts) return null;
  const { watching, over, jobs = 0, canceling } = state;
  const cancel = async () => (intent.value = await bridge.ask<Intent>("intended"));
  return (
    <>
      <Toolbar label="Monitor">
        <h2 class="tf-title">
          {state.title}
          <small>workflow {state.workflow}</small>
        </h2>
        <Grow />
        <Button icon="chart" pressed={course.value} disabled={!jobs} onClick={() => (course.value = !course.value)}>
          Over time
        </Button>
        <Group label="Watching">
          <Button icon={watching ? "pause" : "play"} title={watching ? "Look no longer; the jobs go on" : "Look again, from time to time"} onClick={() => bridge.send("follow", { on: !watching })}>
            {watching ? "Pause watching" : "Watch"}
          </Button>
          {!over && (
            <Button icon="stop" look="danger" disabled={!jobs || canceling} title="End the run with its running jobs; asks first" onClick={cancel}>
              {canceling ? "Cancelling" : "Cancel run…"}
            </Button>
          )}
        </Group>
      </Toolbar>
      {jobs ? <Counts state={state} /> : <p class="tf-empty">There are no jobs yet. wf.push(df, command="…") adds them.</p>}
      {state.error && (
        <p class="tf-note tf-tone-error" role="alert">
          {state.error}
        </p>
      )}
      {over && !watching && <Ended state={state} />}
      {course.value && <Course bridge={bridge} theme={theme} />}
      <Running state={state} />
      <Failures bridge={bridge} />
      {intent.value && <Asked intent={intent.value} onClose={() => (intent.value = null)} onCancel={(runs) => bridge.send("endruns", { runs })} />}
    </>
  );
}

function Counts({ state }: { state: Partial<State> }) {
  const { counts = [], ended = 0, jobs = 0 } = state;
  return (
    <>
      <div
        class="tf-bar"
        role="progressbar"
        aria-label="Jobs that have ended"
        aria-valuemin={0}
        aria-valuenow={ended}
        aria-valuemax={jobs}
        aria-valuetext={counts.map(([status, many]) => `${count(many)} ${status}`).join(", ")}
      >
        {counts.map(([status, many]) => (
          <span key={status} class={toneClass(status)} style={{ flexGrow: many }} title={`${count(many)} ${status}`} />
        ))}
      </div>
      <div class="tf-pills">
        {counts.map(([status, many]) => (
          <Pill key={status} status={status} count={count(many)} />
        ))}
        <Grow />
        <span class="tf-quiet-text">{state.told}</span>
      </div>
      <Facts state={state} />
    </>
  );
}

function Facts({ state }: { state: Partial<State> }) {
  const { ended = 0, jobs = 0, began, last, rate, left, stale, busy } = state;
  const ticks = began != null && last == null;
  const now = useNow(ticks);
  const facts: [string, string][] = [["Ended", `${count(ended)} of ${counted(jobs, "job")} (${Math.floor((100 * ended) / jobs)}%)`]];
  if (began != null) facts.push([ticks ? "Elapsed" : "Took", span(((last ?? now) - began) / 1000)]);
  if (rate != null) facts.push(["Speed", `${digits(Number(rate.toPrecision(3)))} a minute`]);
  if (left != null) facts.push(["Left", `about ${span(left)}, until ${moment(now + 1000 * left)}`]);
  else if (busy) facts.push(["Left", "not known yet"]);
  if (stale) facts.push(["Stale", `${count(stale)}: parameters changed since their run`]);
  return (
    <ul class="tf-facts">
      {facts.map(([name, value]) => (
        <li key={name}>
          <small>{name}</small> {value}
        </li>
      ))}
    </ul>
  );
}

function Ended({ state: { jobs = 0, failed } }: { state: Partial<State> }) {
  const all = jobs > 1 ? `All ${count(jobs)} jobs have ended` : "The job has ended";
  return (
    <p class={`tf-note tf-tone-${failed ? "warning" : "good"}`} role="status">
      <span>
        {all}
        {failed ? `; ${count(failed)} failed. ` : ". "}
        <code>wf.table()</code> has what they stored{failed ? ", " : "."}
        {failed ? <code>wf.logs()</code> : null}
        {failed ? " what those that failed wrote." : null}
      </span>
    </p>
  );
}

type AskedProps = { intent: Intent; onClose: () => void; onCancel: (runs: string[]) => void };

function Asked({ intent: { runs, text, does }, onClose, onCancel }: AskedProps) {
  const yes = () => {
    onClose();
    onCancel(runs);
  };
  const footer = (
    <>
      <Button onClick={onClose}>{runs.length ? "Let it go on" : "Close"}</Button>
      {runs.length > 0 && (
        <Button look="danger" icon="stop" onClick={yes}>
          {does}
        </Button>
      )}
    </>
  );
  return (
    <Dialog title="Cancel the run" onClose={onClose} footer={footer}>
      <p>{text}</p>
    </Dialog>
  );
}

/** The time, told anew each second while it matters. */
function useNow(ticks: boolean): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    now.value = Date.now();
    if (!ticks) return;
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, [ticks]);
  return now.value;
}
