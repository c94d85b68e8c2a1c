// Where the rows are in the plane of two parameters, beside those that are there already.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Bridge } from "../../core/bridge";
import type { Theme } from "../../core/theme";
import { Select } from "../../ui/controls";
import type { State } from "./state";

type Answer = { axes: { name: string; labels: string[] | null; log: boolean; values: (number | null)[] }[]; keys: string[] };
const LOOK = { picked: new Uint8Array(), brushed: false, best: -1, least: true, ranges: {} };
const nothing = () => {};

export function Coverage({ bridge, theme }: { bridge: Bridge<State>; theme: Theme }) {
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<any>(null);
  const chosen = useSignal<[string, string]>(["", ""]);
  const { columns = [], told, making, code } = bridge.state.value;
  const x = columns.includes(chosen.value[0]) ? chosen.value[0] : columns[0];
  const y = columns.includes(chosen.value[1]) && chosen.value[1] !== x ? chosen.value[1] : columns.find((name) => name !== x)!;
  const draw = async () => {
    const { axes, keys } = await bridge.ask<Answer>("covered", { x, y });
    const figure = axes.map((axis) => ({ ...axis, values: Float32Array.from(axis.values, (value) => value ?? NaN) }));
    if (figure.length) drawing.current?.draw({ axes: figure, keys }, { ...LOOK, label: `Coverage of ${x} and ${y}` });
  };
  const latest = useRef(draw);
  latest.current = draw;
  useEffect(() => {
    let open = true;
    bridge.asset("figures").then(({ Drawing }) => {
      if (!open) return;
      drawing.current = new Drawing(place.current, "coverage", { ranges: nothing, hover: nothing, choose: nothing });
      latest.current();
    });
    return () => {
      open = false;
      drawing.current?.destroy();
    };
  }, []);
  useEffect(() => {
    if (drawing.current && !making) draw();
  }, [x, y, told, making, code]);
  useEffect(() => drawing.current?.resize(), [theme.value]);
  return (
    <section class="tf-panel" aria-label="Coverage">
      <div class="tf-fields">
        <Select label="x" value={x} options={columns} onChange={(name) => (chosen.value = [name, y])} />
        <Select label="y" value={y} options={columns.filter((name) => name !== x)} onChange={(name) => (chosen.value = [x, name])} />
      </div>
      <div class="tf-coverage" ref={place} />
    </section>
  );
}
