"""The builder of parameter tables, for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.parts import Message, button, html, root, row, text_html
from torc_frames.widgets.sweeps.axes import Axis
from torc_frames.widgets.sweeps.model import MAX_ROWS, METHODS, SweepModel, Way
from torc_frames.widgets.sweeps.rows import AxisLine
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.grid import Grid
from torc_frames.widgets.work import Latest
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.workflow import Workflow

if TYPE_CHECKING:
    from torc_frames.widgets.parameters.widget import ParameterEditor

__all__ = ["SweepBuilder"]

_PAUSE_S = 0.2
_HEIGHT = 240
_LEFT_OUT = {"excluded": "left out by the constraint", "duplicates": "there twice"}
_WAYS: dict[Way, str] = {
    "grid": "every combination (grid)",
    "zip": "side by side (zip)",
    "sample": "drawn (sample)",
}

_COPY = "navigator.clipboard.writeText(this.parentNode.querySelector('pre').textContent)"


class SweepBuilder(Fixed, widgets.VBox):
    """A table of parameters made of axes: every combination, side by side, or drawn at random.

    It shows while one types how many rows there are, the table, and the Python that makes the same one.

    Parameters
    ----------
    workflow : Workflow, optional
        Whose parameters the table is to become, with "To editor".
    tables : mapping of str to DataFrame, optional
        Tables that every row is combined with, by the names that they have in Python.
    on_table : callable, optional
        What "To editor" does with the table, instead of opening a `ParameterEditor` below.

    Attributes
    ----------
    model : SweepModel
        All that is typed, without a browser; ``model.state()`` is JSON.
    value : DataFrame
        The table, its recipe in ``attrs``.
    code : str
        The Python that makes it.

    Examples
    --------
    >>> builder = SweepBuilder()
    >>> builder.model.axes = [Axis("alpha", texts={"values": "0.1, 1"})]
    >>> builder.model.axes.append(Axis("depth", "range", {"high": "3"}))
    >>> builder.show()
    >>> builder.value
       alpha  depth
    0    0.1      0
    1    0.1      1
    2    0.1      2
    3    1.0      0
    4    1.0      1
    5    1.0      2
    >>> builder
    SweepBuilder(axes=['alpha', 'depth'])
    """

    def __init__(
        self,
        workflow: Workflow | None = None,
        *,
        tables: Mapping[str, pd.DataFrame] | None = None,
        on_table: Callable[[pd.DataFrame], Any] | None = None,
        model: SweepModel | None = None,
    ) -> None:
        self._workflow, self._on_table = workflow, on_table
        self.model = model or SweepModel(tables)
        self._latest = Latest(_PAUSE_S)
        self._lines: dict[int, AxisLine] = {}
        self._axes = widgets.VBox()
        self._message, self._count = Message(), Message()
        self._make_controls()
        self._source = FrameSource(pd.DataFrame())
        self._table = Grid(self._source, label="The table", height=_HEIGHT)
        self._code = html()
        self._below = widgets.VBox()
        add = button("axis", self._add, icon="plus", tooltip="add an axis")
        self._give_button = button(
            "To editor", self._give, message=self._message, icon="table", style="primary"
        )
        self._root = root(
            [
                self._axes,
                row(add, self._way, self._sample),
                self._where,
                *self._factors,
                self._count,
                self._table,
                self._code,
                row(*([self._give_button] if workflow or on_table else []), self._message),
                self._below,
            ],
            sheet="sweeps",
        )
        super().__init__([self._root])
        self.show()
        self._fixed = True

    def __repr__(self) -> str:
        return f"SweepBuilder(axes={[axis.name for axis in self.model.axes]!r})"

    @property
    def value(self) -> pd.DataFrame:
        """The table; RefusedError if something typed is wrong."""
        return self.model.value

    @property
    def code(self) -> str:
        """The Python that makes the table; RefusedError if something typed is wrong."""
        return self.model.code

    def to_editor(self) -> ParameterEditor:
        """Return a `ParameterEditor` of the workflow with this table.

        Raises
        ------
        RefusedError
            If there is no workflow, or something typed is wrong.
        """
        if self._workflow is None:
            raise RefusedError("a table goes into the editor of a workflow: SweepBuilder(wf)")
        from torc_frames.widgets.parameters.widget import ParameterEditor

        return ParameterEditor(self._workflow, self.value)

    def show(self) -> None:
        """Show the model as it is now; needed after it was changed from Python."""
        model = self.model
        with model.lock:
            lines = {id(axis): self._lines.get(id(axis)) or AxisLine(axis, self) for axis in model.axes}
            for at, line in enumerate(lines.values()):
                line.show(model.axis_problem(at))
            self._lines = lines
            self._axes.children = tuple(line.box for line in lines.values())
            self._show_controls()
            self._show_code()
        self._latest.ask(self._make)

    # what the lines ask for, see `AxisActions`

    def typed(self) -> None:
        """Take note that something was typed."""
        self.show()

    def move(self, axis: Axis, by: int) -> None:
        """Move an axis up or down."""
        with self.model.lock:
            axes = self.model.axes
            at = axes.index(axis)
            axes.insert(min(max(at + by, 0), len(axes) - 1), axes.pop(at))
        self.show()

    def remove(self, axis: Axis) -> None:
        """Take an axis away."""
        with self.model.lock:
            self.model.axes = [each for each in self.model.axes if each is not axis]
        self.show()

    # inside

    def _make_controls(self) -> None:
        fit = {"style": {"description_width": "auto"}, "layout": {"width": "auto"}}
        short = fit | {"layout": {"width": "11em"}}
        ways = zip(_WAYS.values(), _WAYS, strict=True)
        self._way = widgets.Dropdown(options=list(ways), description="combine", **fit)
        self._method = widgets.Dropdown(options=METHODS, description="method", **fit)
        self._n = widgets.Text(description="how many", **short)
        self._seed = widgets.Text(description="seed", **short)
        self._sample = row(self._n, self._method, self._seed)
        hint = "alpha < 1 or solver == 'svd'"
        self._where = widgets.Text(description="where", placeholder=hint, **fit)
        self._controls = {
            "way": self._way,
            "method": self._method,
            "n": self._n,
            "seed": self._seed,
            "where": self._where,
        }
        for name, control in self._controls.items():
            control.value = getattr(self.model, name)
            control.observe(lambda change, name=name: self._set(name, change["new"]), "value")
        boxes = [self._factor(name) for name in self.model.tables]
        self._factors = [row(*boxes)] if boxes else []

    def _factor(self, name: str) -> widgets.Checkbox:
        box = widgets.Checkbox(
            name in self.model.factors, description=f"with each row of {name}", indent=False
        )
        box.observe(lambda change: self._set_factor(name, change["new"]), "value")
        return box

    def _show_controls(self) -> None:
        for name, control in self._controls.items():
            control.value = getattr(self.model, name)
        self._sample.layout.display = "" if self.model.way == "sample" else "none"

    def _show_code(self) -> None:
        try:
            code = self.model.code
        except RefusedError:
            self._code.value = ""
            return
        text = text_html(code, tag="pre", attributes=' tabindex="0" aria-label="Python of this table"')
        self._code.value = (
            f'<div class="tf-code">{text}<button type="button" onclick="{_COPY}">Copy</button></div>'
        )

    def _make(self) -> None:
        """Make the table and show it; in a thread of its own."""
        model = self.model
        rows = model.combinations
        try:
            if rows is not None and rows > MAX_ROWS:
                self._count.say(
                    f"{counted(rows, 'row')}: counted, not made, as they are more than {MAX_ROWS:,}",
                    "warning",
                )
                return
            table = model.value
        except RefusedError as error:
            untouched = not any(axis.name or any(axis.texts.values()) for axis in model.axes)
            self._count.say("" if untouched else str(error), "error")
            return
        recipe = table.attrs.get("torc_recipe", {})
        told = [counted(len(table), "row")]
        told += [f"{recipe[what]:,} {name}" for what, name in _LEFT_OUT.items() if recipe.get(what)]
        self._count.say(
            "; ".join([*told, *([model.note] if model.note else [])]), "warning" if model.note else "good"
        )
        self._source.replace(table)

    def _set(self, name: str, value: Any) -> None:
        with self.model.lock:
            setattr(self.model, name, value)
        self.show()

    def _set_factor(self, name: str, is_used: bool) -> None:
        with self.model.lock:
            used = {*self.model.factors, name} if is_used else {*self.model.factors} - {name}
            self.model.factors = [each for each in self.model.tables if each in used]
        self.show()

    def _add(self) -> None:
        with self.model.lock:
            axis = Axis()
            self.model.axes.append(axis)
        self.show()
        self._lines[id(axis)].focus()

    def _give(self) -> None:
        if self._on_table is not None:
            self._on_table(self.value)
            self._message.say("The table was handed on", "good")
        else:
            self._below.children = [self.to_editor()]
