// The table becomes jobs: what that does is told before.
import { useSignal } from "@preact/signals";
import type { Bridge } from "../../core/bridge";
import { counted } from "../../core/look";
import { Button, Dialog, Field } from "../../ui/controls";
import type { Planned, State } from "./state";

export function Push({ bridge, onClose }: { bridge: Bridge<State>; onClose: () => void }) {
  const name = useSignal("");
  const command = useSignal("");
  const planned = useSignal<Planned | null>(null);
  const { columns = [], workflow } = bridge.state.value;
  const like = columns.map((each) => `{${each}}`).join(" ");
  const type = (field: typeof name) => (text: string) => {
    field.value = text;
    planned.value = null;
  };
  const review = async () => (planned.value = await bridge.ask<Planned>("planpush", { name: name.value, command: command.value }));
  const push = () => {
    bridge.send("dopush");
    onClose();
  };
  const can = planned.value && !planned.value.wrong && planned.value.new > 0;
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      {can ? (
        <Button look="main" icon="up" onClick={push}>
          Push {counted(planned.value!.new, "job")}
        </Button>
      ) : (
        <Button look="main" onClick={review}>
          Review
        </Button>
      )}
    </>
  );
  return (
    <Dialog title={`Push to ${workflow}`} onClose={onClose} footer={footer}>
      <div class="tf-push">
        <Field label="command" stacked value={command.value} placeholder={`python run.py ${like}, or none: jobs read their parameters`} onInput={type(command)} />
        <Field label="name" stacked value={name.value} placeholder={`${like}, or none`} onInput={type(name)} />
        <p class="tf-quiet-text">{"{…} are the parameters of each row."}</p>
        {planned.value && (
          <p class={planned.value.wrong ? "tf-fault" : ""} role={planned.value.wrong ? "alert" : "status"}>
            {planned.value.text}
          </p>
        )}
      </div>
    </Dialog>
  );
}
