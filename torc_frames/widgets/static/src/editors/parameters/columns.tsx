// The columns: added, renamed, made another dtype, taken out.
import { useSignal } from "@preact/signals";
import { Button, Field, Select } from "../../ui/controls";
import { type Column, DTYPES, type Props } from "./state";

export function Columns({ bridge, state }: Props) {
  const name = useSignal("");
  const dtype = useSignal("float64");
  const initial = useSignal("");
  const add = () => {
    bridge.send("addcolumn", { name: name.value, dtype: dtype.value, default: initial.value });
    name.value = initial.value = "";
  };
  return (
    <section class="tf-panel" aria-label="Columns">
      <form
        class="tf-fields"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <Field label="New column" value={name.value} placeholder="name" width="10em" onInput={(value) => (name.value = value)} />
        <Select label="of type" value={dtype.value} options={DTYPES} onChange={(value) => (dtype.value = value)} />
        <Field label="value in each row" value={initial.value} width="8em" onInput={(value) => (initial.value = value)} />
        <Button icon="add" disabled={!name.value.trim()} onClick={add}>
          Add column
        </Button>
      </form>
      <div class="tf-column-list">
        {state.columns.map((column) => (
          <One key={column.name} bridge={bridge} column={column} />
        ))}
      </div>
    </section>
  );
}

function One({ bridge, column: { name, dtype, read_only } }: { bridge: Props["bridge"]; column: Column }) {
  const types = DTYPES.includes(dtype) ? DTYPES : [dtype, ...DTYPES];
  const rename = (to: string) => to !== name && bridge.send("renamecolumn", { name, to });
  return (
    <div class="tf-fields">
      <Field label={`Name of ${name}`} hideLabel value={name} width="12em" onChange={rename} />
      <Select label={`Type of ${name}`} hideLabel value={dtype} options={types} disabled={read_only} onChange={(value) => bridge.send("retypecolumn", { name, dtype: value })} />
      <Button icon="delete" title={`Take out ${name}`} look="quiet" onClick={() => bridge.send("dropcolumn", { name })} />
    </div>
  );
}
