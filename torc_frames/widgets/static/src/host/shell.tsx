// The pages around the editors: the list of workflows, and one workflow with its tabs. Texts are texts, never markup.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { count, counted } from "../core/look";
import { Button, Pill } from "../ui/controls";
import { openEditor, type What } from "./editor";
import { go, pathOf, place, TABS } from "./places";
import { enter, fault, isKnown, overview, type Workflow } from "./server";

export function Shell() {
  const at = place.value;
  const workflow = at && overview.value?.workflows.find((each) => each.key === at.workflow);
  const title = at ? (workflow?.name ?? at.workflow) : "Workflows";
  useEffect(() => {
    document.title = `${title} – torc_frames`;
  }, [title]);
  if (!isKnown.value) return <Enter />;
  // An editor says by itself that the server is gone.
  return (
    <>
      {fault.value && !(at && overview.value && at.tab !== "report") && <p class="tf-ui-note tf-ui-bad" role="alert">{fault.value}</p>}
      {at ? <Opened key={at.workflow} {...at} about={workflow ?? null} /> : <List />}
    </>
  );
}

function Enter() {
  const [token, setToken] = useState("");
  const [why, setWhy] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    setWhy(await enter(token.replace(/^.*#token=/, "").trim()));
  };
  return (
    <main class="tf-ui-enter">
      <h1>torc_frames</h1>
      <p>This page opens by the address that <code>torc-frames ui</code> has printed. You may put it here, too:</p>
      <form onSubmit={submit}>
        <input class="tf-input" type="password" autocomplete="off" aria-label="Address or token" placeholder="http://127.0.0.1:…/#token=…" value={token} onInput={(event) => setToken(event.currentTarget.value)} />
        <button class="tf-button tf-main" type="submit">Open</button>
      </form>
      <p class="tf-fault" role="alert">{why}</p>
    </main>
  );
}

function List() {
  const known = overview.value;
  const [part, setPart] = useState("");
  if (!known) return <div class="tf-empty" role="status">Loading…</div>;
  const wanted = part.toLowerCase();
  const shown = known.workflows.filter((each) => [each.name, each.key, each.user, ...each.tags].some((text) => text.toLowerCase().includes(wanted)));
  return (
    <>
      <Head store={known.store}>
        <h1>Workflows</h1>
      </Head>
      <main class="tf-ui-list">
        {known.workflows.length === 0 ? (
          <p class="tf-empty">There is no workflow yet. A notebook or the command line makes one: <code>torc-frames workflows create NAME</code></p>
        ) : (
          <>
            <p>
              <input class="tf-input" type="search" placeholder="Find by name, user or tag" aria-label="Find a workflow" value={part} onInput={(event) => setPart(event.currentTarget.value)} />
              <span role="status">{shown.length < known.workflows.length ? `${count(shown.length)} of ` : ""}{counted(known.workflows.length, "workflow")}</span>
            </p>
            <div class="tf-ui-wide">
              <table>
                <thead>
                  <tr>
                    <th scope="col" class="tf-ui-number">Key</th><th scope="col">Name</th><th scope="col" class="tf-ui-number">Jobs</th><th scope="col">Status</th><th scope="col">Created</th><th scope="col">By</th>
                  </tr>
                </thead>
                <tbody>{shown.map((each) => <Row key={each.key} workflow={each} />)}</tbody>
              </table>
            </div>
          </>
        )}
      </main>
    </>
  );
}

const Row = ({ workflow }: { workflow: Workflow }) => (
  <tr>
    <td class="tf-ui-number">{workflow.key}</td>
    <th scope="row">
      <a href={pathOf(workflow.key)} data-tf-place>{workflow.name}</a>
      {workflow.tags.map((tag) => <span key={tag} class="tf-chip">{tag}</span>)}
      {workflow.archived && <span class="tf-chip">archived</span>}
      {workflow.description && <small>{workflow.description}</small>}
    </th>
    <td class="tf-ui-number">{count(workflow.jobs)}</td>
    <td><Statuses of={workflow.statuses} /></td>
    <td>{workflow.created && <time dateTime={workflow.created}>{new Date(workflow.created).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}</time>}</td>
    <td>{workflow.user}</td>
  </tr>
);

const Statuses = ({ of }: { of: Record<string, number> }) => (
  <span class="tf-ui-statuses">{Object.entries(of).map(([status, many]) => <Pill key={status} status={status} count={count(many)} />)}</span>
);

const Head = ({ store, children }: { store: string; children: ComponentChildren }) => (
  <header class="tf-ui-head">
    <div>{children}</div>
    <span class="tf-ui-store" title={store}>{store.replace(/^sqlite:\/\/\//, "")}</span>
  </header>
);

type OpenedProps = { workflow: string; tab: string; job: string; about: Workflow | null };

function Opened({ workflow, tab, job, about }: OpenedProps) {
  const known = overview.value;
  const tabs = Object.keys(TABS).filter((name) => name === "report" || known?.editors.includes(name));
  return (
    <>
      <Head store={known?.store ?? ""}>
        <a href="/" data-tf-place>Workflows</a>
        <h1>{about?.name ?? `Workflow ${workflow}`}</h1>
        {about && <Statuses of={about.statuses} />}
      </Head>
      <nav class="tf-ui-tabs" aria-label="What to show of the workflow">
        {tabs.map((name) => <a key={name} href={pathOf(workflow, name)} data-tf-place aria-current={name === tab ? "page" : undefined}>{TABS[name]}</a>)}
      </nav>
      <main>
        {tab === "records" && <ChooseJob workflow={workflow} job={job} />}
        {tab === "report" ? <Report workflow={workflow} /> : <Editor key={`${tab} ${job}`} workflow={workflow} editor={tab} job={job} />}
      </main>
    </>
  );
}

function Editor(what: What) {
  const inside = useRef<HTMLDivElement>(null);
  useEffect(() => openEditor(inside.current!, what), []);
  return <div ref={inside} />;
}

function ChooseJob({ workflow, job }: { workflow: string; job: string }) {
  const [key, setKey] = useState(job);
  const submit = (event: Event) => {
    event.preventDefault();
    go(pathOf(workflow, "records", ...(key.trim() ? [key.trim()] : [])));
  };
  return (
    <form class="tf-ui-job" onSubmit={submit}>
      <label class="tf-label">
        Key of the job
        <input class="tf-input" placeholder="the first one" value={key} onInput={(event) => setKey(event.currentTarget.value)} />
      </label>
      <button class="tf-button" type="submit">Show its records</button>
    </form>
  );
}

function Report({ workflow }: { workflow: string }) {
  const path = `/report/${encodeURIComponent(workflow)}`;
  const [made, setMade] = useState(0);
  const [isLoading, setLoading] = useState(true);
  const again = () => {
    setLoading(true);
    setMade(made + 1);
  };
  return (
    <div class="tf-ui-report">
      <p>
        <Button icon="refresh" onClick={again}>Make it anew</Button>
        <a class="tf-button" href={`${path}?save`} download="report.html">Save as a file</a>
        <span role="status">{isLoading ? "The report is being made…" : ""}</span>
      </p>
      <iframe key={made} src={path} title="Report" sandbox="allow-scripts allow-downloads" onLoad={() => setLoading(false)} />
    </div>
  );
}
