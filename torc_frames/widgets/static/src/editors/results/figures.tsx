// Two figures side by side, linked: what is brushed in one is picked in the other, in the table and in Python.
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { split } from "../../core/look";
import type { Figure, Kind, Look } from "../../figures/types";
import { Select } from "../../ui/controls";
import { MenuButton } from "../../ui/menu";
import type { Board } from "./board";
import type { State } from "./types";

const KINDS = { scatter: "Scatter", parallel: "Parallel", heat: "Heat map", history: "History", importance: "Importance" };
type Shown = keyof typeof KINDS;
type Drawing = { draw(figure: Figure, look: Look): void; destroy(): void };

export const Figures = ({ board, theme }: { board: Board; theme: ReadonlySignal<string> }) => (
  <section class="tf-figures" aria-label="Figures">
    <Pane board={board} theme={theme} first="scatter" />
    <Pane board={board} theme={theme} first="parallel" />
  </section>
);

function Pane({ board, theme, first }: { board: Board; theme: ReadonlySignal<string>; first: Shown }) {
  const { bridge } = board;
  const state = bridge.state.value as State;
  const kind = useSignal<Shown>(first);
  const x = useSignal<string | null>(null);
  const y = useSignal<string | null>(null);
  const axes = useSignal<string[] | null>(null);
  const fault = useSignal("");
  const host = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | null>(null);
  const figure = useRef<Figure | null>(null);
  const columns = asked(state, kind.value, x.value, y.value, axes.value);
  const key = JSON.stringify([kind.value, columns, state.rows]);

  const draw = () => {
    if (drawing.current && figure.current) drawing.current.draw(figure.current, look(board, kind.peek(), columns));
  };
  useEffect(() => {
    let isThere = true;
    figure.current = null;
    bridge.asset("figures").then(
      ({ Drawing }) => {
        if (!isThere) return;
        const choose = (row: number) => {
          if (kind.peek() !== "importance") return bridge.send("choose", { row });
          [x.value, kind.value] = [figure.current!.axes[0].labels![row], "scatter"];
        };
        drawing.current = new Drawing(host.current!, kind.peek() as Kind, { ranges: (ranges: Look["ranges"]) => void board.brush(ranges), hover: () => undefined, choose });
        draw();
      },
      (error: unknown) => (fault.value = String(error)),
    );
    return () => {
      isThere = false;
      drawing.current?.destroy();
      drawing.current = null;
    };
  }, [kind.value]);
  useEffect(() => {
    let isThere = true;
    fault.value = "";
    (kind.value === "importance" ? board.shares() : board.figure(columns)).then(
      (got) => {
        if (!isThere) return;
        figure.current = got;
        draw();
      },
      (error: Error) => isThere && (fault.value = error.message),
    );
    return () => void (isThere = false);
  }, [key]);
  useEffect(draw, [board.picked.value, theme.value, state.best, state.marked, state.goal, state.profiles]);

  const named = (names: string[]) => names.map((value) => ({ value, text: split(value).name }));
  const isPlane = kind.value === "scatter" || kind.value === "heat";
  return (
    <figure class="tf-figure">
      <figcaption>
        <Select label="Figure" hideLabel quiet value={kind.value} options={Object.entries(KINDS).map(([value, text]) => ({ value, text }))} onChange={(value) => (kind.value = value as Shown)} />
        {isPlane && columns.length > 1 && (
          <>
            <Select label="x" quiet value={columns[0]} options={named(state.drawable)} onChange={(value) => (x.value = value)} />
            <Select label="y" quiet value={columns[1]} options={named(state.drawable)} onChange={(value) => (y.value = value)} />
          </>
        )}
        {kind.value === "parallel" && (
          <MenuButton
            label="Axes"
            text="Axes"
            look="quiet"
            icon="columns"
            items={state.drawable.map((name) => ({
              text: split(name).name,
              checked: columns.includes(name),
              onClick: () => (axes.value = columns.includes(name) ? columns.filter((one) => one !== name) : [...columns, name]),
            }))}
          />
        )}
      </figcaption>
      <div class="tf-canvas" ref={host} hidden={fault.value !== ""} />
      {fault.value && <p class="tf-empty">{fault.value}</p>}
    </figure>
  );
}

/** The columns of a figure; what is there no more is as it was at first. */
function asked({ drawable, first, goal, ended }: State, kind: Shown, x: string | null, y: string | null, axes: string[] | null): string[] {
  const there = (name: string | null) => (name !== null && drawable.includes(name) ? name : null);
  const aim = there(goal?.name ?? null);
  const listed = (names: (string | null)[]) => names.filter((name): name is string => name !== null);
  switch (kind) {
    case "scatter":
      return listed([there(x) ?? there(first.x), there(y) ?? aim ?? there(first.y), aim ?? there(first.y)]);
    case "heat":
      return listed([there(x) ?? there(first.x), there(y) ?? there(first.columns.find((name) => name !== (x ?? first.x)) ?? null) ?? there(first.y), aim ?? there(first.y)]);
    case "parallel": {
      const chosen = axes?.filter(there) ?? first.columns.filter((name) => name !== goal?.name && there(name));
      return listed([...chosen.filter((name) => name !== aim), aim]);
    }
    case "history":
      return listed([aim, there(ended)]);
    case "importance":
      return listed([aim]);
  }
}

function look(board: Board, kind: Shown, columns: string[]): Look {
  const { goal, best, marked, profiles, told } = board.bridge.state.peek() as State;
  const { bits, ranges } = board.picked.peek();
  return {
    picked: bits,
    brushed: board.isBrushed.peek(),
    best: best?.place ?? -1,
    least: goal?.mode !== "max",
    steps: goal ? profiles[goal.name]?.steps : undefined,
    label: `${KINDS[kind]} of ${[...new Set(columns)].map((name) => split(name).name).join(", ")}, ${told}`,
    ranges,
    marked,
  };
}
