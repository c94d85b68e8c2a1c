"""The widgets by the Jupyter widget messages alone: a real kernel, no JupyterLab, no browser.

It is spoken here as VS Code speaks it. What its Jupyter extension does, of July 2026, with
@vscode/jupyter-ipywidgets8 in its page:

- It has a widget manager of its own, JupyterLab's, with @jupyter-widgets/base, /controls and /output inside.
  Any other module is looked for by name in ``share/jupyter/nbextensions/*/extension.js`` of the kernel's
  Python, whose ``requirejs.config`` it reads with string searches; only then, if the setting
  ``jupyter.widgetScriptSources`` names one (it is empty by default), from a CDN.
- An output is shown as a widget if ``version_major`` is 2 and the model was seen to be displayed by this
  kernel. Otherwise, as in a notebook that is opened again, the next kind of output is: HTML, or text.
- The state of models is what ``comm_open`` told. It does not ask a kernel for states, as JupyterLab does.
- Messages of widgets go to the main shell, never to a subshell: while a cell runs, they wait. JupyterLab
  makes subshells, but ipykernel 7.4 passes a message to where its widget spoke last, which most often is the
  main shell.
"""

from __future__ import annotations

import ast
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import plain_environment

import torc_frames

jupyter_client = pytest.importorskip("jupyter_client")

REPOSITORY = Path(torc_frames.__file__).parents[1]
STATIC = REPOSITORY / "torc_frames" / "widgets" / "static"
VIEW = "application/vnd.jupyter.widget-view+json"
TARGET, CONTROL = "jupyter.widget", "jupyter.widget.control"
SHIPPED = {"@jupyter-widgets/base": "2.0.0", "@jupyter-widgets/controls": "2.0.0"}
EVIL = "<script>alert(1)</script>"
SECONDS = 60

PREPARED = f"""
import time
from pathlib import Path
import pandas as pd
import torc_frames as tf
from torc_frames import widgets as tw
wf = tf.connect(Path("study.db").absolute()).create_workflow("protocol")
keys = list(wf.push(pd.DataFrame({{"alpha": [0.5, 1.5, 2.5], "text": ["a", "b", {EVIL!r}]}})).index)
wf.job(keys[0]).store(loss=0.25)
"""
WIDGETS = {
    "ParameterEditor": "tw.ParameterEditor(wf)",
    "ResultsExplorer": "tw.ResultsExplorer(wf)",
    "RecordEditor": "tw.RecordEditor(wf, job=keys[2])",
    "SweepBuilder": "tw.SweepBuilder(wf)",
    "Monitor": "tw.Monitor(wf)",
}


class Page:
    """A kernel, and what a page that shows its widgets knows of them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.models: dict[str, dict[str, Any]] = {}
        self.opened: list[dict[str, Any]] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def run(self, code: str) -> list[dict[str, Any]]:
        """Run a cell and return its outputs, each as the kinds that it has."""
        outputs = self.listen(self.client.execute(code, allow_stdin=False))
        failed = [each["content"]["traceback"] for each in outputs if each["msg_type"] == "error"]
        assert not failed, "\n".join(failed[0])
        shown = ("display_data", "execute_result")
        return [each["content"]["data"] for each in outputs if each["msg_type"] in shown]

    def show(self, code: str) -> str:
        """Run a cell that shows a widget, and return the key of its model."""
        *_, shown = self.run(code)
        key: str = shown[VIEW]["model_id"]
        return key

    def value(self, expression: str) -> Any:
        """Return what an expression of literals is in Python."""
        (shown,) = self.run(f"print_ = {expression}; print_")
        return ast.literal_eval(shown["text/plain"])

    def post(
        self, kind: str, subshell: str | None = None, metadata: dict[str, str] | None = None, **content: Any
    ) -> str:
        """Send a message on the shell channel, and return its id."""
        message = self.client.session.msg(kind, content, metadata=metadata)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        key: str = message["header"]["msg_id"]
        return key

    def tell(self, model: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        """Send a message to a model, and return what that says by the time that it is dealt with."""
        before = len(self.heard)
        self.listen(self.post("comm_msg", comm_id=model, data=data))
        return [data for key, data in self.heard[before:] if key == model]

    def say(self, model: str, op: str, **fields: Any) -> list[dict[str, Any]]:
        """Send what the grid's JavaScript would, and return what the grid answers."""
        answers = self.tell(model, {"method": "custom", "content": {"to": "grid", "op": op, **fields}})
        return of_grid(answers)

    def said(self, model: str, since: int) -> list[dict[str, Any]]:
        """Return what a grid has said."""
        return of_grid([data for key, data in self.heard[since:] if key == model])

    def listen(self, until: str, seconds: float = SECONDS) -> list[dict[str, Any]]:
        """Return what is published because of a message, until that is dealt with; TimeoutError if late."""
        caused, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self.client.iopub_channel.msg_ready():
                time.sleep(min(left, 0.005))
                continue
            message = self.client.get_iopub_msg(timeout=SECONDS)
            self._keep(message)
            if message["parent_header"].get("msg_id") == until:
                caused.append(message)
                if message["content"].get("execution_state") == "idle":
                    return caused
        raise TimeoutError(until)

    def grid(self, inside: str) -> str:
        """Return the key of the one grid in a widget."""
        keys = [key for key in self.inside(inside) if "_label" in self.models[key]]
        assert len(keys) == 1
        return keys[0]

    def inside(self, key: str) -> list[str]:
        """Return the keys of a widget's models, its own first."""
        found, todo = [], [key]
        while todo:
            found.append(todo.pop())
            todo += [each for each in named(self.models[found[-1]]) if each not in found + todo]
        return found

    def _keep(self, message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "comm_open":
            assert content["target_name"] == TARGET
            state = with_buffers(content["data"], message["buffers"])
            # What a manager does not know yet, it can't put in its place.
            assert set(named(state)) <= {*self.models, content["comm_id"]}
            self.models[content["comm_id"]] = state
            self.opened.append({**content, "metadata": message["metadata"]})
        elif message["msg_type"] == "comm_msg":
            data = content["data"]
            if data["method"] == "update":
                state = with_buffers(data, message["buffers"])
                assert set(named(state)) <= set(self.models)
                self.models[content["comm_id"]].update(state)
            self.heard.append((content["comm_id"], data))


def of_grid(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a grid has said, not the editor around it."""
    said = [data["content"] for data in told if data["method"] == "custom"]
    return [content for content in said if content.get("from") == "grid"]


def with_buffers(data: dict[str, Any], buffers: list[Any]) -> dict[str, Any]:
    """Return a state with its buffers in their places."""
    paths = data.get("buffer_paths", [])
    assert len(paths) == len(buffers)
    state: dict[str, Any] = data["state"]
    for path, buffer in zip(paths, buffers, strict=True):
        place: Any = state
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = bytes(buffer)
    return state


def named(value: Any) -> Iterator[str]:
    """Yield the keys of models that a state names."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from named(each)
    elif isinstance(value, str) and value.startswith("IPY_MODEL_"):
        yield value.removeprefix("IPY_MODEL_")


def kernel(folder: Path) -> tuple[Any, Any]:
    """Start a kernel of this Python, which finds nothing of this user's."""
    from jupyter_client.kernelspec import KernelSpecManager

    names = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "XDG_STATE_HOME")
    kept = {k: v for k, v in plain_environment(folder).items() if not k.startswith("JUPYTER")}
    environment = {**kept, **dict.fromkeys(names, str(folder)), "PYTHONPATH": str(REPOSITORY)}
    manager = jupyter_client.KernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    manager.start_kernel(cwd=str(folder), env=environment)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=SECONDS)
    return manager, client


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    manager, client = kernel(tmp_path_factory.mktemp("kernel"))
    try:
        page = Page(client)
        page.run(PREPARED)
        yield page
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(params=WIDGETS)
def shown(page: Page, request: pytest.FixtureRequest) -> Iterator[str]:
    """The model of each widget in turn; ``shown`` in Python."""
    yield page.show(f"shown = {WIDGETS[request.param]}; shown")
    page.run("shown.discard() if hasattr(shown, 'discard') else None; shown.close()")


@pytest.fixture
def editor(page: Page) -> Iterator[str]:
    """A grid of three parameters to edit; ``editor`` in Python."""
    shown = page.show("editor = tw.ParameterEditor(wf); editor")
    yield page.grid(shown)
    page.run("editor.discard(); editor.close()")


def test_a_widget_is_shown_by_its_model_and_for_want_of_that_by_html_or_text(page: Page, shown: str) -> None:
    *still, again = page.run("shown")
    assert (again[VIEW]["model_id"], again[VIEW]["version_major"]) == (shown, 2)
    again = {**again, **still[0]} if still else again
    assert shown in page.models
    assert re.fullmatch(r"\w+\(.*\)", again["text/plain"])
    html = again.get("text/html", "")
    assert EVIL not in html
    assert ("&lt;script&gt;" in html) == again["text/plain"].startswith(
        ("ParameterEditor", "ResultsExplorer")
    )


def test_models_are_of_modules_that_are_found_without_a_network(page: Page, shown: str) -> None:
    keys = page.inside(shown)
    opened = {each["comm_id"]: each["metadata"] for each in page.opened}
    assert {opened[key]["version"].split(".")[0] for key in keys} == {"2"}
    for key in keys:
        for kind in ("model", "view"):
            module, version = (page.models[key][f"_{kind}_module{end}"] for end in ("", "_version"))
            if module == "anywidget":
                assert re.fullmatch(r"~\d+\.\d+\.\*", version)
            elif module is not None:
                assert SHIPPED[module] == version


def test_the_module_of_the_grid_is_where_vs_code_looks_for_it() -> None:
    folder = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"
    script = (folder / "anywidget" / "extension.js").read_text()
    assert re.search(r"(require|requirejs)(\?)?\.config\(\{", script)
    (place,) = re.findall(r"anywidget: *[\"']nbextensions/([^\"']+)[\"']", script)
    assert (folder / f"{place}.js").exists()


def test_scripts_and_styles_come_whole_and_want_nothing_else(page: Page, shown: str) -> None:
    states = [page.models[key] for key in page.inside(shown)]
    scripts = [state["_esm"] for state in states if state["_model_module"] == "anywidget"]
    keys, loader = (STATIC / "keys.js").read_text(), (STATIC / "dist" / "loader.js").read_text()
    assert set(scripts) <= {keys, loader}
    modules = [path.read_text() for path in (STATIC / "dist").glob("*.js")]
    for script in [keys, *modules]:
        # The loader imports what Python has sent it.
        imports = "" if script == loader else r"|\bimport\s*\("
        assert not re.search(rf"(^|[;}}]\s*)import\b(?!\()|\brequire\s*\(|@jupyter{imports}", script)
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"'`]*", script)
        assert [each for each in addresses if "www.w3.org" not in each] == []
    for state in states:
        if "_label" in state:
            assert (state["_esm"], state.get("_css")) == (loader, None)
    assert not re.search(r"@import|url\((?![\"']?data:)", (STATIC / "dist" / "app.js").read_text())


def test_all_models_tell_their_states_to_who_asks(page: Page, shown: str) -> None:
    page.run("if hasattr(shown, 'watch'): shown.watch.stop(); assert shown.watch.join(30)")
    page.run("if hasattr(shown, '_latest'): assert shown._latest.wait(30)")
    keys = page.inside(shown)
    comms = page.client.comm_info(TARGET, reply=True, timeout=SECONDS)["content"]["comms"]
    assert set(keys) <= set(comms)
    for key in keys:
        (update,) = page.tell(key, {"method": "request_state"})
        assert update["method"] == "update"
        assert with_buffers(update, []) == page.models[key]

    opening = {"comm_id": "all", "target_name": CONTROL, "data": {}}
    page.listen(page.post("comm_open", metadata={"version": "1.0.0"}, **opening))
    (answer,) = page.tell("all", {"method": "request_states"})
    assert answer["method"] == "update_states"
    assert set(comms) == set(answer["states"])
    for key in keys:
        told = answer["states"][key]
        assert told["state"] == page.models[key]
        assert told["model_module"] == page.models[key]["_model_module"]


def test_a_page_that_opens_is_told_of_the_table(page: Page, editor: str) -> None:
    (head,) = page.say(editor, "hello")
    assert (head["kind"], head["length"], head["editable"]) == ("head", 3, True)
    assert [column["name"] for column in head["columns"]] == ["job_key", "alpha", "text"]
    assert [row["t"][1:] for row in head["rows"]] == [["0.5", "a"], ["1.5", "b"], ["2.5", EVIL]]
    (rows,) = page.say(editor, "rows", gen=head["gen"], start=1, stop=3)
    assert (rows["kind"], rows["start"], rows["rows"]) == ("rows", 1, head["rows"][1:])


def test_cells_are_edited_and_edits_are_undone(page: Page, editor: str) -> None:
    (head,) = page.say(editor, "hello")
    (rows,) = page.say(editor, "set", gen=head["gen"], cells=[[1, 1, "9.5"]])
    assert (rows["start"], rows["rows"][0]["t"][1], rows["rows"][0]["c"]) == (1, "9.5", [1])
    assert page.value("editor.value['alpha'].tolist()") == [0.5, 9.5, 2.5]
    page.say(editor, "set", gen=head["gen"], cells=[[1, 1, "many"]])
    assert page.value("editor.problems['text'].tolist()") == ["many"]
    page.say(editor, "undo")
    page.say(editor, "undo")
    assert page.value("editor.value['alpha'].tolist()") == [0.5, 1.5, 2.5]
    page.say(editor, "redo")
    assert page.value("editor.value['alpha'].tolist()") == [0.5, 9.5, 2.5]


def test_a_block_is_pasted_and_the_table_grows(page: Page, editor: str) -> None:
    (head,) = page.say(editor, "hello")
    answers = page.say(editor, "paste", gen=head["gen"], block=[2, 1, 3, 2], text="7.5\tx\n8.5\ty\n")
    heads = [answer for answer in answers if answer["kind"] == "head"]
    assert heads[-1]["length"] == 4
    assert page.value("editor.value['text'].tolist()") == ["a", "b", "x", "y"]
    (text,) = page.say(editor, "copy", gen=heads[-1]["gen"], id="1", block=[2, 1, 4, 3])
    assert (text["id"], text["text"]) == ("1", "7.5\tx\n8.5\ty")


def test_what_is_said_of_rows_that_have_moved_is_refused(page: Page, editor: str) -> None:
    (head,) = page.say(editor, "hello")
    page.say(editor, "insert", gen=head["gen"], at=0, count=1)
    new, note = page.say(editor, "set", gen=head["gen"], cells=[[1, 1, "9.5"]])
    assert (new["kind"], note["kind"]) == ("head", "note")
    assert page.value("editor.sheet.rows(0, 9)[1].texts[1]") == "0.5"


def test_an_editor_answers_what_its_page_asks(page: Page) -> None:
    shown = page.show("explorer = tw.ResultsExplorer(wf); explorer")

    def say(op: str, **fields: Any) -> list[dict[str, Any]]:
        answers = page.tell(shown, {"method": "custom", "content": {"op": op, **fields}})
        return [data["content"] for data in answers if data["method"] == "custom"]

    (state, picked) = say("open")
    assert (state["kind"], state["jobs"], picked["kind"]) == ("state", 3, "picked")
    (note,) = [told for told in say("refresh") if told["kind"] == "note"]
    assert note["text"] == "nothing changed"
    say("bare")
    assert page.value("list(explorer.value.index) == keys[1:]") is True
    assert "no message of this widget" in say("bares")[0]["text"]
    page.run("explorer.close()")


@pytest.mark.parametrize("name", ["ParameterEditor", "ResultsExplorer", "Monitor"])
def test_a_widget_that_is_closed_takes_along_all_that_is_in_it(page: Page, name: str) -> None:
    shown = page.show(f"closed = {WIDGETS[name]}; closed")
    page.run("closed.close()")
    comms = page.client.comm_info(TARGET, reply=True, timeout=SECONDS)["content"]["comms"]
    # Layouts and styles may be shared, and stay.
    keys = [key for key in page.inside(shown) if "_dom_classes" in page.models[key]]
    assert set(keys) & set(comms) == set()


def test_while_a_cell_runs_edits_wait_in_their_order(page: Page, editor: str, tmp_path: Path) -> None:
    (head,) = page.say(editor, "hello")
    busy = page.client.execute(waiting(tmp_path / "go"), allow_stdin=False)
    said = [
        {"to": "grid", "op": "set", "gen": head["gen"], "cells": [[0, 1, text]]} for text in ("7.5", "8.5")
    ]
    heard = len(page.heard)
    posted = [
        page.post("comm_msg", comm_id=editor, data={"method": "custom", "content": content})
        for content in said
    ]
    with pytest.raises(TimeoutError):
        page.listen(posted[0], seconds=0.5)
    assert page.said(editor, heard) == []
    (tmp_path / "go").touch()
    page.listen(busy)
    for each in posted:
        page.listen(each)
    texts = [answer["rows"][0]["t"][1] for answer in page.said(editor, heard)]
    assert texts == ["7.5", "8.5"]
    assert page.value("editor.value['alpha'].tolist()[0]") == 8.5


def test_what_was_shown_in_a_subshell_is_edited_while_a_cell_runs(page: Page, tmp_path: Path) -> None:
    page.client.control_channel.send(page.client.session.msg("create_subshell_request", {}))
    made = page.client.get_control_msg(timeout=SECONDS)["content"]
    if "subshell_id" not in made:
        pytest.skip("ipykernel has no subshells before 7")
    code = "other = tw.ParameterEditor(wf); other"
    subshell = made["subshell_id"]
    shown = page.listen(page.post("execute_request", subshell, code=code, allow_stdin=False))
    (view,) = [data[VIEW] for each in shown if VIEW in (data := each["content"].get("data", {}))]
    grid = page.grid(view["model_id"])
    busy = page.client.execute(waiting(tmp_path / "go"), allow_stdin=False)
    data = {"method": "custom", "content": {"to": "grid", "op": "set", "gen": 0, "cells": [[0, 1, "7.5"]]}}
    heard = len(page.heard)
    page.listen(page.post("comm_msg", subshell, comm_id=grid, data=data))
    assert page.said(grid, heard)[0]["rows"][0]["t"][1] == "7.5"
    (tmp_path / "go").touch()
    page.listen(busy)
    assert page.value("other.value['alpha'].tolist()[0]") == 7.5
    page.run("other.discard(); other.close()")


def waiting(path: Path) -> str:
    """Return a cell that runs until a file is there."""
    return f"while not Path({str(path)!r}).exists(): time.sleep(0.02)"
