// One axis: its name, its kind, and what is typed of its values.
import { useEffect, useRef } from "preact/hooks";
import type { Bridge } from "../../core/bridge";
import { Button, Select } from "../../ui/controls";
import type { AxisState, State } from "./state";
import { Typed } from "./typed";

const KINDS: Record<string, string> = {
  list: "values",
  range: "range",
  linspace: "linspace",
  logspace: "logspace",
  uniform: "uniform, drawn",
  loguniform: "loguniform, drawn",
  integers: "integers, drawn",
  choice: "choice, drawn",
};
const HINTS: Record<string, string> = { values: "0.1, 1, 10 or svd, sag", weights: "1, 3 (or none)", low: "0.001", high: "10", count: "5", step: "1" };
const LONG = new Set(["values", "weights"]);

type AxisProps = { axis: AxisState; bridge: Bridge<State>; first: boolean; last: boolean; onReady: (name: HTMLInputElement) => void };

export function Axis({ axis: { key, name, kind, texts, told, fault }, bridge, first, last, onReady }: AxisProps) {
  const row = useRef<HTMLDivElement>(null);
  const fields = bridge.state.value.fields ?? {};
  const known = name || "axis";
  const type = (field: string) => (text: string) => bridge.send("typeaxis", { key, field, text });
  const wrong = (field: string) => (fault && !fault.missing && fault.field === field ? fault.text : undefined);
  const untouched = !name && !Object.values(texts).some(Boolean);
  useEffect(() => onReady(row.current!.querySelector("input")!), []);
  const remove = () => {
    const next = (row.current!.nextElementSibling ?? row.current!.parentElement)?.querySelector("input, button");
    bridge.send("dropaxis", { key });
    ((next ?? row.current!.parentElement!.lastElementChild) as HTMLElement | null)?.focus();
  };
  return (
    <div class="tf-axis" role="group" aria-label={known} ref={row}>
      <Typed label="name of the axis" hideLabel width="10em" value={name} placeholder="name" fault={wrong("name")} onType={type("name")} />
      <Select label="kind of the axis" hideLabel value={kind} options={Object.keys(fields).map((each) => ({ value: each, text: KINDS[each] ?? each }))} onChange={type("kind")} />
      {(fields[kind] ?? []).map(([field, called]) => (
        <Typed
          key={field}
          label={called}
          wide={LONG.has(field)}
          hideLabel={field === "values"}
          width={LONG.has(field) ? undefined : "7em"}
          value={texts[field] ?? ""}
          placeholder={HINTS[field]}
          fault={wrong(field)}
          onType={type(field)}
        />
      ))}
      <span class="tf-told">{told || (fault?.missing && !untouched ? fault.text : "")}</span>
      <Button icon="up" title={`Move up: ${known}`} look="quiet" disabled={first} onClick={() => bridge.send("moveaxis", { key, by: -1 })} />
      <Button icon="down" title={`Move down: ${known}`} look="quiet" disabled={last} onClick={() => bridge.send("moveaxis", { key, by: 1 })} />
      <Button icon="delete" title={`Remove: ${known}`} look="quiet" onClick={remove} />
    </div>
  );
}
