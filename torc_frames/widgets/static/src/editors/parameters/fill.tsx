// Filling cells: one value, a formula over the row's columns, or a sequence.
import { useSignal } from "@preact/signals";
import { Button, Field, Select } from "../../ui/controls";
import type { Props } from "./state";

const SELECTED = "";
const KINDS: Record<string, [text: string, first: string, example: string, second?: string]> = {
  value: ["one value", "value", "0.1"],
  formula: ["a formula", "formula", "alpha * 2 ** row"],
  steps: ["steps", "from", "1", "step"],
  linspace: ["equal distances", "from", "0", "to"],
  logspace: ["equal ratios", "from", "0.001", "to"],
  list: ["a list, repeated", "values", "a, b, c"],
};

export function Fill({ bridge, state }: Props) {
  const where = useSignal(SELECTED);
  const by = useSignal("value");
  const first = useSignal("");
  const second = useSignal("");
  const [, firstLabel, example, secondLabel] = KINDS[by.value];
  const names = state.columns.filter((each) => !each.read_only).map(({ name }) => ({ value: `=${name}`, text: name }));
  const fill = () => {
    const column = where.value === SELECTED ? null : where.value.slice(1);
    bridge.send("fill", { by: by.value, first: first.value, second: secondLabel ? second.value : "", column });
  };
  return (
    <section class="tf-panel" aria-label="Fill">
      <form
        class="tf-fields"
        onSubmit={(event) => {
          event.preventDefault();
          fill();
        }}
      >
        <Select label="Fill" value={where.value} options={[{ value: SELECTED, text: "selected cells" }, ...names]} onChange={(value) => (where.value = value)} />
        <Select label="with" value={by.value} options={Object.entries(KINDS).map(([value, [text]]) => ({ value, text }))} onChange={(value) => (by.value = value)} />
        <Field label={firstLabel} value={first.value} placeholder={example} width={secondLabel ? "8em" : "20em"} onInput={(value) => (first.value = value)} />
        {secondLabel && <Field label={secondLabel} value={second.value} width="8em" onInput={(value) => (second.value = value)} />}
        <Button icon="fill" onClick={fill}>
          Fill cells
        </Button>
      </form>
    </section>
  );
}
