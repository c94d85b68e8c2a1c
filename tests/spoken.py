"""An editor's page without a browser: what it says to Python, and what it is told.

page = Spoken(editor)
page.say("review")
assert page.state["review"]["summary"] == "…"
"""

from __future__ import annotations

from typing import Any

__all__ = ["Spoken"]


class Spoken:
    """A page of an `App`, which has opened.

    Attributes
    ----------
    state : dict
        What Python has told, merged as a page does it.
    notes : list of str
    grid : list of dict
        What the grid was told.
    """

    def __init__(self, editor: Any) -> None:
        self.editor = editor
        self.state: dict[str, Any] = {}
        self.notes: list[str] = []
        self.grid: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        editor.send = self._hear
        self.say("open")

    def say(self, op: str, **fields: Any) -> None:
        """Say something, and wait until what it begins has ended."""
        self.begin(op, **fields)
        self.editor.wait(60)

    def begin(self, op: str, **fields: Any) -> None:
        """Say something."""
        self.editor._on_message(self.editor, {"op": op, **fields}, [])

    @property
    def told(self) -> str:
        """The note that is on the page."""
        return self.notes[-1] if self.notes else ""

    def _hear(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append(content)
        kind = content["kind"]
        if "from" in content:
            self.grid.append(content)
        elif kind == "state":
            self.state |= {name: value for name, value in content.items() if name != "kind"}
        elif kind == "note":
            self.notes.append(content["text"])
