// The toolbar: what is done to rows and cells | what is open beside them | what there is to apply.
import type { Signal } from "@preact/signals";
import { count } from "../../core/look";
import { Button, Group, Toolbar } from "../../ui/controls";
import type { IconName } from "../../ui/icons";
import type { Props, State } from "./state";

export type Panel = "filter" | "fill" | "columns" | null;

type BarProps = Props & { panel: Signal<Panel>; view: () => any; onDiscard: () => void };

const PANELS: [Exclude<Panel, null>, string, IconName][] = [
  ["filter", "Filter", "filter"],
  ["fill", "Fill", "fill"],
  ["columns", "Columns", "columns"],
];

export function Bar({ bridge, state, panel, view, onDiscard }: BarProps) {
  const undo = (op: string) => () => view().table.send(op);
  // The selection is the grid's; the focus goes back to it.
  const onRows = (act: (view: any) => void) => () => {
    if (view().selection.block()) act(view());
    else bridge.note.value = { text: "Select cells in the table first", tone: "warning" };
    view().focus();
  };
  const addRow = () => {
    view().insertRow(false);
    view().focus();
  };
  return (
    <Toolbar label="Edit the table">
      <Group label="History">
        <Button icon="undo" title="Undo (Ctrl+Z)" look="quiet" disabled={!state.undo} onClick={undo("undo")} />
        <Button icon="redo" title="Redo (Ctrl+Y)" look="quiet" disabled={!state.redo} onClick={undo("redo")} />
      </Group>
      <Group label="Rows">
        <Button icon="add" title="Add a row below the selection (Ctrl+Enter)" disabled={!state.columns.length} onClick={addRow}>
          Row
        </Button>
        <Button icon="duplicate" title="Duplicate the selected rows (Ctrl+Shift+D)" look="quiet" onClick={onRows((of) => of.duplicateRows())} />
        <Button icon="delete" title="Delete the selected rows (Ctrl+Delete)" look="quiet" onClick={onRows((of) => of.deleteRows())} />
        {state.counts.deleted > 0 && (
          <Button icon="refresh" title="Restore the selected rows that are deleted" look="quiet" onClick={() => bridge.send("restore")}>
            Restore
          </Button>
        )}
      </Group>
      <Group label="Tools">
        <Button icon="find" title="Find and replace (Ctrl+H)" look="quiet" onClick={() => view().findbar.open(true)}>
          Find
        </Button>
        {PANELS.map(([name, text, icon]) => (
          <Button key={name} icon={icon} look="quiet" expanded={panel.value === name} onClick={() => (panel.value = panel.value === name ? null : name)}>
            {name === "filter" && state.filters.length ? `${text} (${state.filters.length})` : text}
          </Button>
        ))}
      </Group>
      <div class="tf-group tf-parameters-changes" role="group" aria-label="Changes">
        <span class={state.dirty ? "tf-parameters-counts" : "tf-quiet-text"} role="status">
          {changes(state.counts) || (state.dirty ? "other columns" : "as stored")}
        </span>
        {state.counts.invalid > 0 && (
          <Button icon="warning" title="Show what to mend" look="danger" onClick={() => bridge.send("review")}>
            {`${count(state.counts.invalid)} invalid`}
          </Button>
        )}
        <Button look="quiet" disabled={!state.dirty} onClick={onDiscard}>
          Discard
        </Button>
        <Button icon="check" look="main" disabled={!(state.dirty || state.command)} onClick={() => bridge.send("review")}>
          Review & apply
        </Button>
      </div>
    </Toolbar>
  );
}

/** How much there is to apply, in words; empty for nothing. */
export const changes = (counts: State["counts"]) =>
  (["changed", "new", "deleted"] as const)
    .filter((name) => counts[name])
    .map((name) => `${count(counts[name])} ${name}`)
    .join(", ");
