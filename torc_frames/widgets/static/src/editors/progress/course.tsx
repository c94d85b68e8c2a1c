// How many jobs had which status over time; the module of figures is loaded when this is opened first.
import { useEffect, useRef } from "preact/hooks";
import type { Bridge } from "../../core/bridge";
import type { Theme } from "../../core/theme";
import type { State } from "./state";

type Went = { axes: { name: string; values: number[] }[] };
const LOOK = { picked: new Uint8Array(), brushed: false, best: -1, least: true, label: "Jobs by status over time", ranges: {} };
const nothing = () => {};

export function Course({ bridge, theme }: { bridge: Bridge<State>; theme: Theme }) {
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<any>(null);
  const { counts, watching } = bridge.state.value;
  const draw = async () => {
    const { axes } = await bridge.ask<Went>("countsthen");
    const figure = axes.map(({ name, values }, at) => ({ name, labels: null, log: false, time: at === 0, values: Float32Array.from(values) }));
    drawing.current?.draw({ axes: figure, keys: [] }, LOOK);
  };
  useEffect(() => {
    let open = true;
    bridge.asset("figures").then(({ Drawing }) => {
      if (!open) return;
      drawing.current = new Drawing(place.current, "progress", { ranges: nothing, hover: nothing, choose: nothing });
      draw();
    });
    return () => {
      open = false;
      drawing.current?.destroy();
    };
  }, []);
  useEffect(() => {
    if (drawing.current) draw();
  }, [counts, watching]);
  useEffect(() => drawing.current?.resize(), [theme.value]);
  return (
    <section class="tf-panel" aria-label="Over time">
      <div class="tf-course" ref={place} />
    </section>
  );
}
