"""The builder of parameter tables, for notebooks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from torc_frames.errors import NotFoundError, RefusedError, TorcFramesWarning, counted
from torc_frames.sweep.axes import logarithmic
from torc_frames.widgets.app.app import FAILURES, App
from torc_frames.widgets.sweeps import messages
from torc_frames.widgets.sweeps.axes import FIELDS, KINDS, Axis
from torc_frames.widgets.sweeps.coverage import coverage
from torc_frames.widgets.sweeps.model import MAX_ROWS, METHODS, WAYS, SweepModel
from torc_frames.widgets.sweeps.typed import TypedError
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.grid import GridPart
from torc_frames.widgets.table.preview import preview
from torc_frames.widgets.work import Background, Latest
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.push.plan import Plan
from torc_frames.workflow.workflow import Workflow

if TYPE_CHECKING:
    from torc_frames.widgets.parameters.widget import ParameterEditor

__all__ = ["SweepBuilder"]

_PAUSE_S = 0.2
_HEIGHT = 260
_MOST_COMPARED = 20_000
"""Of larger tables it is not told how many rows are there already."""

_LEFT_OUT = {"excluded": "left out by the constraint", "duplicates": "there twice"}


class _Table(traitlets.Instance[pd.DataFrame]):
    """The table: who reads it gets that of what is typed now, who observes it each that was made."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        """Return the table; RefusedError if something typed is wrong."""
        return obj.model.value


class SweepBuilder(Fixed, App):
    """A table of parameters made of axes: every combination, side by side, drawn, or suggested.

    It shows while one types how many rows there are, the table, what of the space it covers, and the Python
    that makes the same one; then it pushes it.

    Parameters
    ----------
    workflow : Workflow, optional
        Whose parameters the table is to become, with "Push…".
    tables : mapping of str to DataFrame, optional
        Tables that every row is combined with, by the names that they have in Python.
    on_table : callable, optional
        What "Hand on" does with the table, instead of a push.
    model : SweepModel, optional
        What is typed already.

    Attributes
    ----------
    model : SweepModel
        All that is typed, without a browser; ``model.state()`` is JSON.
    value : DataFrame
        The table, its recipe in ``attrs``; may be observed. RefusedError if something typed is wrong.
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

    value = _Table(pd.DataFrame, allow_none=True, read_only=True)

    _messages = messages.Message

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
        self.model.workflow = workflow
        self._latest = Latest(_PAUSE_S)
        self._pushing = Background(lambda busy: self._show(pushing=busy))
        self._keys, self._named = count(1), dict[str, Axis]()
        self._plan: Plan | None = None
        self._params: pd.DataFrame | None = None
        self._closed = False
        super().__init__(label="Sweep", height=_HEIGHT, lock=self.model.lock, _editor="sweeps")
        self._source = FrameSource(pd.DataFrame())
        self._parts = {"grid": GridPart(self._source, self._sender("grid"))}
        self._show(
            fields={kind: [list(field) for field in FIELDS[kind]] for kind in KINDS},
            ways=[way for way in WAYS if way != "suggest" or (workflow and find_spec("optuna"))],
            methods=list(METHODS),
            workflow=workflow.name if workflow else None,
            hands=on_table is not None,
            pushing=False,
        )
        self.show()
        self._fixed = True

    def __repr__(self) -> str:
        return f"SweepBuilder(axes={[axis.name for axis in self.model.axes]!r})"

    def _still(self) -> str:
        return preview(self._source, "Sweep")

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
            keys = {id(axis): key for key, axis in self._named.items()}
            self._named = {keys.get(id(axis)) or str(next(self._keys)): axis for axis in model.axes}
            fault, sizes = model.fault, model.sizes
            self._plan = None
            self._show(
                axes=[self._axis(at, key, axis) for at, (key, axis) in enumerate(self._named.items())],
                how={name: getattr(model, name) for name in _HOW},
                tables=[[name, name in model.factors] for name in model.tables],
                drawn=model.is_drawn,
                fault=fault and fault._asdict(),
                wrong="",
                sizes=sizes,
                rows=model.combinations,
                code=self._code(),
                making=sizes is not None,
            )
        self._latest.ask(self._make)

    def close(self) -> None:
        """Take it off the page."""
        self._closed = True
        super().close()

    # inside

    def _axis(self, at: int, key: str, axis: Axis) -> dict[str, Any]:
        fault, told = self.model.axis_fault(at), ""
        with suppress(TypedError):
            told = axis.meant().told
        return {"key": key, **axis.state(), "told": told, "fault": fault and fault._asdict()}

    def _code(self) -> str:
        try:
            return self.model.code if self.model.axes or self.model.factors else ""
        except RefusedError:
            return ""

    def _make(self) -> None:
        """Make the table and show it; in a thread of its own."""
        model, told = self.model, list[str]()
        rows = model.combinations
        if self._closed or rows is None or not (model.axes or model.factors):
            self._shown(pd.DataFrame(), rows, told)
            return
        if rows > MAX_ROWS:
            self._shown(pd.DataFrame(), rows, [f"counted, not made, as they are more than {MAX_ROWS:,}"])
            return
        try:
            table = model.value
        except RefusedError as error:
            self._shown(pd.DataFrame(), rows, told, str(error))
            return
        recipe = table.attrs.get("torc_recipe", {})
        told += [f"{recipe[what]:,} {name}" for what, name in _LEFT_OUT.items() if recipe.get(what)]
        told += [each for each in (model.note, self._there(table)) if each]
        self._shown(table, len(table), told)

    def _shown(self, table: pd.DataFrame, rows: int | None, told: list[str], wrong: str = "") -> None:
        if self._closed:
            return
        self._source.replace(table)
        self.set_trait("value", table)
        self._show(rows=rows, told=told, wrong=wrong, making=False, columns=[str(name) for name in table])

    def _there(self, table: pd.DataFrame) -> str:
        """Return how many of the rows the workflow has already."""
        if self._workflow is None or not 0 < len(table) <= _MOST_COMPARED:
            return ""
        try:
            there = self._workflow.plan(table).counts["unchanged"]
        except FAILURES:
            return ""  # a push says why it can't be done
        return f"{there:,} there already" if there else ""

    def _obey(self, message: messages.Message) -> None:
        match message:
            case messages.Covered(id=id, x=x, y=y):
                self._answer(id, **self._covered(x, y))
            case messages.PlanPush(id=id, name=name, command=command):
                self._answer(id, **self._planned(name, command))
            case messages.DoPush():
                self._push()
            case messages.HandOn() if self._on_table is not None:
                self._on_table(self.value)
                self._tell("The table was handed on.", "good")
            case messages.HandOn():
                raise RefusedError("nobody asked for the table: SweepBuilder(on_table=...)")
            case _:
                self._type(message)
                self.show()

    def _type(self, message: messages.Message) -> None:
        """Do what changes the model."""
        model = self.model
        match message:
            case messages.AddAxis():
                model.axes = [*model.axes, Axis()]
            case messages.TypeAxis(key=key, field="name", text=text):
                self._of(key).name = text.strip()
            case messages.TypeAxis(key=key, field="kind", text=text):
                self._of(key).kind = _one_of(text, KINDS)
            case messages.TypeAxis(key=key, field=field, text=text):
                axis = self._of(key)
                axis.texts = {**axis.texts, field: text}
            case messages.MoveAxis(key=key, by=by):
                at = model.axes.index(self._of(key))
                model.axes.insert(min(max(at + by, 0), len(model.axes) - 1), model.axes.pop(at))
            case messages.DropAxis(key=key):
                gone = self._of(key)
                model.axes = [axis for axis in model.axes if axis is not gone]
            case messages.TypeHow(field=field, text=text):
                allowed = {"way": WAYS, "method": METHODS, "direction": ("minimize", "maximize")}.get(field)
                setattr(model, field, _one_of(text, allowed) if allowed else text)
            case messages.UseTable(name=name, used=used):
                chosen = {*model.factors, name} if used else {*model.factors} - {name}
                model.factors = [each for each in model.tables if each in chosen]
            case messages.SuggestAnew():
                model.forget()

    def _of(self, key: str) -> Axis:
        if key not in self._named:
            raise NotFoundError("axis", [key], hint="it was removed")
        return self._named[key]

    def _covered(self, x: str, y: str) -> dict[str, Any]:
        table = self._source.frame
        if x not in table or y not in table:
            return {"axes": [], "keys": []}
        if self._params is None and self._workflow is not None:
            self._params = self._workflow.parameters()
        there = pd.DataFrame() if self._params is None else self._params
        logs = logarithmic(table.attrs) | logarithmic(there.attrs)
        return coverage(table, there, (x, y), logs)

    def _planned(self, name: str, command: str) -> dict[str, Any]:
        """Return what a push would do, or why it can't be done."""
        if self._workflow is None:
            raise RefusedError("a table is pushed to a workflow: SweepBuilder(wf)")
        try:
            self._plan = plan = self._workflow.plan(self.value, name=name or None, command=command or None)
        except FAILURES as error:
            return {"text": str(error), "new": 0, "wrong": True}
        counts = plan.counts
        new, there = counts["create"], counts["unchanged"]
        text = f"{counted(new, 'job')} {'is' if new == 1 else 'are'} added"
        text += (
            f", {there:,} {'is' if there == 1 else 'are'} there already and stay{'s' if there == 1 else ''}."
            if there
            else "."
        )
        known = " ".join(f"Of earlier pushes: {what} {text!r}." for what, text in plan.remembered.items())
        return {"text": f"{text} {known}".strip(), "new": new, "wrong": False}

    def _push(self) -> None:
        """Push what was planned, in a thread."""
        plan, self._plan = self._plan, None
        if plan is None:
            raise RefusedError("the sweep has changed since it was reviewed: please look once more")

        def push() -> tuple[pd.DataFrame, list[str]]:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", TorcFramesWarning)
                frame = plan.apply(progress=False)
            return frame, [str(one.message) for one in caught]

        def pushed(done: tuple[pd.DataFrame, list[str]]) -> None:
            frame, warned = done
            added = counted(int(frame.attrs["torc"]["added"]), "job")
            self._tell(
                " ".join([f"{added} added. wf.start() runs them.", *warned]), "warning" if warned else "good"
            )
            self._params = None
            self.model.forget()
            self.show()

        def failed(error: BaseException) -> None:
            self._tell(str(error) or type(error).__name__, "error")
            if not isinstance(error, FAILURES):
                raise error

        self._pushing.start(push, pushed, failed)


_HOW = ("way", "method", "n", "seed", "where", "metric", "direction")


def _one_of(text: str, allowed: tuple[Any, ...]) -> Any:
    if text not in allowed:
        raise RefusedError(f"{text!r} is none of {', '.join(allowed)}")
    return text
