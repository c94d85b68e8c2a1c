"""Small pieces that the widgets share: styles, texts that are only texts, messages, buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal

import ipywidgets as widgets
from anywidget import AnyWidget

from torc_frames.widgets.app.app import FAILURES

__all__ = [
    "FAILURES",
    "UNLABELLED",
    "Ask",
    "Message",
    "button",
    "close_inside",
    "html",
    "label",
    "root",
    "row",
    "text_html",
]


UNLABELLED = "tf-unlabelled"
"""The class of controls whose description is for screen readers only."""

Tone = Literal["info", "good", "warning", "error"]

_STATIC = Path(__file__).parent / "static"

_MARKS: dict[str, str] = {"info": "", "good": "✓ ", "warning": "⚠ ", "error": "✗ "}

_LONGEST_LABEL = 48
_FULL_WIDTH = 0xFEE0
_PICTURES = 0x2400
"""How far from ASCII characters their full width is, and the pictures of control characters."""


def text_html(text: object, css: str = "", *, tag: str = "span", attributes: str = "") -> str:
    """Return any text as HTML that shows it as it is: no markup and no formulas.

    Examples
    --------
    >>> text_html("<b> costs $1$", "tf-title")
    '<span class="mathjax_ignore tex2jax_ignore tf-title">&lt;b&gt; costs $1$</span>'
    """
    names = f"mathjax_ignore tex2jax_ignore {css}".rstrip()
    return f'<{tag} class="{names}"{attributes}>{escape(str(text), quote=False)}</{tag}>'


def label(text: object) -> str:
    r"""Return any text as a widget's description: short, in one line, and no formula.

    Dollar signs and backslashes, which begin formulas there, become those of full width.

    Examples
    --------
    >>> label("model.depth"), label("a\nb"), "$" in label("$x$")
    ('model.depth', 'a␊b', False)
    """
    line = "".join(_shown(character) for character in str(text))
    return line if len(line) <= _LONGEST_LABEL else f"{line[: _LONGEST_LABEL - 1]}…"


def html(content: str = "", css: str = "") -> widgets.HTML:
    """Return a widget of HTML; whatever comes from elsewhere has to be made by `text_html`."""
    made = widgets.HTML(content)
    if css:
        made.add_class(css)
    return made


def root(children: Sequence[widgets.Widget], *, sheet: str = "") -> widgets.VBox:
    """Return the outermost box of a widget, which brings the styles: those of a sheet in ``static``, too.

    Keys that are pressed inside stay inside: for a notebook, "a" and "dd" are commands.
    """
    sheets = "".join((_STATIC / f"{name}.css").read_text() for name in ("parts", sheet) if name)
    style = widgets.HTML(f"<style>{sheets}</style>", layout={"display": "none"})
    keys = AnyWidget(_esm=(_STATIC / "keys.js").read_text(), layout={"display": "none"})
    box = widgets.VBox([style, *children, keys])
    box.add_class("tf-widget")
    return box


def row(*children: widgets.Widget) -> widgets.HBox:
    """Return widgets side by side, in as many lines as it takes."""
    box = widgets.HBox(children)
    box.add_class("tf-row")
    return box


def close_inside(box: widgets.Widget) -> None:
    """Close all widgets inside of a box, which ipywidgets leaves open.

    A box that stays open and has a closed one inside keeps the kernel from telling any page of its widgets.
    """
    for child in getattr(box, "children", ()):
        close_inside(child)
        child.close()


class Message(widgets.HTML):
    """A line for what there is to say, which screen readers say, too."""

    def say(self, text: str, tone: Tone = "info") -> None:
        """Show a text; an empty one takes the line away."""
        role = "alert" if tone == "error" else "status"
        shown = f"{_MARKS[tone]}{text}" if text else ""
        self.value = text_html(shown, f"tf-message tf-{tone}", tag="div", attributes=f' role="{role}"')

    def fail(self, error: BaseException) -> None:
        """Show an error."""
        self.say(str(error) or type(error).__name__, "error")

    def clear(self) -> None:
        """Take the line away."""
        self.say("")


class Ask(widgets.VBox):
    """A question before something that can't be taken back; hidden until it is asked.

    The button that does nothing has the focus then, and Escape presses it.
    """

    def __init__(self) -> None:
        self._text = html()
        self._yes = widgets.Button(button_style="danger", layout={"width": "auto"})
        self._no = widgets.Button(
            description="Cancel", tooltip="Cancel: nothing is done", layout={"width": "auto"}
        )
        self._no.add_class("tf-cancel")
        self._then: Callable[[], Any] = lambda: None
        self._back: widgets.Button | None = None
        self._yes.on_click(lambda _: self._answer(True))
        self._no.on_click(lambda _: self._answer(False))
        super().__init__([self._text, row(self._yes, self._no)], layout={"display": "none"})
        self.add_class("tf-ask")

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for."""
        return bool(self.layout.display != "none")

    def ask(self, question: str, yes: str, then: Callable[[], Any], back: widgets.Button) -> None:
        """Ask.

        Parameters
        ----------
        question : str
        yes : str
            What the button does, which calls `then`.
        then : callable
        back : Button
            What has the focus afterwards.
        """
        self._then, self._back = then, back
        self._text.value = text_html(question, "tf-message tf-warning", tag="div", attributes=' role="alert"')
        self._yes.description = label(yes)
        self._yes.tooltip = label(yes)
        self.layout.display = ""
        self._no.focus()

    def close_question(self) -> None:
        """Take the question off the page, unanswered."""
        self.layout.display = "none"
        self._text.value = ""

    def _answer(self, yes: bool) -> None:
        if not self.is_open:
            return
        self.close_question()
        if self._back is not None:
            self._back.focus()
        if yes:
            self._then()


def button(
    text: str,
    action: Callable[[], Any],
    *,
    message: Message | None = None,
    icon: str = "",
    tooltip: str = "",
    style: Literal["", "primary", "warning", "danger", "success"] = "",
) -> widgets.Button:
    """Return a button that shows that it is busy while its action lasts, and why it failed in `message`.

    Without a text it shows its icon only, and its tooltip is its name for screen readers.
    """
    made = widgets.Button(
        description=text,
        icon=icon,
        tooltip=label(tooltip or text),
        button_style=style,
        layout={"width": "auto"},
    )
    if not text:
        made.add_class("tf-icon")

    def on_click(_: widgets.Button) -> None:
        made.add_class("tf-busy")
        try:
            action()
        except FAILURES as error:
            if message is None:
                raise
            message.fail(error)
        finally:
            made.remove_class("tf-busy")

    made.on_click(on_click)
    return made


def _shown(character: str) -> str:
    if character in "$\\":
        return chr(ord(character) + _FULL_WIDTH)
    if ord(character) < ord(" "):
        return chr(ord(character) + _PICTURES)
    return character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
