"""The base of the editors: one anywidget, drawn by one front end over what Python holds."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, Protocol

import anywidget
import traitlets
from IPython.display import display

from torc_frames.errors import TorcFramesError
from torc_frames.widgets.app import messages
from torc_frames.widgets.app.modules import LOADER, module, versions
from torc_frames.widgets.app.stills import beside

__all__ = ["FAILURES", "App", "Part"]

FAILURES = (TorcFramesError, OSError, ImportError)
"""What an action may fail with for reasons that a note tells; anything else is a mistake of ours."""

Tone = Literal["info", "good", "warning", "error"]


class Part(Protocol):
    """A part of an editor with messages of its own, such as a grid."""

    def obey(self, content: Any) -> None:
        """Do what a message of the page asks."""


class App(anywidget.AnyWidget):
    """A widget whose page is drawn by the front end's editor of a name.

    What the page shows is told by `_show`, which sends what has changed; what it sends is read as one of
    `_messages` and given to `_obey`. Messages are dealt with one at a time, with `_lock` held.

    Parameters
    ----------
    label : str
        What it is, for those who can't see it.
    height : int
        In pixels, the most that its table takes.
    lock : context manager, optional
        The lock of what it shows.
    """

    _esm = LOADER
    _editor = traitlets.Unicode().tag(sync=True)
    _assets = traitlets.Dict().tag(sync=True)
    _key = traitlets.Unicode().tag(sync=True)
    _label = traitlets.Unicode().tag(sync=True)
    _height = traitlets.Int().tag(sync=True)

    _messages: ClassVar[Any] = messages.Ping
    """The messages of this editor, a union of `messages.Op`; those of all editors are read besides."""

    def __init__(
        self, *, label: str, height: int = 420, lock: AbstractContextManager[Any] | None = None, **traits: Any
    ) -> None:
        super().__init__(_assets=versions(), _key=uuid.uuid4().hex, _label=label, _height=height, **traits)
        self._lock = lock or threading.RLock()
        self._parts: dict[str, Part] = {}
        self._state: dict[str, Any] = {}
        self._showing = threading.RLock()
        """Held while a state is sent, for as long; nothing is waited for under it."""

        self._kinds = self._messages | messages.Open | messages.Ping | messages.Asset
        self.on_msg(self._on_message)

    def _still(self) -> str:
        """Return what is shown where no kernel answers, as HTML whose texts are escaped."""
        return ""

    def _ipython_display_(self, **_kwargs: Any) -> None:
        """Show the still and, in an output of its own, the live view, which hides it.

        Of one output that had both, JupyterLab would show "model not found" when no kernel has the widget.
        """
        still = {"text/plain": repr(self), "text/html": beside(self._key, self._still())}
        display(still, raw=True)  # type: ignore[no-untyped-call]
        shown = super()._repr_mimebundle_()
        if shown is not None:
            data, metadata = shown
            # Nothing of it is shown where there is no view: the still has said it.
            live = {kind: each for kind, each in data.items() if kind != "text/plain"}
            display({**live, "text/html": "<span></span>"}, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return both in one, for whatever has only one place."""
        shown = super()._repr_mimebundle_(**kwargs)
        if shown is None:
            return None
        data, metadata = shown
        return {**data, "text/html": self._still()}, metadata

    def _obey(self, message: Any) -> None:
        """Do what one of `_messages` asks."""
        raise NotImplementedError

    def _show(self, **fields: Any) -> None:
        """Tell all pages what they show, as JSON has it; what they know already isn't sent again."""
        with self._showing:
            changed = {
                name: value for name, value in fields.items() if self._state.get(name, _UNTOLD) != value
            }
            self._state |= changed
            if changed:
                self.send({"kind": "state", **changed})

    def _answer(self, id: str, *, buffers: Sequence[bytes] = (), **fields: Any) -> None:
        """Tell what was asked for by a message of an id."""
        self.send({"kind": "answer", "id": id, **fields}, buffers=list(buffers))

    def _tell(self, text: str, tone: Tone = "info") -> None:
        """Tell a person something; an empty text takes back what was told."""
        self.send({"kind": "note", "text": text, "tone": tone})

    def _sender(self, part: str) -> Any:
        """Return what sends a part's messages."""

        def send(content: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
            self.send({"from": part, **content}, buffers=list(buffers))

        return send

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        with self._lock:
            try:
                self._deal_with(content)
            except FAILURES as error:
                self._tell(str(error), "error")
            except BaseException as error:
                self._tell(f"This failed: {type(error).__name__}: {error}", "error")
                raise

    def _deal_with(self, content: Any) -> None:
        name = content.get("to", "") if isinstance(content, dict) else ""
        part = self._parts.get(name) if isinstance(name, str) else None
        if part is not None:
            part.obey({key: value for key, value in content.items() if key != "to"})
            return
        match messages.read(content, self._kinds, "this widget"):
            case messages.Open():
                self._greet()
            case messages.Ping():
                self.send({"kind": "pong"})
            case messages.Asset(name=name) if name in self._assets:
                self.send({"kind": "asset", "name": name}, buffers=[module(name)])
            case messages.Asset():
                self._tell("the page asks for what there is not: run the cell again", "error")
            case message:
                self._obey(message)

    def _greet(self) -> None:
        """Tell a page that knows nothing yet all that it shows."""
        self.send({"kind": "state", **self._state})


_UNTOLD = object()
