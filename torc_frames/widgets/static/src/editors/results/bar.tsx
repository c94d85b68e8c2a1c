// The toolbar of the explorer: what it is of, the objective, the parts that open.
import type { Signal } from "@preact/signals";
import { ramp, short, split } from "../../core/look";
import { Button, Group, Grow, Select, Toolbar } from "../../ui/controls";
import { Icon, type IconName } from "../../ui/icons";
import type { Board } from "./board";
import type { State } from "./types";

export type Part = "figures" | "columns" | "group" | "code" | "export";
export type Open = Record<Part, boolean>;

const PARTS: [Part, IconName, string, string][] = [
  ["figures", "chart", "Figures", "Figures of what is shown"],
  ["columns", "columns", "Columns", "Choose the columns and their order"],
  ["group", "group", "Group", "Group rows and aggregate their values"],
  ["code", "code", "Python", "The Python that gives what is shown"],
  ["export", "save", "Export", "Write what is shown to a file"],
];

export function Bar({ board, open }: { board: Board; open: Signal<Open> }) {
  const { bridge } = board;
  const state = bridge.state.value as State;
  return (
    <Toolbar label="Results">
      <h2 class="tf-title">
        {state.title}
        <small>{state.told}</small>
      </h2>
      <Grow />
      <Group label="Show">
        {PARTS.map(([part, icon, text, title]) => (
          <Button key={part} icon={icon} title={title} pressed={open.value[part]} onClick={() => (open.value = { ...open.value, [part]: !open.value[part] })}>
            {text}
          </Button>
        ))}
      </Group>
      <Group label="Store">
        <Button icon="refresh" title="Show what the store has now" onClick={() => bridge.send("refresh")}>
          Refresh
        </Button>
      </Group>
    </Toolbar>
  );
}

/** What rows are ranked by, what its colours mean, and the best row: always in sight. */
export function Goal({ board }: { board: Board }) {
  const { bridge } = board;
  const { goal, metrics, best, profiles } = bridge.state.value as State;
  if (!goal) return <p class="tf-goal tf-quiet-text">No result of numbers to rank by yet.</p>;
  const isLeast = goal.mode === "min";
  const steps = profiles[goal.name]?.steps;
  const stops = [0, 0.25, 0.5, 0.75, 1].map((at) => ramp(isLeast ? 1 - at : at));
  return (
    <div class="tf-goal" role="group" aria-label="Objective">
      <Icon name="target" />
      <Select
        label="Objective"
        value={goal.name}
        hideLabel
        quiet
        options={[...new Set([goal.name, ...metrics])].map((value) => ({ value, text: split(value).name }))}
        onChange={(column) => bridge.send("rankby", { column, mode: goal.mode })}
      />
      <Button look="quiet" icon={isLeast ? "down" : "up"} title={isLeast ? "The least is best: make it the greatest" : "The greatest is best: make it the least"} onClick={() => bridge.send("rankby", { column: goal.name, mode: isLeast ? "max" : "min" })}>
        {isLeast ? "least" : "greatest"}
      </Button>
      {steps && (
        <span class="tf-legend">
          <span>{short(String(steps[0]))}</span>
          <i style={{ background: `linear-gradient(90deg, ${stops.join()})` }} />
          <span>{short(String(steps[steps.length - 1]))}</span>
        </span>
      )}
      {best ? (
        <Button look="quiet" title={`Go to the best row, job ${best.key}`} onClick={() => bridge.send("best")}>
          <b class="tf-badge">best</b>
          <span class="tf-best-cells">
            {best.cells.map(([name, text]) => (
              <span key={name}>
                {split(name).name} <b>{short(text)}</b>
              </span>
            ))}
          </span>
        </Button>
      ) : (
        <span class="tf-quiet-text">no completed job has it</span>
      )}
    </div>
  );
}
