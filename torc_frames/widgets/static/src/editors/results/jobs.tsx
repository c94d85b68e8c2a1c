// Dialogs about jobs: what one wrote last, and whether to run some again.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { counted } from "../../core/look";
import { Button, Dialog, Pill } from "../../ui/controls";
import type { Board, Log } from "./board";

export function LogDialog({ board, log }: { board: Board; log: Log }) {
  const stream = (name: string, text: string | null) => (
    <>
      <h4>{name}</h4>
      {text ? <pre class="tf-code tf-stream">{text}</pre> : <p class="tf-quiet-text">{text === null ? "There is no file of it on this machine." : "Nothing was written."}</p>}
    </>
  );
  return (
    <Dialog title={`Job ${log.key} · ${log.name}`} onClose={() => (board.log.value = null)}>
      <p class="tf-fields">
        <Pill status={log.status} />
        {log.code !== null && <span>return code {log.code}</span>}
        {log.run !== null && <span class="tf-quiet-text">run {log.run}</span>}
      </p>
      {log.run === null ? <p class="tf-quiet-text">It was never run.</p> : [stream("stderr", log.stderr), stream("stdout", log.stdout)]}
    </Dialog>
  );
}

export function RerunDialog({ board, onClose }: { board: Board; onClose: () => void }) {
  const { bridge } = board;
  const asked = useSignal<{ count: number; command: string; fault?: string } | null>(null);
  const isBusy = useSignal(false);
  useEffect(() => {
    void bridge.ask("rerun", { sure: false }).then((answer) => (asked.value = answer));
  }, []);
  if (!asked.value) return null;
  const { count, command, fault } = asked.value;
  const start = async () => {
    isBusy.value = true;
    const answer = await bridge.ask("rerun", { sure: true });
    isBusy.value = false;
    if (answer.fault) asked.value = { ...asked.value!, ...answer };
    else onClose();
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      {count > 0 && (
        <Button look="main" icon="play" disabled={isBusy.value} onClick={() => void start()}>
          Run {counted(count, "job")} again
        </Button>
      )}
    </>
  );
  return (
    <Dialog title={count > 0 ? `Run ${counted(count, "job")} again?` : "Run jobs again"} onClose={onClose} footer={footer}>
      {fault && <p class="tf-fault" role="alert">{fault}</p>}
      {command && (
        <>
          <p>They run in a process of their own, on this machine; their results are written anew. It is the same as</p>
          <pre class="tf-code tf-stream">{command}</pre>
        </>
      )}
    </Dialog>
  );
}
