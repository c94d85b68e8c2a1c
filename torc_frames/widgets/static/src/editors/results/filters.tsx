// What filters rows: statuses, texts, parts of histograms; and what is selected, with what can be done with it.
import { useSignal } from "@preact/signals";
import { count, counted, short, split } from "../../core/look";
import type { Axis } from "../../figures/types";
import { Button, Field, Group, Grow, Pill, Toolbar } from "../../ui/controls";
import { Icon } from "../../ui/icons";
import type { Board } from "./board";
import type { State } from "./types";

export function Pills({ board }: { board: Board }) {
  const { bridge } = board;
  const { statuses, bare, stale, filters, jobs } = bridge.state.value as State;
  const isFiltered = filters.length > 0 || bare[1] || stale[1] || statuses.some(([, , isOn]) => isOn);
  return (
    <div class="tf-pills" role="group" aria-label="Filters">
      {statuses.map(([status, many, isOn]) => (
        <Pill key={status} status={status} count={count(many)} pressed={isOn} onClick={() => bridge.send("status", { name: status })} />
      ))}
      {(bare[0] > 0 || bare[1]) && <Pill status="no results" count={count(bare[0])} pressed={bare[1]} onClick={() => bridge.send("bare")} />}
      {(stale[0] > 0 || stale[1]) && <Pill status="stale" count={count(stale[0])} pressed={stale[1]} onClick={() => bridge.send("stale")} />}
      <Where board={board} />
      {filters.map((text) => (
        <span class="tf-chip tf-filter" key={text}>
          <Icon name="filter" />
          <code>{text}</code>
          <Button look="quiet" icon="close" title={`Take back the filter ${text}`} onClick={() => bridge.send("drop", { text })} />
        </span>
      ))}
      {isFiltered && (
        <Button look="quiet" title="Take back all filters" onClick={() => bridge.send("everything")}>
          all {count(jobs)}
        </Button>
      )}
    </div>
  );
}

function Where({ board }: { board: Board }) {
  const text = useSignal("");
  const fault = useSignal<string | undefined>(undefined);
  const ask = async (typed: string) => {
    text.value = typed;
    fault.value = undefined;
    if (!typed.trim()) return;
    ({ fault: fault.value } = await board.bridge.ask("filterby", { text: typed.trim() }));
    if (!fault.value) text.value = "";
  };
  return (
    <Field label="Filter" hideLabel value={text.value} fault={fault.value} width="19em" placeholder="filter: loss < 0.1 and depth > 2" onInput={(typed) => (text.value = typed)} onChange={ask} />
  );
}

type SelectionProps = { board: Board; onRerun: () => void };

export function Selection({ board, onRerun }: SelectionProps) {
  const { bridge } = board;
  const { chosen, markedKey } = bridge.state.value as State;
  const { count: many, ranges } = board.picked.value;
  const isBrushed = board.isBrushed.value;
  const copy = async () => {
    const { text, fault } = await bridge.ask("codeof");
    if (fault) bridge.note.value = { text: fault, tone: "error" };
    else {
      const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
      bridge.note.value = { text: isCopied ? "Copied as Python." : text, tone: "info" };
    }
  };
  return (
    <Toolbar label="Selection">
      <span role="status" class="tf-selected">
        {isBrushed ? `${counted(many, "job")} brushed` : chosen ? `${counted(chosen, "job")} selected` : "Nothing selected"}
      </span>
      {isBrushed && (
        <Group label="Brush">
          {Object.entries(ranges).map(([name, ends]) => (
            <Range key={name} board={board} name={name} ends={ends} />
          ))}
          <Button icon="filter" title="Make a filter of what is brushed" onClick={() => bridge.send("keep")}>
            Keep
          </Button>
          <Button icon="close" title="Brush nothing" onClick={() => void board.brush({})}>
            Free
          </Button>
        </Group>
      )}
      <Grow />
      <Group label="Of the selected jobs">
        <Button icon="log" title="What the selected job wrote last" disabled={!markedKey} onClick={() => void board.showLog(markedKey!)}>
          Log
        </Button>
        <Button icon="play" title="Run the selected jobs again" disabled={!chosen} onClick={onRerun}>
          Rerun…
        </Button>
        <Button icon="edit" title="Edit the parameters of the selected jobs" disabled={!chosen} onClick={() => bridge.send("edit")}>
          Edit
        </Button>
        <Button icon="copy" title="Copy the Python that gives the selected jobs" disabled={!chosen} onClick={() => void copy()}>
          Copy as Python
        </Button>
      </Group>
    </Toolbar>
  );
}

function Range({ board, name, ends }: { board: Board; name: string; ends: [number, number] }) {
  const axis = useSignal<Axis | null>(null);
  void board.figure([name]).then(({ axes }) => (axis.value = axes[0]), () => undefined);
  const labels = axis.value?.labels;
  const text = labels
    ? labels.slice(Math.max(0, Math.ceil(ends[0])), Math.floor(ends[1]) + 1).join(", ")
    : axis.value?.time
      ? `${short(ends[0].toFixed(3))} s – ${short(ends[1].toFixed(3))} s`
      : `${short(String(ends[0]))} – ${short(String(ends[1]))}`;
  return (
    <span class="tf-chip">
      {split(name).name} {text}
    </span>
  );
}
