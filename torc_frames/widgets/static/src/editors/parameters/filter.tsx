// Which rows are shown: an expression, rows by what became of them, and conditions on columns.
import { useSignal } from "@preact/signals";
import { count } from "../../core/look";
import { Button, Check, Field, Select } from "../../ui/controls";
import type { Condition, Props } from "./state";

const ANY = "";
const QUICK = ["changed", "new", "deleted", "invalid"] as const;
const TESTS = [
  { value: "contains", text: "contains" },
  { value: "equals", text: "is" },
  { value: "choices", text: "is one of" },
  { value: "range", text: "is from … to" },
  { value: "missing", text: "is missing" },
  { value: "changed", text: "is changed" },
  { value: "invalid", text: "is invalid" },
];
const NONE = { column: null, text: "", low: "", high: "", choices: [], negated: false };

export function Filter({ bridge, state }: Props) {
  const where = useSignal("");
  const column = useSignal(ANY);
  const test = useSignal("contains");
  const text = useSignal("");
  const low = useSignal("");
  const high = useSignal("");
  const negated = useSignal(false);
  const send = (conditions: Partial<Condition>[]) => bridge.send("filter", { conditions });
  const add = (condition: Partial<Condition>) => send([...state.filters, { ...NONE, ...condition }]);
  const quick = (name: string) => state.filters.findIndex((each) => each.test === name && !each.column && !each.negated);
  const without = (at: number) => send(state.filters.filter((_, each) => each !== at));
  const addWhere = () => {
    if (!where.value.trim()) return;
    add({ test: "where", text: where.value.trim() });
    where.value = "";
  };
  const addTest = () => {
    const choices = test.value === "choices" ? text.value.split(",").map((each) => each.trim()) : [];
    const range = test.value === "range";
    add({
      ...{ column: column.value === ANY ? null : column.value.slice(1), test: test.value, negated: negated.value, choices },
      ...{ text: range ? "" : text.value, low: range ? low.value : "", high: range ? high.value : "" },
    });
  };
  const names = state.columns.map(({ name }) => ({ value: `=${name}`, text: name }));
  return (
    <section class="tf-panel" aria-label="Filter">
      <form
        class="tf-fields"
        onSubmit={(event) => {
          event.preventDefault();
          addWhere();
        }}
      >
        <Field label="Rows where" value={where.value} width="24em" placeholder="alpha < 1 and solver == 'svd'" onInput={(value) => (where.value = value)} />
        <Button onClick={addWhere}>Show these</Button>
        {QUICK.map((name) => {
          const at = quick(name);
          return (
            <Button key={name} look="quiet" pressed={at >= 0} onClick={() => (at >= 0 ? without(at) : add({ test: name }))}>
              {`${name} (${count(state.counts[name])})`}
            </Button>
          );
        })}
      </form>
      <div class="tf-fields">
        <Select label="Column" value={column.value} options={[{ value: ANY, text: "any column" }, ...names]} onChange={(value) => (column.value = value)} />
        <Check label="not" checked={negated.value} onChange={(value) => (negated.value = value)} />
        <Select label="Test" hideLabel value={test.value} options={TESTS} onChange={(value) => (test.value = value)} />
        {["contains", "equals", "choices"].includes(test.value) && (
          <Field label="Text" hideLabel value={text.value} placeholder={test.value === "choices" ? "a, b, c" : "text"} onInput={(value) => (text.value = value)} />
        )}
        {test.value === "range" && <Field label="from" value={low.value} width="8em" onInput={(value) => (low.value = value)} />}
        {test.value === "range" && <Field label="to" value={high.value} width="8em" onInput={(value) => (high.value = value)} />}
        <Button icon="add" onClick={addTest}>
          Add filter
        </Button>
      </div>
      {(state.filters.length > 0 || state.hidden > 0) && (
        <div class="tf-fields">
          {state.filters.map((condition, at) => (
            <span key={at} class="tf-chip tf-filter">
              {condition.told}
              <Button icon="close" title={`Take away: ${condition.told}`} look="quiet" onClick={() => without(at)} />
            </span>
          ))}
          <span class="tf-quiet-text" role="status">{`${count(state.hidden)} hidden`}</span>
          <Button look="quiet" onClick={() => send([])}>
            Show all
          </Button>
        </div>
      )}
    </section>
  );
}
