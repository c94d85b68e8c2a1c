"""Parts of the explorer that open and close: columns, groups, figures, Python, export."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import ipywidgets as widgets

from torc_frames.errors import counted
from torc_frames.widgets.parts import FAILURES, Message, button, html, row
from torc_frames.widgets.results import figures
from torc_frames.widgets.results.model import Aggregate, can_group, functions
from torc_frames.widgets.results.parts import dropdown, field, on_value, options, selection
from torc_frames.widgets.results.session import FORMATS, Exploration, export

__all__ = [
    "CodePanel",
    "ColumnsPanel",
    "ExportPanel",
    "GroupPanel",
    "ParallelPanel",
    "ResultsPanel",
    "ScatterPanel",
]

_FUNCTIONS = ("mean", "min", "max", "std", "median", "sum", "count", "first", "nunique")


class ResultsPanel(widgets.VBox):
    """A part that shows something of an exploration, for as long as it is open."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration
        self.message = Message()
        self.is_open = False
        self._quiet = False
        self.add_class("tf-panel")

    def turn(self, is_open: bool) -> None:
        """Open or close it."""
        self.is_open = is_open
        self.show()

    def show(self) -> None:
        """Show what is so now, if it is open."""
        if not self.is_open:
            return
        self._quiet = True
        try:
            self.update()
        finally:
            self._quiet = False

    @abstractmethod
    def update(self) -> None:
        """Show what is so now."""

    def doing(self, action: Callable[[], None]) -> Callable[[], None]:
        """Return an action for when a field changes: not by the panel itself; what fails is told."""

        def act() -> None:
            if self._quiet:
                return
            self.message.clear()
            try:
                action()
            except FAILURES as error:
                self.message.fail(error)

        return act


class ColumnsPanel(ResultsPanel):
    """Which columns are shown, in which order."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__(exploration)
        self.shown, self.hidden = selection("Shown", []), selection("Hidden", [])
        up = button("Up", lambda: self._move(-1), icon="arrow-up", tooltip="further to the left in the table")
        down = button(
            "Down", lambda: self._move(1), icon="arrow-down", tooltip="further to the right in the table"
        )
        hide = button("Hide", self._hide, icon="arrow-right", tooltip="hide the columns chosen on the left")
        show = button("Show", self._show, icon="arrow-left", tooltip="show the columns chosen on the right")
        between = widgets.VBox([hide, show], layout={"justify_content": "center"})
        beside = widgets.VBox([up, down], layout={"justify_content": "center"})
        self.children = [row(beside, self.shown, between, self.hidden)]

    def update(self) -> None:
        """See `ResultsPanel.update`."""
        arrangement = self.exploration.arrangement
        _fill(self.shown, arrangement.shown)
        _fill(self.hidden, [name for name in arrangement.order if name in arrangement.hidden])

    def _move(self, step: int) -> None:
        chosen = self.shown.value
        self.exploration.arrange(self.exploration.arrangement.move(chosen, step))
        self.shown.value = chosen

    def _hide(self) -> None:
        self.exploration.arrange(self.exploration.arrangement.hide(self.shown.value))

    def _show(self) -> None:
        self.exploration.arrange(self.exploration.arrangement.show(self.hidden.value))


class GroupPanel(ResultsPanel):
    """What rows are grouped by, and what is told of each group."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__(exploration)
        self.by = selection("Group by", [])
        self.columns = selection("and tell of", [])
        self.functions = selection("their", _FUNCTIONS, width="9em")
        self.functions.value = ("mean",)
        clear = button("No groups", self._clear, icon="times")
        for one in (self.by, self.columns, self.functions):
            on_value(one, self.doing(self._group))
        self.children = [row(self.by, self.columns, self.functions, clear), self.message]

    def update(self) -> None:
        """See `ResultsPanel.update`."""
        frame = self.exploration.frame
        names = figures.by_weight(self.exploration.arrangement.order)
        able = [name for name in names if can_group(frame[name])]
        groups = self.exploration.query.groups
        _fill(self.by, able)
        if groups or not self.is_open:
            self.by.value = groups
        _fill(self.columns, names)

    def _group(self) -> None:
        frame = self.exploration.frame
        aggregates = tuple(
            Aggregate(name, one)
            for name in self.columns.value
            for one in self.functions.value
            if one in functions(frame[name]) and name not in self.by.value
        )
        self.exploration.group(tuple(self.by.value), aggregates)
        told = {one.column for one in aggregates}
        untold = [name for name in self.columns.value if name not in told]
        if self.by.value and untold:
            self.message.say(f"None of that can be told of {', '.join(untold)}", "warning")

    def _clear(self) -> None:
        self.by.value = ()


class ScatterPanel(ResultsPanel):
    """One column against another; follows the filters."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__(exploration)
        able, first = figures.drawable(exploration.frame), figures.suggested(exploration.frame)
        self.x, self.y = (dropdown(name, able, none="choose…", named=True) for name in ("x", "y"))
        self.by = dropdown("color", able, none="none", named=True)
        self.x.value, self.y.value, self.by.value = first.x, first.y, first.by
        self.picture = html()
        for one in (self.x, self.y, self.by):
            on_value(one, self.doing(self.update))
        self.children = [row(self.x, self.y, self.by), self.message, self.picture]

    def update(self) -> None:
        """See `ResultsPanel.update`."""
        x, y, by = self.x.value, self.y.value, self.by.value
        if x is None or y is None:
            self.picture.value = ""
            self.message.say("Choose two columns of numbers, times or few values")
            return
        rows = self.exploration.chosen
        text = f"Scatter plot of {y} against {x}, {counted(len(rows), 'job')}"
        _draw(self, lambda: figures.picture(figures.scatter(rows, x, y, by), text))


class ParallelPanel(ResultsPanel):
    """Several columns side by side, a line for each job; follows the filters."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__(exploration)
        able, first = figures.drawable(exploration.frame), figures.suggested(exploration.frame)
        self.columns = selection("axes", able, rows=6)
        self.columns.value = first.columns
        self.by = dropdown("color", able, none="none", named=True)
        self.by.value = first.columns[-1] if first.columns else None
        self.picture = html()
        for one in (self.columns, self.by):
            on_value(one, self.doing(self.update))
        self.children = [row(self.columns, self.by), self.message, self.picture]

    def update(self) -> None:
        """See `ResultsPanel.update`."""
        rows, columns = self.exploration.chosen, tuple(self.columns.value)
        text = f"Parallel coordinates of {', '.join(columns)}, {counted(len(rows), 'job')}"
        _draw(self, lambda: figures.picture(figures.parallel(rows, columns, self.by.value), text))


class CodePanel(ResultsPanel):
    """The Python that makes the frame that is shown."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__(exploration)
        self.text = widgets.Textarea(description="Python", layout={"width": "100%"})
        self.text.add_class("tf-stacked")
        self.text.add_class("tf-code")
        self.children = [self.text]

    def update(self) -> None:
        """See `ResultsPanel.update`."""
        self.text.value = self.exploration.code
        self.text.rows = min(16, self.text.value.count("\n") + 1)


class ExportPanel(ResultsPanel):
    """What is shown, into a file."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__(exploration)
        self.name = field("file", width="22em")
        self.name.value = "results.parquet"
        self.kind = dropdown("format", FORMATS, named=True)
        self.overwrite = widgets.Checkbox(description="overwrite", indent=False, layout={"width": "auto"})
        on_value(self.kind, self._rename)
        save = button("Save", self._save, message=self.message, icon="download", style="primary")
        self.children = [row(self.kind, self.name, self.overwrite, save), self.message]

    def update(self) -> None:
        """See `ResultsPanel.update`."""

    def _rename(self) -> None:
        stem = self.name.value
        for suffix in FORMATS:
            stem = stem.removesuffix(suffix)
        self.name.value = f"{stem}{self.kind.value}"

    def _save(self) -> None:
        frame = self.exploration.value
        path = export(frame, self.name.value.strip(), overwrite=self.overwrite.value)
        self.message.say(f"{counted(len(frame), 'row')} in {path}", "good")


def _draw(panel: ResultsPanel, make: Callable[[], str]) -> None:
    """Show a picture, or why there is none."""
    panel.message.clear()
    try:
        panel.picture.value = make()
    except FAILURES as error:
        panel.picture.value = ""
        panel.message.fail(error)


def _fill(choice: widgets.SelectMultiple, names: list[str] | tuple[str, ...]) -> None:
    """Give a list other options, and keep what is chosen of them."""
    listed = options(names)
    if list(choice.options) != listed:
        kept = tuple(name for name in choice.value if name in set(names))
        choice.value = ()
        choice.options = listed
        choice.value = kept
