// The explorer of results: toolbar, filters, figures and table over one state, which Python has.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { EditorProps } from "../../app";
import { Bar, Goal, type Open } from "./bar";
import { Board } from "./board";
import { Figures } from "./figures";
import { Pills, Selection } from "./filters";
import { LogDialog, RerunDialog } from "./jobs";
import { Code, Columns, Export, Groups } from "./panels";
import { Table } from "./table";
import type { State } from "./types";

export function Explorer({ bridge, theme }: EditorProps<State>) {
  const board = useMemo(() => new Board(bridge), [bridge]);
  useEffect(() => () => board.destroy(), [board]);
  const open = useSignal<Open>({ figures: true, columns: false, group: false, code: false, export: false });
  const asks = useSignal(false);
  const log = board.log.value;
  if (bridge.state.value.title === undefined) return <p class="tf-empty">Loading…</p>;
  return (
    <>
      <Bar board={board} open={open} />
      <Goal board={board} />
      <Pills board={board} />
      {open.value.columns && <Columns board={board} />}
      {open.value.group && <Groups board={board} />}
      {open.value.figures && <Figures board={board} theme={theme} />}
      <Selection board={board} onRerun={() => (asks.value = true)} />
      <Table board={board} />
      {open.value.code && <Code board={board} />}
      {open.value.export && <Export board={board} />}
      {log && <LogDialog board={board} log={log} />}
      {asks.value && <RerunDialog board={board} onClose={() => (asks.value = false)} />}
    </>
  );
}
