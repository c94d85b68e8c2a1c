// Parts of the explorer that open and close: columns, groups, Python, export.
import { useSignal } from "@preact/signals";
import { counted, split } from "../../core/look";
import { Button, Check, Field, Select } from "../../ui/controls";
import type { Board } from "./board";
import type { State } from "./types";

const FUNCTIONS = ["mean", "min", "max", "std", "median", "sum", "count", "first", "nunique"];
const FORMATS = [".parquet", ".csv", ".xlsx"];

export function Columns({ board }: { board: Board }) {
  const { order, hidden } = board.bridge.state.value as State;
  const find = useSignal("");
  const tell = (names: string[], off: string[]) => board.bridge.send("arrange", { order: names, hidden: off });
  const move = (name: string, step: number) => {
    const at = order.indexOf(name);
    const names = order.filter((one) => one !== name);
    names.splice(at + step, 0, name);
    tell(names, hidden);
  };
  const found = order.filter((name) => name.toLowerCase().includes(find.value.toLowerCase()));
  const turn = (name: string, isShown: boolean) => tell(order, isShown ? hidden.filter((one) => one !== name) : [...hidden, name]);
  return (
    <section class="tf-panel" aria-label="Columns">
      <div class="tf-fields">
        <Field label="Find a column" hideLabel placeholder="find a column" value={find.value} onInput={(text) => (find.value = text)} />
        <Button look="quiet" onClick={() => tell(order, hidden.filter((name) => !found.includes(name)))}>Show all found</Button>
        <Button look="quiet" onClick={() => tell(order, [...new Set([...hidden, ...found])])}>Hide all found</Button>
        <span class="tf-quiet-text">{counted(order.length - hidden.length, "column")} of {order.length}</span>
      </div>
      <ul class="tf-list">
        {found.map((name) => {
          const at = order.indexOf(name);
          return (
            <li key={name}>
              <Check label={name} checked={!hidden.includes(name)} onChange={(isShown) => turn(name, isShown)} />
              <span class="tf-grow" />
              <Button look="quiet" icon="up" title={`${name} further to the left`} disabled={at === 0} onClick={() => move(name, -1)} />
              <Button look="quiet" icon="down" title={`${name} further to the right`} disabled={at === order.length - 1} onClick={() => move(name, 1)} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function Groups({ board }: { board: Board }) {
  const { groups, aggregates, groupable, able, order, goal } = board.bridge.state.value as State;
  const of = useSignal<string[]>(aggregates.length ? [...new Set(aggregates.map(([name]) => name))] : goal ? [goal.name] : []);
  const by = useSignal<string[]>(aggregates.length ? [...new Set(aggregates.map(([, one]) => one))] : ["mean"]);
  const tell = (names: string[]) => {
    const told = of.value.filter((name) => !names.includes(name)).flatMap((name) => by.value.filter((one) => able[name]?.includes(one)).map((one) => [name, one]));
    board.bridge.send("grouprows", { by: names, aggregates: names.length ? told : [] });
  };
  const turned = (names: string[], name: string, isOn: boolean) => (isOn ? [...names, name] : names.filter((one) => one !== name));
  const untold = groups.length ? of.value.filter((name) => !aggregates.some(([one]) => one === name)) : [];
  const list = (label: string, names: string[], chosen: string[], change: (names: string[]) => void) => (
    <fieldset class="tf-set">
      <legend>{label}</legend>
      <ul class="tf-list">
        {names.map((name) => (
          <li key={name}>
            <Check label={name} checked={chosen.includes(name)} onChange={(isOn) => change(turned(chosen, name, isOn))} />
          </li>
        ))}
      </ul>
    </fieldset>
  );
  const again = () => groups.length > 0 && tell(groups);
  return (
    <section class="tf-panel" aria-label="Group">
      <div class="tf-sets">
        {list("Group by", order.filter((name) => groupable.includes(name)), groups, tell)}
        {list("and tell of", order, of.value, (names) => ((of.value = names), again()))}
        {list("their", FUNCTIONS, by.value, (names) => ((by.value = names), again()))}
      </div>
      {untold.length > 0 && <p class="tf-fault">None of that can be told of {untold.map((name) => split(name).name).join(", ")}</p>}
      {groups.length > 0 && <Button icon="close" onClick={() => tell([])}>No groups</Button>}
    </section>
  );
}

export function Code({ board }: { board: Board }) {
  const { code } = board.bridge.state.value as State;
  const copy = () => navigator.clipboard?.writeText(code).then(() => (board.bridge.note.value = { text: "Copied.", tone: "info" }), () => undefined);
  return (
    <section class="tf-python" aria-label="Python">
      <pre class="tf-code" tabIndex={0} role="region" aria-label="The Python that gives what is shown">
        {code}
      </pre>
      <Button look="quiet" icon="copy" onClick={() => void copy()}>Copy</Button>
    </section>
  );
}

export function Export({ board }: { board: Board }) {
  const path = useSignal("results.parquet");
  const overwrite = useSignal(false);
  const fault = useSignal<string | undefined>(undefined);
  const format = FORMATS.find((suffix) => path.value.endsWith(suffix)) ?? "";
  const save = async () => {
    ({ fault: fault.value } = await board.bridge.ask("export", { path: path.value, overwrite: overwrite.value }));
  };
  const rename = (suffix: string) => (path.value = path.value.slice(0, path.value.length - format.length) + suffix);
  return (
    <section class="tf-panel" aria-label="Export">
      <div class="tf-fields">
        <Select label="format" value={format} options={FORMATS} onChange={rename} />
        <Field label="file" width="22em" value={path.value} fault={fault.value} onInput={(text) => (path.value = text)} />
        <Check label="overwrite" checked={overwrite.value} onChange={(isOn) => (overwrite.value = isOn)} />
        <Button look="main" icon="save" onClick={() => void save()}>Save</Button>
      </div>
    </section>
  );
}
