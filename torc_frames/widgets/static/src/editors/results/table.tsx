// The grid of the explorer: headings, short numbers, colours of metrics, statuses as pills, the best row.
import { useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ramp, rank, short, split } from "../../core/look";
import { statusClass } from "../../ui/controls";
import { Grid } from "../../ui/grid";
import type { Board } from "./board";
import { element, heading } from "./heading";

type Column = { name: string; kind: string };

const NUMBERS = new Set(["int", "float"]);
const FAILED = new Set(["failed", "terminated", "pending_failed"]);

export function Table({ board }: { board: Board }) {
  const { bridge } = board;
  const view = useRef<any>(null);
  const state = () => bridge.state.peek();
  const profiles = useComputed(() => bridge.state.value.profiles);
  const goal = useComputed(() => bridge.state.value.goal);
  const best = useComputed(() => bridge.state.value.best?.row ?? -1);

  useSignalEffect(() => {
    if (profiles.value && goal.value !== undefined && view.current?.table.columns.length) {
      view.current.redecorate();
      view.current.markOrder();
    }
  });
  useSignalEffect(() => {
    if (best.value >= -1 && view.current?.table.columns.length) {
      view.current.painter.invalidate();
      view.current.selection.show();
    }
  });

  const hooks = {
    heading: (column: Column) => {
      const columns: Column[] = view.current.table.columns;
      const at = columns.indexOf(column);
      const isFirst = at === 0 || split(columns[at - 1].name).group !== split(column.name).group;
      const narrow = (low: number, high: number) => bridge.send("narrow", { column: column.name, low, high });
      return heading({ name: column.name, isFirst, isGoal: state().goal?.name === column.name, profile: state().profiles?.[column.name], narrow });
    },
    label: (column: Column) => split(column.name).name,
    short: (column: Column, text: string) => (NUMBERS.has(column.kind) ? `${state().profiles?.[column.name]?.steps ? "■ " : ""}${short(text)}` : column.name === "status" ? `● ${text}` : text),
    rowClass: (row: number) => (row === state().best?.row ? "tf-best" : ""),
    cell: (column: Column, text: string, row: number) => cell(column, text, row),
  };

  function cell(column: Column, text: string, row: number): Node | string {
    const { best, goal, profiles } = state();
    if (column.name === "job_key" && row === best?.row) return withBadge(text);
    if (column.name === "status" && text) {
      const pill = element("span", statusClass(text), text);
      if (FAILED.has(text)) pill.classList.add("tf-opens");
      return pill;
    }
    if (!NUMBERS.has(column.kind) || text === "") return text;
    const steps = profiles?.[column.name]?.steps;
    const value = Number(text);
    if (!steps || Number.isNaN(value)) return short(text);
    const box = element("span", "tf-metric", short(text));
    const share = rank(value, steps);
    box.style.setProperty("--tf-at", ramp(column.name === goal?.name && goal.mode === "min" ? 1 - share : share));
    return box;
  }

  // The key of the job in a row, if it has failed.
  const failedIn = (row: number) => {
    const { columns } = view.current.table;
    const at = columns.findIndex(({ name }: Column) => name === "status");
    return at >= 0 && columns[0].name === "job_key" && FAILED.has(view.current.table.text(row, at)) ? view.current.table.text(row, 0) : null;
  };
  // Pressed and let go at one place. No click: the press may scroll the cell into view, or have it drawn anew.
  const pressed = useRef<{ key: string; x: number; y: number } | null>(null);
  const onMouseDown = (event: MouseEvent) => {
    const opens = event.button === 0 && !event.shiftKey && (event.target as Element).closest(".tf-opens");
    const key = opens ? failedIn(view.current.cellAt(event).row) : null;
    pressed.current = key ? { key, x: event.clientX, y: event.clientY } : null;
  };
  const onMouseUp = (event: MouseEvent) => {
    const { key, x, y } = pressed.current ?? { key: "", x: 0, y: 0 };
    pressed.current = null;
    if (key && Math.hypot(event.clientX - x, event.clientY - y) < 5) void board.showLog(key);
  };
  const onKey = (event: KeyboardEvent) => {
    const { active, header } = view.current.selection;
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || !active || header) return;
    if (view.current.table.columns[active.column].name !== "status") return;
    const key = failedIn(active.row);
    if (!key) return;
    event.preventDefault();
    event.stopPropagation();
    void board.showLog(key);
  };

  return (
    <div class="tf-results-table" onMouseDownCapture={onMouseDown} onMouseUp={onMouseUp} onKeyDownCapture={onKey}>
      <Grid bridge={bridge} part="grid" hooks={hooks} onView={(made) => (view.current = made)} />
    </div>
  );
}

function withBadge(text: string): Node {
  const box = element("span", "tf-key", text);
  box.append(element("b", "tf-badge", "best"));
  return box;
}
