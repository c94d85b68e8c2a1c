"""The record editor and the sweep builder in a real JupyterLab and a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyter import Jupyter, Notebook

import torc_frames as tf

RECORD = {
    "solver": "svd",
    "alpha": 0.1,
    "max_iter": 500,
    "warm_start": False,
    "tag": None,
    "model": {"depth": 3, "layers": [64, 32], "<b>bold</b>": "a<script>document.title='broken'</script>"},
    "stages": [{"name": "fit", "epochs": 10}],
    "notes": "first line\nsecond line",
    "big": 2**70,
    "control": "a\x00b",
}
CONNECT = """
import torc_frames as tf
from torc_frames.widgets.records.widget import RecordEditor
from torc_frames.widgets.sweeps.widget import SweepBuilder
wf = tf.connect({url!r}).workflow({key!r})
"""


class Page:
    """The output of a notebook's second cell."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook, self.page, self.output = notebook, notebook.page, notebook.output(1)

    def button(self, name: str) -> Any:
        return self.output.get_by_role("button", name=name)  # its icon is part of its name

    def field(self, name: str) -> Any:
        return self.output.get_by_label(name, exact=True)

    def titled(self, title: str) -> Any:
        return self.output.get_by_title(title, exact=True)

    def says(self, text: str) -> None:
        self.output.get_by_text(text).first.wait_for()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def cells(self) -> int:
        return int(self.page.locator(".jp-Notebook .jp-Cell").count())


def opened(jupyter: Jupyter, workflow: tf.Workflow, url: str, code: str) -> Page:
    notebook = jupyter.open(CONNECT.format(url=url, key=workflow.key), code)
    notebook.run_all()
    return Page(notebook)


@pytest.fixture
def wf(tmp_path: Path) -> tf.Workflow:
    return tf.connect(tmp_path / "study.db").create_workflow("forms")


@pytest.fixture
def form(lab: Jupyter, wf: tf.Workflow, tmp_path: Path) -> Page:
    wf.add_user_data(None, RECORD)
    return opened(lab, wf, str(tmp_path / "study.db"), "editor = RecordEditor(wf, '1'); editor")


def test_a_record_is_typed_and_saved_with_its_types(form: Page, wf: tf.Workflow) -> None:
    form.field("alpha").fill("0.30000000000000004")
    form.field("max_iter").fill("600x")
    form.says("'600x' is no integer")
    form.button("Save").click()
    form.says("column 'max_iter': '600x' is no integer")
    form.field("max_iter").fill("600")
    form.field("warm_start").select_option("true")
    form.field("notes").fill("one\ntwo\nthree")
    form.field("[1]").fill("128")
    form.button("Save").click()
    form.says("Record 1 is saved")
    expected = RECORD | {
        "alpha": 0.30000000000000004,
        "max_iter": 600,
        "warm_start": True,
        "notes": "one\ntwo\nthree",
        "model": RECORD["model"] | {"layers": [64, 128]},
    }
    assert repr(wf.get_user_data("1").data) == repr(expected)
    assert form.page.title() != "broken"


def test_a_record_on_a_server_is_saved(lab: Jupyter, torc_server: Any) -> None:
    workflow = tf.connect(torc_server.url).create_workflow("forms")
    workflow.push(tf.grid(alpha=[0.1, 0.2], depth=[3]))
    form = opened(lab, workflow, torc_server.url, "editor = RecordEditor(wf, job=wf.jobs().index[1]); editor")
    form.field("depth").fill("4")
    form.button("Save").click()
    form.says("is saved")
    assert workflow.parameters()["depth"].tolist() == [3, 4]
    (key,) = [str(key) for key in workflow.links()["record_key"].tolist()[1:]]
    workflow.update_user_data(key, {"alpha": 0.2, "depth": 9})
    form.field("depth").fill("5")
    form.button("Save").click()
    form.says("was changed by somebody else")
    form.button("Overwrite with yours").click()
    form.says("is saved")
    assert workflow.parameters()["depth"].tolist() == [3, 5]


def test_a_conflict_shows_both_values_and_asks(form: Page, wf: tf.Workflow) -> None:
    form.field("alpha").fill("0.5")
    form.notebook.wait_for("editor.session.dirty", True)
    wf.update_user_data("1", RECORD | {"alpha": 0.7, "new": "theirs"})
    form.button("Save").click()
    form.says("changed by somebody else; nothing was saved")
    form.output.get_by_role("row").nth(2).wait_for()
    assert form.output.get_by_role("row").all_inner_texts() == [
        "value\ttheirs\tyours",
        "alpha\t0.7\t0.5",
        'new\t"theirs"\tnot there',
    ]
    form.notebook.screenshot("record-conflict", form.output)
    assert form.notebook.accessibility_problems(form.output) == []
    form.button("Take theirs").click()
    form.says("Undo brings back yours")
    assert form.field("alpha").input_value() == "0.7"
    form.button("Undo").click()
    form.notebook.wait_for("editor.session.form.value['alpha']", 0.5)
    form.button("Save").click()
    form.says("Record 1 is saved")
    assert wf.get_user_data("1").data == RECORD | {"alpha": 0.5}


def test_json_and_form_stay_in_step(form: Page) -> None:
    form.field("alpha").fill("0.5")
    form.output.get_by_role("button", name="JSON").click()
    text = form.field("record 1 as JSON")
    text.wait_for()
    assert '"alpha": 0.5,' in text.input_value()
    text.fill(text.input_value().replace("500,", "500 750,"))
    form.says("line 4, column 19: expected ',' or '}'")
    form.output.get_by_role("button", name="Form").click()
    form.says("mend it there first")
    form.output.get_by_role("button", name="JSON").click()
    text.fill(text.input_value().replace("500 750,", "750,"))
    form.says("valid JSON")
    form.notebook.screenshot("record-json", form.output)
    assert form.notebook.accessibility_problems(form.output) == []
    form.output.get_by_role("button", name="Form").click()
    form.field("max_iter").wait_for()
    assert form.field("max_iter").input_value() == "750"
    form.button("Undo").click()
    form.notebook.wait_for("editor.session.form.value['max_iter']", 500)


def test_fields_are_added_and_moved_by_keyboard_alone(form: Page, wf: tf.Workflow) -> None:
    cells = form.cells()
    form.titled("add to model.layers").focus()
    form.press("Enter")
    form.notebook.wait_for("editor.session.form.value['model']['layers']", [64, 32, 32])
    form.page.wait_for_function("document.activeElement.value === '32'")
    form.page.keyboard.type("0")
    form.press("Tab", "Tab", "Enter")  # past the type, to what else can be done
    form.notebook.wait_for("editor.session.form.value['model']['layers'][2]", 320)
    form.titled("move up: model.layers[2]").wait_for()
    form.press("Tab", "Enter")
    form.notebook.wait_for("editor.session.form.value['model']['layers']", [64, 320, 32])
    form.page.wait_for_function("document.activeElement.title === 'move up: model.layers[1]'")
    form.page.wait_for_timeout(500)  # it is painted anew, and then the cursor comes back
    form.press("Enter")
    form.notebook.wait_for("editor.session.form.value['model']['layers']", [320, 64, 32])
    form.titled("add to the record").focus()
    form.press("Enter")
    form.page.wait_for_function("document.activeElement.value === 'new'")
    form.press("Control+a")
    form.page.keyboard.type("added")
    form.notebook.wait_for("editor.session.form.value.get('added')", "")
    form.field("type of added").focus()
    form.press("b")  # true/false is chosen by its first letter, and no cell is added below
    form.field("type of added").select_option("true/false")
    form.notebook.wait_for("editor.session.form.value['added']", False)
    form.titled("more for added").focus()
    form.press("a", "d", "d", "x")
    assert form.cells() == cells
    form.button("Save").focus()
    form.press("Enter")
    form.says("Record 1 is saved")
    assert wf.get_user_data("1").data["added"] is False
    assert wf.get_user_data("1").data["model"]["layers"] == [320, 64, 32]


def test_what_was_typed_outlives_the_page_and_the_kernel(form: Page, lab: Jupyter) -> None:
    form.field("max_iter").fill("7x")
    form.notebook.wait_for("len(editor.session.form.problems)", 1)
    form.press("Control+s")
    form.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    form.notebook.reload()
    form.field("max_iter").wait_for()
    assert form.field("max_iter").input_value() == "7x"
    form.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    form.notebook.wait_for("'editor' in globals()", False)
    form.notebook.run_all()
    form.says("Edits that were not saved are here again")
    # JupyterLab's own, when a kernel goes
    lab.errors[:] = [error for error in lab.errors if "restore the debugger state" not in error]
    assert form.field("max_iter").input_value() == "7x"
    form.field("max_iter").fill("7")
    form.button("Save").click()
    form.says("Record 1 is saved")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_form_is_accessible_and_handsome(form: Page, dark: bool) -> None:
    form.notebook.theme(dark)
    form.field("max_iter").fill("500x")
    form.says("no integer")  # it moves what is below, also from under the pointer
    form.titled("more for model.depth").click()
    form.titled("delete: model.depth").wait_for()
    form.notebook.screenshot(f"record-{'dark' if dark else 'light'}", form.output)
    assert form.notebook.accessibility_problems(form.output) == []


def test_forty_fields_are_there_at_once(lab: Jupyter, wf: tf.Workflow, tmp_path: Path) -> None:
    many = {f"k{n}": [{"x": m, "y": [1, 2]} for m in range(40)] for n in range(30)}
    forty = {f"field {n}": [1, 0.5, "x", True, None][n % 5] for n in range(40)}
    wf.add_user_data(None, forty, many)
    form = opened(lab, wf, str(tmp_path / "study.db"), "editor = RecordEditor(wf, '1'); editor")
    form.field("field 39").wait_for()
    times = [form.page.evaluate(_PAINTED_JS) for _ in range(3)]
    assert min(times) < 5000, times  # 300 where nothing else runs: only what never ends is too slow
    form.notebook.execute("editor = RecordEditor(wf, '2')")  # what is many is folded
    assert form.notebook.value("len(editor._form_view.box.children)") < 200


_PAINTED_JS = """async () => {
  const begun = performance.now();
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = 1;
  panel.content.widgets[1].model.outputs.clear();
  await window.jupyterapp.commands.execute('notebook:run-cell');
  while (document.querySelectorAll('.tf-lines .tf-value').length < 41)
    await new Promise(resolve => requestAnimationFrame(resolve));
  return performance.now() - begun;
}"""


def test_keys_stay_in_the_form_in_notebook_7_too(notebook7: Jupyter, wf: tf.Workflow, tmp_path: Path) -> None:
    wf.add_user_data(None, RECORD)
    form = opened(notebook7, wf, str(tmp_path / "study.db"), "editor = RecordEditor(wf, '1'); editor")
    cells = form.cells()
    form.field("type of alpha").focus()
    form.press("a", "b", "d", "d", "x")
    form.titled("more for alpha").focus()
    form.press("a", "b", "d", "d", "x", "Enter")
    form.titled("delete: alpha").wait_for()
    form.field("max_iter").fill("7")
    form.button("Save").click()
    form.says("Record 1 is saved")
    assert form.cells() == cells
    assert wf.get_user_data("1").data["max_iter"] == 7


# the builder


@pytest.fixture
def builder(lab: Jupyter, wf: tf.Workflow, tmp_path: Path) -> Page:
    code = "given = []; builder = SweepBuilder(wf, on_table=given.append); builder"
    return opened(lab, wf, str(tmp_path / "study.db"), code)


def type_axes(builder: Page) -> None:
    builder.button("Add the first axis").click()
    builder.field("name of the axis").fill("alpha")
    builder.field("values").fill("0.1, 1, 10")
    builder.button("Add an axis").click()
    builder.field("name of the axis").nth(1).fill("solver")
    builder.field("values").nth(1).fill("svd, sag")


def test_axes_are_typed_counted_and_shown(builder: Page) -> None:
    builder.says("A sweep is a table of parameters.")
    type_axes(builder)
    builder.says("6 jobs")
    builder.says("3 × 2 = 6")
    builder.field("where").fill("alpha < 10 or solver ==")
    builder.says("is no query of the columns")
    builder.field("where").fill("alpha < 10 or solver == 'svd'")
    builder.says("5 jobs")
    builder.says("1 left out by the constraint")
    builder.output.get_by_role("gridcell", name="sag").first.wait_for()
    assert builder.output.get_by_role("grid").get_attribute("aria-rowcount") == "6"
    builder.button("Python").click()
    builder.button("Copy as Python").click()
    builder.says("Copied")
    assert builder.notebook.clipboard() == builder.notebook.value("builder.code")
    builder.button("Hand on").click()
    builder.says("The table was handed on")
    builder.notebook.execute("exec(builder.code)")
    assert builder.notebook.value("df.equals(given[0])") is True


def test_each_error_is_told_once_at_its_field_and_not_before_it_was_typed(builder: Page) -> None:
    builder.button("Add the first axis").click()
    builder.says("1 axis to be completed")
    assert builder.output.locator(".tf-fault, [aria-invalid]").count() == 0
    builder.field("name of the axis").fill("alpha")
    builder.field("kind of the axis").select_option("linspace")
    builder.says("from is missing")
    assert builder.output.locator(".tf-fault, [aria-invalid]").count() == 0
    builder.field("from").fill("x")
    builder.says("from: 'x' is no number")
    assert builder.field("from").get_attribute("aria-invalid") == "true"
    assert builder.output.get_by_text("is no number").count() == 1


def test_a_sample_is_drawn_and_the_kernel_is_free_meanwhile(builder: Page) -> None:
    builder.button("Add the first axis").click()
    builder.field("name of the axis").fill("alpha")
    builder.field("kind of the axis").select_option("loguniform")
    builder.field("from").fill("0.001")
    builder.field("to").fill("10")
    builder.says("64 jobs")
    builder.field("combine").select_option("sample")
    builder.field("draws").fill("1000000")
    begun = builder.notebook.value("__import__('time').time()")
    assert builder.notebook.value("__import__('time').time()") - begun < 2
    builder.notebook.wait_for("len(builder._source.frame)", 1_000_000, 120)
    builder.field("draws").fill("1000000000")
    builder.says("counted, not made")
    builder.field("draws").fill("16")
    builder.field("method").select_option("sobol")
    builder.says("16 jobs")
    builder.button("Python").click()
    builder.says("tf.loguniform(0.001, 10)")


def test_a_sweep_is_built_previewed_and_pushed_by_keyboard_alone(
    lab: Jupyter, wf: tf.Workflow, tmp_path: Path
) -> None:
    builder = opened(lab, wf, str(tmp_path / "study.db"), "builder = SweepBuilder(wf); builder")
    cells, before = builder.cells(), len(wf.jobs())
    named = "document.activeElement.placeholder === 'name'"
    builder.button("Add the first axis").focus()
    builder.press("Enter")
    builder.page.wait_for_function(named)
    builder.page.keyboard.type("alpha")
    builder.press("Tab", "Tab")
    builder.page.keyboard.type("1, 2, 3")
    builder.button("Add an axis").focus()
    builder.press("Enter")
    builder.output.get_by_role("group", name="axis", exact=True).wait_for()
    builder.page.wait_for_function(named)
    builder.page.keyboard.type("b")
    builder.press("Tab", "Tab")
    builder.page.keyboard.type("x, y")
    builder.says("6 jobs")
    builder.button("Move up: b").focus()
    builder.press("Enter")
    builder.notebook.wait_for("[axis.name for axis in builder.model.axes]", ["b", "alpha"])
    builder.output.get_by_role("columnheader", name="alpha").wait_for()
    builder.button("Remove: b").focus()
    builder.press("d", "d", "a", "Enter")
    builder.says("3 jobs")
    assert builder.cells() == cells
    builder.output.locator("button:enabled", has_text="Push…").focus()  # once the table is made
    builder.press("Enter")
    dialog = builder.output.get_by_role("dialog")
    dialog.wait_for()
    builder.press("Tab", "Tab", "Tab")
    builder.page.keyboard.type("run {alpha}")
    dialog.get_by_role("button", name="Review").focus()
    builder.press("Enter")
    dialog.get_by_text("3 jobs are added").wait_for()
    builder.notebook.screenshot("sweep-push", builder.output)
    assert len(wf.jobs()) == before
    dialog.get_by_role("button", name="Push 3 jobs").focus()
    builder.press("Enter")
    builder.says("3 jobs added")
    assert wf.jobs()["command"].tolist()[-3:] == ["run 1", "run 2", "run 3"]
    builder.says("3 there already")


def test_what_is_typed_stays_text_in_the_builder(builder: Page) -> None:
    evil = "<img src=x onerror=alert(1)>"
    type_axes(builder)
    builder.field("name of the axis").first.fill(evil)
    builder.field("values").first.fill(f'"{evil}", b')
    builder.output.get_by_role("gridcell", name=evil).first.wait_for()
    builder.field("where").fill(evil)
    builder.says("is no query of the columns")
    builder.button("Python").click()
    assert builder.output.locator("img").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_builder_is_accessible_and_handsome(builder: Page, dark: bool) -> None:
    builder.notebook.theme(dark)
    type_axes(builder)
    builder.button("Add an axis").click()
    builder.field("name of the axis").nth(2).fill("tol")
    builder.field("kind of the axis").nth(2).select_option("uniform")
    builder.field("from").fill("1e-4")
    builder.field("to").fill("1e-2")
    builder.field("draws").fill("20")
    builder.field("where").fill("alpha < 10 or solver == 'svd' or tol < 0.001")
    builder.says("3 × 2 × 20 = 120")
    builder.says("left out")
    builder.output.get_by_role("gridcell", name="svd").first.wait_for()
    builder.button("Coverage").click()
    builder.field("y").select_option("tol")
    builder.output.get_by_role("img", name="Coverage of alpha and tol").wait_for()
    builder.notebook.screenshot(f"sweep-{'dark' if dark else 'light'}", builder.output)
    assert builder.notebook.accessibility_problems(builder.output) == []
    builder.button("Add an axis").click()
    builder.field("name of the axis").nth(3).fill("tol")
    builder.says("there is an axis 'tol' above")
    assert builder.notebook.accessibility_problems(builder.output) == []
