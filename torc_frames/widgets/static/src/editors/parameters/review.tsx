// The plan as a table of cells: what is wrong first, then conflicts to decide, then each row as it becomes.
import { useSignal } from "@preact/signals";
import { counted } from "../../core/look";
import { Button, Dialog } from "../../ui/controls";
import { Progress } from "./editor";
import type { Change, Conflict, Line, Problem, Props, Review } from "./state";

type ReviewProps = Props & { review: Review };
type Choice = "mine" | "theirs";

export function ReviewDialog({ bridge, state, review }: ReviewProps) {
  // What was chosen is of the review that was seen.
  const chosen = useSignal<{ of: number; choices: Map<number, Choice> }>({ of: 0, choices: new Map() });
  const choices = chosen.value.of === review.number ? chosen.value.choices : new Map<number, Choice>();
  const close = () => bridge.send("leave");
  const decide = (made: [number | null, Choice][]) => bridge.send("decide", { review: review.number, choices: made });
  const choose = (at: number, choice: Choice) => (chosen.value = { of: review.number, choices: new Map([...choices, [at, choice]]) });
  const footer = (
    <>
      <Progress bridge={bridge} state={state} />
      <Button onClick={close}>Cancel</Button>
      <Do {...{ bridge, state, review }} choices={choices} onDecide={() => decide([...choices])} />
    </>
  );
  if (review.problems) {
    return (
      <Dialog title={`${counted(review.total ?? 0, "cell")} to mend first`} onClose={close} footer={<Button onClick={close}>Close</Button>}>
        <Problems problems={review.problems} more={(review.total ?? 0) - review.problems.length} bridge={bridge} />
      </Dialog>
    );
  }
  return (
    <Dialog title="Review" onClose={close} footer={footer}>
      <div class="tf-review">
        <p role="status">{review.summary}</p>
        {review.old && <p class="tf-review-old">The table has changed since: review it again.</p>}
        {review.notes.map((note) => (
          <p key={note} class="tf-quiet-text">
            {note}
          </p>
        ))}
        {review.conflicts.length > 0 && <Conflicts {...{ review, choices, choose }} onAll={(choice) => decide([[null, choice]])} />}
        {review.rows.length > 0 && <Cells review={review} />}
      </div>
    </Dialog>
  );
}

type DoProps = ReviewProps & { choices: Map<number, Choice>; onDecide: () => void };

function Do({ bridge, review, choices, onDecide }: DoProps) {
  if (review.old) {
    return (
      <Button look="main" onClick={() => bridge.send("review")}>
        Review again
      </Button>
    );
  }
  if (review.conflicts_total) {
    return (
      <Button look="main" disabled={!choices.size} onClick={onDecide}>
        {choices.size ? `Decide ${counted(choices.size, "conflict")}` : "Choose what stays"}
      </Button>
    );
  }
  const apply = () => bridge.send("apply", { review: review.number });
  return (
    <Button icon={review.deleted ? "warning" : "check"} look={review.deleted ? "danger" : "main"} disabled={review.empty} onClick={apply}>
      {review.verb}
    </Button>
  );
}

function Problems({ problems, more, bridge }: { problems: Problem[]; more: number; bridge: Props["bridge"] }) {
  const go = ({ row, column }: Problem) => {
    bridge.send("leave");
    bridge.send("goto", { row, column });
  };
  return (
    <ul class="tf-problems">
      {problems.map((problem, at) => (
        <li key={at}>
          <button type="button" class="tf-problem" disabled={problem.row === null} onClick={() => go(problem)}>
            <b>{[problem.column, problem.job === null ? "a new row" : `job ${problem.job}`].filter(Boolean).join(" of ")}</b>
            {problem.text && <code>{problem.text}</code>}
            <span>{problem.reason}</span>
          </button>
        </li>
      ))}
      {more > 0 && <li class="tf-quiet-text">and {counted(more, "more cell")}</li>}
    </ul>
  );
}

type ConflictsProps = {
  review: Review;
  choices: Map<number, Choice>;
  choose: (at: number, choice: Choice) => void;
  onAll: (choice: Choice) => void;
};

function Conflicts({ review, choices, choose, onAll }: ConflictsProps) {
  const more = review.conflicts_total - review.conflicts.length;
  return (
    <section class="tf-conflicts">
      <h4>Others have changed the same cells: choose which value stays</h4>
      <table class="tf-cells">
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">Column</th>
            <th scope="col">Was</th>
            <th scope="col">Theirs</th>
            <th scope="col">Mine</th>
          </tr>
        </thead>
        <tbody>
          {review.conflicts.map((conflict, at) => (
            <tr key={at}>
              <th scope="row">{conflict.job || "all"}</th>
              <td>{conflict.column || "the row"}</td>
              <td>
                <Value text={conflict.before} />
              </td>
              {(["theirs", "mine"] as const).map((side) => (
                <td key={side}>
                  <Side {...{ conflict, side }} pressed={choices.get(at) === side} onClick={() => choose(at, side)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p class="tf-quiet-text">and {counted(more, "more conflict")}</p>}
      <div class="tf-fields">
        <Button onClick={() => onAll("theirs")}>
          Take all of theirs
        </Button>
        <Button onClick={() => onAll("mine")}>
          Keep all of mine
        </Button>
      </div>
    </section>
  );
}

type SideProps = { conflict: Conflict; side: Choice; pressed: boolean; onClick: () => void };

function Side({ conflict, side, pressed, onClick }: SideProps) {
  const of = [conflict.column, conflict.job && `job ${conflict.job}`].filter(Boolean).join(" of ");
  const title = `${side === "mine" ? "Keep mine" : "Take theirs"}: ${of}`;
  return (
    <Button title={title} icon={pressed ? "check" : undefined} pressed={pressed} onClick={onClick}>
      <span class="tf-value">
        <Value text={conflict[side]} />
      </span>
    </Button>
  );
}

function Cells({ review }: { review: Review }) {
  const more = [review.more > 0 && counted(review.more, "more row"), review.more_columns > 0 && counted(review.more_columns, "more column")];
  const told = more.filter(Boolean).join(", ");
  return (
    <>
      <div class="tf-review-table">
        <table class="tf-cells">
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">
                <span class="tf-hidden-text">What becomes of it</span>
              </th>
              {review.columns.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {review.rows.map((line, at) => (
              <Row key={at} line={line} />
            ))}
          </tbody>
        </table>
      </div>
      {told && <p class="tf-quiet-text">and {told}</p>}
    </>
  );
}

const WHAT = { changed: "changed", new: "new", deleted: "deleted, with its results" };

const Row = ({ line }: { line: Line }) => (
  <tr class={`tf-row-${line.what}`}>
    <th scope="row">{line.job ?? "–"}</th>
    <td>
      <span class="tf-what">{WHAT[line.what]}</span>
    </td>
    {line.cells.map((change, at) => (
      <td key={at}>{change && <Becomes what={line.what} change={change} />}</td>
    ))}
  </tr>
);

function Becomes({ what, change: [was, becomes] }: { what: Line["what"]; change: Change }) {
  if (what === "new") return <Value text={becomes} />;
  if (what === "deleted") return <del>{was}</del>;
  return (
    <>
      <del>
        <Value text={was} />
      </del>
      <span aria-hidden="true"> → </span>
      <ins>
        <Value text={becomes} />
      </ins>
    </>
  );
}

const Value = ({ text }: { text: string | null }) => (text === null ? <i class="tf-quiet-text">missing</i> : <>{text}</>);
