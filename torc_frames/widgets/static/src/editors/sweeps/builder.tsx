// A table of parameters, made of axes.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { EditorProps } from "../../app";
import { count, counted } from "../../core/look";
import { Button, Check, Grow, Group, Select, Toolbar } from "../../ui/controls";
import { Grid } from "../../ui/grid";
import { Axis } from "./axis";
import { Coverage } from "./coverage";
import { Push } from "./push";
import type { State } from "./state";
import { Typed } from "./typed";

const WAYS: Record<string, string> = {
  grid: "every combination (grid)",
  zip: "side by side (zip)",
  sample: "all drawn (sample)",
  suggest: "suggested by an optimiser (Optuna)",
};

export function SweepBuilder({ bridge, theme }: EditorProps<State>) {
  const state = bridge.state.value;
  const open = useSignal<"code" | "coverage" | null>(null);
  const pushing = useSignal(false);
  const list = useRef<HTMLDivElement>(null);
  const wanted = useRef(-1);
  const { axes, how, ways = [], tables = [], fault, columns = [], code } = state;
  if (!axes || !how) return null;
  const add = () => {
    wanted.current = axes.length;
    bridge.send("addaxis");
  };
  const unfold = (name: "code" | "coverage") => (open.value = open.value === name ? null : name);
  const ready = state.rows != null && state.rows > 0 && !state.making && !state.wrong;
  return (
    <>
      <Toolbar label="Sweep">
        <h2 class="tf-title">
          Sweep
          {state.workflow != null && <small>for {state.workflow}</small>}
        </h2>
        <Grow />
        <Group label="Show">
          <Button icon="chart" pressed={open.value === "coverage"} disabled={columns.length < 2} onClick={() => unfold("coverage")}>
            Coverage
          </Button>
          <Button icon="code" pressed={open.value === "code"} disabled={!code} onClick={() => unfold("code")}>
            Python
          </Button>
        </Group>
        {(state.hands || state.workflow != null) && (
          <Group label="Use">
            {state.hands && (
              <Button icon="check" look="main" disabled={!ready} onClick={() => bridge.send("handon")}>
                Hand on
              </Button>
            )}
            {state.workflow != null && (
              <Button icon="up" look={state.hands ? "plain" : "main"} disabled={!ready || state.pushing} onClick={() => (pushing.value = true)}>
                {state.pushing ? "Pushing" : "Push…"}
              </Button>
            )}
          </Group>
        )}
      </Toolbar>
      {axes.length || tables.length ? (
        <div class="tf-axes" role="group" aria-label="Axes" ref={list}>
          {axes.map((axis, at) => (
            <Axis
              key={axis.key}
              axis={axis}
              bridge={bridge}
              first={at === 0}
              last={at === axes.length - 1}
              onReady={(name) => {
                if (at !== wanted.current) return;
                wanted.current = -1;
                name.focus();
              }}
            />
          ))}
          <Button icon="add" look="quiet" onClick={add}>
            Add an axis
          </Button>
        </div>
      ) : (
        <div class="tf-empty">
          <p>A sweep is a table of parameters. Each axis is one of them: its name, and the values that it takes or is drawn from.</p>
          <Button icon="add" look="main" onClick={add}>
            Add the first axis
          </Button>
        </div>
      )}
      {(axes.length > 0 || tables.length > 0) && (
        <>
          <div class="tf-fields tf-how" role="group" aria-label="How the axes are combined">
            <Select label="combine" value={how.way} options={ways.map((way) => ({ value: way, text: WAYS[way] ?? way }))} onChange={(text) => bridge.send("typehow", { field: "way", text })} />
            {state.drawn && <Drawn state={state} send={(field, text) => bridge.send("typehow", { field, text })} />}
            {how.way === "suggest" && (
              <Button icon="refresh" look="quiet" title="Look at the results once more, and suggest anew" onClick={() => bridge.send("suggestanew")}>
                Suggest anew
              </Button>
            )}
            {tables.map(([name, used]) => (
              <Check key={name} label={`with each row of ${name}`} checked={used} onChange={(on) => bridge.send("usetable", { name, used: on })} />
            ))}
            {fault?.field === "way" && <span class="tf-fault">{fault.text}</span>}
          </div>
          <div class="tf-how">
            <Typed
              label="where"
              wide
              value={how.where}
              placeholder="which rows to keep: alpha < 1 or solver == 'svd'"
              fault={state.wrong?.startsWith("where") ? state.wrong : undefined}
              onType={(text) => bridge.send("typehow", { field: "where", text })}
            />
          </div>
          <Count state={state} />
          {open.value === "coverage" && columns.length > 1 && <Coverage bridge={bridge} theme={theme} />}
          {open.value === "code" && code && <Code text={code} />}
          <div hidden={!state.columns?.length}>
            <Grid bridge={bridge} part="grid" />
          </div>
        </>
      )}
      {pushing.value && <Push bridge={bridge} onClose={() => (pushing.value = false)} />}
    </>
  );
}

type DrawnProps = { state: Partial<State>; send: (field: string, text: string) => void };

function Drawn({ state: { how, fault, methods = [] }, send }: DrawnProps) {
  const suggested = how!.way === "suggest";
  const wrong = (field: string) => (fault?.field === field ? fault.text : undefined);
  return (
    <>
      <Typed label={suggested ? "suggest" : "draws"} width="6em" value={how!.n} fault={wrong("n")} onType={(text) => send("n", text)} />
      {suggested ? (
        <>
          <Select label="direction" hideLabel value={how!.direction} options={["minimize", "maximize"]} onChange={(text) => send("direction", text)} />
          <Typed label="metric" width="10em" value={how!.metric} fault={wrong("metric")} onType={(text) => send("metric", text)} />
        </>
      ) : (
        <Select label="method" value={how!.method} options={methods} onChange={(text) => send("method", text)} />
      )}
      <Typed label="seed" width="6em" value={how!.seed} fault={wrong("seed")} onType={(text) => send("seed", text)} />
    </>
  );
}

function Count({ state: { axes = [], sizes, rows, told = [], wrong = "", making } }: { state: Partial<State> }) {
  if (wrong && !wrong.startsWith("where")) {
    return (
      <p class="tf-count tf-fault" role="status">
        {wrong}
      </p>
    );
  }
  const product = sizes && sizes.length > 1 ? `${sizes.map(count).join(" × ")} = ${count(sizes.reduce((all, one) => all * one, 1))}` : "";
  const open = axes.filter(({ fault }) => fault).length;
  const known = !wrong && rows != null && axes.length > 0;
  return (
    <p class="tf-count" role="status" aria-busy={making}>
      {known ? <b>{counted(rows, "job")}</b> : <span class="tf-quiet-text">{open ? `${counted(open, "axis").replace("axiss", "axes")} to be completed` : ""}</span>}
      {known && product && <span>{product}</span>}
      {known && !making && told.map((each) => <span key={each}>{each}</span>)}
      {making && <span class="tf-quiet-text">…</span>}
    </p>
  );
}

function Code({ text }: { text: string }) {
  const said = useSignal("Copy as Python");
  const node = useRef<HTMLPreElement>(null);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => (said.value = "Copied"),
      () => getSelection()?.selectAllChildren(node.current!),
    );
  return (
    <div class="tf-python">
      <Button icon="copy" onClick={copy}>
        {said.value}
      </Button>
      <pre class="tf-code" tabIndex={0} aria-label="Python of this table" ref={node}>
        {text}
      </pre>
    </div>
  );
}
