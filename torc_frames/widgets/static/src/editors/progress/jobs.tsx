// Jobs by name: those that run, and those that failed, with what they wrote.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Bridge } from "../../core/bridge";
import { count } from "../../core/look";
import { Icon } from "../../ui/icons";
import type { Failure, State } from "./state";
import { moment } from "./times";

export function Running({ state: { running = [], busy = 0 } }: { state: Partial<State> }) {
  if (!running.length) return null;
  const more = busy - running.length;
  return (
    <section class="tf-panel" aria-label="Running">
      <h3>Running</h3>
      <ul class="tf-jobs">
        {running.map(({ job, name, began }) => (
          <li key={job}>
            <b>{job}</b>
            <span>{name}</span>
            {began != null && <small>since {moment(began, true)}</small>}
          </li>
        ))}
        {more > 0 && <li class="tf-quiet-text">and {count(more)} more</li>}
      </ul>
    </section>
  );
}

export function Failures({ bridge }: { bridge: Bridge<State> }) {
  const { failures = [], failed = 0 } = bridge.state.value;
  if (!failures.length) return null;
  const shown = failures.length;
  return (
    <section class="tf-panel" aria-label="Failed">
      <h3>{shown < failed ? `Failed: the last ${shown} of ${count(failed)}` : "Failed"}</h3>
      <ul class="tf-failures">
        {failures.map((one) => (
          <Failed key={`${one.job} ${one.ended}`} one={one} bridge={bridge} />
        ))}
      </ul>
    </section>
  );
}

function Failed({ one, bridge }: { one: Failure; bridge: Bridge<State> }) {
  const open = useSignal(false);
  const { job, name, code, ended, reason } = one;
  const line = reason.trim().split("\n").pop();
  return (
    <li>
      <button type="button" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
        <Icon name="log" />
        <b>{job}</b>
        <span>{name}</span>
        {code != null && <small>code {code}</small>}
        {ended != null && <small>{moment(ended, true)}</small>}
        <span class="tf-reason">{line || "not known here: its stderr is where it ran"}</span>
      </button>
      {open.value && <Log job={job} bridge={bridge} />}
    </li>
  );
}

const STREAMS: [string, string][] = [
  ["traceback", "Error that it stored"],
  ["stderr", "stderr"],
  ["stdout", "stdout"],
];

function Log({ job, bridge }: { job: string; bridge: Bridge<State> }) {
  const texts = useSignal<Record<string, string> | null>(null);
  useEffect(() => {
    bridge.ask("writtenby", { job }).then((answer) => (texts.value = answer.texts));
  }, [job]);
  if (texts.value === null) return null;
  const known = STREAMS.filter(([stream]) => texts.value![stream]);
  if (!known.length) return <p class="tf-quiet-text">No output of it is on this machine.</p>;
  return (
    <>
      {known.map(([stream, title]) => (
        <figure key={stream}>
          <figcaption>{title}, the last lines</figcaption>
          <pre class="tf-code" tabIndex={0} aria-label={`${title} of job ${job}`} ref={toEnd}>
            {texts.value![stream]}
          </pre>
        </figure>
      ))}
    </>
  );
}

// The last lines say most.
const toEnd = (node: HTMLElement | null) => {
  if (node) node.scrollTop = node.scrollHeight;
};
