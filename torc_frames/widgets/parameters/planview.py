"""What applying an edited table would do, shown: counts, cells, conflicts to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import ipywidgets as widgets

from torc_frames.errors import counted, shorten
from torc_frames.widgets.parameters.conflicts import Cell, CellConflict
from torc_frames.widgets.parameters.session import Choice, Proposal
from torc_frames.widgets.parts import html, row, text_html

__all__ = ["PlanView", "summary"]

_MOST_CELLS = 50
_MOST_CONFLICTS = 20
_LONGEST_VALUE = 120
_OLD = text_html("The table has changed since: plan again", "tf-quiet", attributes=' role="status"')

_VERBS = {
    "create": "to create",
    "update": "to update",
    "delete": "to delete",
    "conflict": "in conflict",
    "unchanged": "unchanged",
}


class PlanView(widgets.VBox):
    """A proposal, and what the user says of its conflicts.

    Parameters
    ----------
    on_decided : callable
        Called with what was chosen, by job key and column, when all is, and the conflicts that were shown.
    """

    def __init__(self, on_decided: Callable[[dict[Cell, Choice], list[CellConflict]], None]) -> None:
        super().__init__(layout={"display": "none"})
        self.add_class("tf-plan")
        self._on_decided = on_decided
        self._choices: dict[Cell, widgets.ToggleButtons] = {}
        self._buttons: list[widgets.Button] = []
        self._note = html()
        self._is_old = False

    def begin(self) -> None:
        """Say that a plan is being made, which may lack what is edited from now on."""
        self._is_old = False

    def edited(self) -> None:
        """Say that the table was edited: a plan that is shown, or being made, is of what it was before."""
        self._is_old = True
        self._note.value = _OLD

    def show(self, proposal: Proposal) -> None:
        """Show a proposal, the one that was begun last."""
        self._choices, self._buttons = {}, []
        self._note.value = _OLD if self._is_old else ""
        parts: list[widgets.Widget] = [
            html(text_html(summary(proposal), "tf-title", attributes=' role="status"')),
            self._note,
        ]
        parts += [html(text_html(note, "tf-quiet")) for note in proposal.notes]
        if proposal.conflicts:
            parts.append(self._conflicts(proposal.conflicts))
        else:
            parts.append(html(_cells_html(proposal)))
        self.children = parts
        self.layout.display = ""

    def hide(self) -> None:
        """Show nothing."""
        self.layout.display = "none"
        self.children = []
        self._choices, self._buttons = {}, []

    def enable(self, enabled: bool) -> None:
        """Let conflicts be decided, or not now."""
        for each in (*self._choices.values(), *self._buttons):
            each.disabled = not enabled

    def _conflicts(self, conflicts: list[CellConflict]) -> widgets.Widget:
        shown = conflicts[:_MOST_CONFLICTS]
        self._choices = {(found.job_key, found.column): self._choice(conflicts) for found in shown}
        lines: list[widgets.Widget] = []
        for found in shown:
            lines.append(html(_conflict_html(found)))
            lines.append(self._choices[found.job_key, found.column])
        ours = self._button("Keep all of mine", "mine", conflicts)
        theirs = self._button("Take all of theirs", "theirs", conflicts)
        self._buttons = [ours, theirs]
        if len(conflicts) > len(shown):
            lines.append(html(text_html(f"and {len(conflicts) - len(shown):,} more", "tf-quiet")))
        box = widgets.VBox([*lines, row(ours, theirs)])
        box.add_class("tf-conflict")
        return box

    def _button(self, text: str, choice: Choice, conflicts: list[CellConflict]) -> widgets.Button:
        chosen = dict.fromkeys([(found.job_key, found.column) for found in conflicts], choice)
        made = widgets.Button(description=text)
        made.on_click(lambda _: self._on_decided(chosen, conflicts))
        return made

    def _choice(self, conflicts: list[CellConflict]) -> widgets.ToggleButtons:
        made = widgets.ToggleButtons(
            options=[("undecided", ""), ("keep mine", "mine"), ("take theirs", "theirs")],
            style={"button_width": "auto"},
        )
        made.observe(lambda _: self._on_choice(conflicts), "value")
        return made

    def _on_choice(self, conflicts: list[CellConflict]) -> None:
        chosen = {cell: each.value for cell, each in self._choices.items() if each.value}
        if chosen and len(chosen) == len(self._choices):
            self._on_decided(chosen, conflicts)


def summary(proposal: Proposal) -> str:
    """Return in one line what applying a proposal would do."""
    if proposal.is_empty:
        return "Nothing to apply: the store has all of this."
    counts = proposal.counts
    told = [f"{counted(counts[action], 'job')} {verb}" for action, verb in _VERBS.items() if counts[action]]
    return f"Applying this: {', '.join(told)}"


def _cells_html(proposal: Proposal) -> str:
    found = proposal.plan.cells
    lines = [
        (f"job {key}", column, _short(stored), _short(pushed))
        for key, column, stored, pushed in found[["job_key", "column", "stored", "pushed"]]
        .head(_MOST_CELLS)
        .itertuples(index=False)
    ]
    table = _table(("job", "column", "stored", "new"), lines) if lines else ""
    rest = len(found) - len(lines)
    more = text_html(f"and {rest:,} more cells", "tf-quiet") if rest else ""
    gone = ""
    if proposal.deleted:
        told = f"Jobs to delete, with their results: {shorten(proposal.deleted)}"
        gone = text_html(told, "tf-message tf-warning", tag="div")
    return table + more + gone


def _conflict_html(conflict: CellConflict) -> str:
    if not conflict.column:
        told = f"Job {conflict.job_key} is deleted here, and was changed in the store."
        return text_html(told)
    if not conflict.job_key:
        told = f"Column {conflict.column} is dropped here, and was changed in the store."
        cells = [
            (f"job {key}", _short(conflict.before[key]), _short(new)) for key, new in conflict.theirs.items()
        ]
        rest = len(cells) - _MOST_CELLS
        more = text_html(f"and {rest:,} more cells", "tf-quiet") if rest > 0 else ""
        return text_html(told) + _table(("job", "before", "theirs"), cells[:_MOST_CELLS]) + more
    values = [(_short(conflict.mine), _short(conflict.theirs), _short(conflict.before))]
    caption = text_html(f"Job {conflict.job_key}, {conflict.column}", "tf-title")
    return caption + _table(("mine", "theirs", "before"), values)


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    columns = "".join(text_html(name, tag="th", attributes=' scope="col"') for name in head)
    body = "".join("<tr>" + "".join(text_html(cell, tag="td") for cell in line) + "</tr>" for line in lines)
    return f'<table class="tf-cells"><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>'


def _short(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
