"""Texts of others that are HTML, wherever the package makes HTML of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch

import ipywidgets
import pandas as pd

import torc_frames as tf
from tests.trust.fault import Fault, Place
from torc_frames.errors import RefusedError
from torc_frames.widgets.parameters.widget import ParameterEditor
from torc_frames.widgets.parts import Message
from torc_frames.widgets.progress.widget import Monitor
from torc_frames.widgets.records.widget import RecordEditor
from torc_frames.widgets.sweeps.axes import Axis
from torc_frames.widgets.sweeps.widget import SweepBuilder
from torc_frames.widgets.table.grid import Grid

_MARK = "tfx"
PAYLOADS = (
    *(
        "<script>tfx()</script>",
        "<ScRiPt src=//tfx>",
        "<script/tfx>",
        "</script><script>tfx()</script>",
        "<<tfx>",
    ),
    *(
        "<img src=x onerror=tfx()>",
        "<img/src=x/onerror=tfx()>",
        "<IMG SRC=javascript:tfx()>",
        "<img src='tfx",
    ),
    *(
        "<svg onload=tfx()>",
        "<svg><script>tfx()</script></svg>",
        "<svg/onload=tfx()//",
        "<math><tfx>",
        "<body onload=tfx()>",
    ),
    *(
        "<iframe src=javascript:tfx()>",
        "<iframe srcdoc='<tfx>'>",
        "<object data=tfx>",
        "<embed src=tfx>",
        "<base href=//tfx>",
    ),
    *(
        "<a href=javascript:tfx()>tfx</a>",
        "<form action=tfx><input>",
        "<button formaction=tfx>",
        "<details open ontoggle=tfx()>",
    ),
    *(
        "<input autofocus onfocus=tfx()>",
        "<video><source onerror=tfx()>",
        "<marquee onstart=tfx()>",
        "<style>@import 'tfx'</style>",
    ),
    *(
        "<link rel=stylesheet href=tfx>",
        "<meta http-equiv=refresh content=0;tfx>",
        "<!--tfx",
        "--><tfx>",
        "<!DOCTYPE tfx>",
    ),
    *(
        "<?tfx ?>",
        "<![CDATA[<tfx>]]>",
        '"><tfx>',
        "'><tfx>",
        '" onmouseover=tfx() x="',
        "' onmouseover='tfx()",
        "`onload=tfx()`",
    ),
    *(
        "</span><tfx>",
        "</td></tr></table><tfx>",
        "</div></div><tfx>",
        "</pre><tfx>",
        "</b></p><tfx>",
        "</caption><tfx>",
    ),
    *(
        "</title></textarea></noscript><tfx>",
        "<tfx\0>",
        "<tfx\t/onload=1>",
        "&lt;tfx&gt;<tfx>",
        "&#60;tfx&#62;",
        "<b tfx>$x$</b>",
    ),
    *(
        "{{tfx}}<tfx>",
        "<x:tfx xmlns:x='tfx'>",
        "\u003ctfx\u003e",
        "\uff1ctfx\uff1e<tfx>",
        "<tfx \u202e>",
        "\u2028<tfx>\u2029",
    ),
)
_TAGS = frozenset(
    [
        "div",
        "span",
        "p",
        "b",
        "ul",
        "li",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "br",
        "style",
        "img",
        "section",
        "summary",
        "details",
        "svg",
        "path",
    ]
)
_DRAWING = ("height", "d", "fill")
_OF_TABLES = ("id", "colspan", "type")
_ATTRIBUTES = frozenset(
    [
        "class",
        "role",
        "scope",
        "style",
        "tabindex",
        "width",
        "alt",
        "src",
        "title",
        "open",
        *_OF_TABLES,
        *_DRAWING,
    ]
)
_TEXTS = ("alt", "title", "aria-label", "aria-valuetext", "aria-description")
_EMPTY = frozenset({"br", "img"})


class _Structure(HTMLParser):
    """What of a page is no text; everything must be ours, and closed where it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, f"an element <{tag}>"
        for name, value in attrs:
            assert name in _ATTRIBUTES or name.startswith("aria-"), f"an attribute {name} of <{tag}>"
            assert name in _TEXTS or _MARK not in (value or ""), f"{name}={value} of <{tag}>"
            self.text += (value or "") if name in _TEXTS else ""
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        assert self.open[-1:] != ["style"] or _MARK not in data, "a style"
        self.text += data

    def _never(self, data: str) -> None:
        raise AssertionError(f"a declaration, comment or instruction: {data}")

    handle_comment = handle_decl = handle_pi = unknown_decl = _never


def text_of(page: str) -> str:
    """Return the text of a page of which nothing but text may be from a payload."""
    parser = _Structure()
    parser.feed(page)
    parser.close()
    assert not parser.open, f"not closed: {parser.open}"
    return parser.text


def _pages(*boxes: ipywidgets.Widget) -> Iterator[str]:
    """Yield the HTML of widgets, and of what is in them."""
    for box in boxes:
        if isinstance(box, ipywidgets.HTML | ipywidgets.HTMLMath):
            yield box.value
        assert not getattr(box, "description_allow_html", False)
        yield from _pages(*getattr(box, "children", ()))


def _static(shown: object) -> str:
    bundle = shown._repr_mimebundle_()  # type: ignore[attr-defined]
    return str((bundle[0] if isinstance(bundle, tuple) else bundle)["text/html"])


class _Study:
    """A workflow of which all names and values are a payload."""

    def __init__(self, folder: Path, bad: str) -> None:
        self.bad = bad
        self.client = tf.connect(folder / "study.db")
        self.workflow = self.client.create_workflow(bad)
        self.frame = pd.DataFrame({bad: [bad, "y"], "n": [1, 2]})

    def close(self) -> None:
        self.client.close()


def _plan(study: _Study) -> Iterator[str]:
    pushed = study.workflow.push(study.frame, name=study.bad + " {n}", command="exit 1", show_progress=False)
    pushed[study.bad] = study.bad + "2"
    yield study.workflow.plan(pushed)._repr_html_()
    yield study.workflow.plan(pushed.head(1), delete=pushed.index[1:].tolist())._repr_html_()


def _parameters(study: _Study) -> Iterator[str]:
    # What is told is drawn by the front end, which makes texts of texts: see the tests in a browser.
    editor = ParameterEditor(study.workflow)
    with closing(editor):
        column = [each.name for each in editor.sheet.columns].index(study.bad)
        editor.sheet.set_texts([(0, column, study.bad + "3")])
        yield _static(editor)
        editor.plan()
        yield _static(editor)


def _record(study: _Study) -> Iterator[str]:
    [key] = study.workflow.add_user_data(None, {study.bad: study.bad, "list": [study.bad]})
    editor = RecordEditor(study.workflow, key)
    form = editor.session.form
    typed = form.find("list", 0)
    escaped = form.node(typed).kind == "escaped"  # of letters that no field shows as they are
    form.set_text(typed, json.dumps(study.bad + "5") if escaped else study.bad + "5")
    study.workflow.update_user_data(key, {study.bad: study.bad + "6", "list": []})
    editor.save()
    yield from _pages(editor)
    editor.close()


def _monitor(study: _Study) -> Iterator[str]:
    study.workflow.run(workers=2, show_progress=False)
    monitor = Monitor(study.workflow)
    yield _static(monitor)
    monitor.close()


def _sweep(study: _Study) -> Iterator[str]:
    builder = SweepBuilder()
    builder.model.axes = [Axis(study.bad, texts={"values": json.dumps(study.bad)})]
    for where in (study.bad, ""):
        builder.model.where = where
        builder.show()
        assert builder._latest.wait()
        yield builder._still()
    builder.close()


def _table(study: _Study) -> Iterator[str]:
    editor = ParameterEditor(study.workflow)
    table = Grid(editor.sheet, label=study.bad)
    data, _metadata = table._repr_mimebundle_()
    yield str(data["text/html"])
    table.close()
    editor.close()


def _first_sight(study: _Study) -> Iterator[str]:
    wf, client = study.workflow, study.client
    for key, job in enumerate(wf.jobs().index):
        wf.job(job).store(**{study.bad: study.bad, "loss": key})
    file = Path(client._store.base or ".") / "file.bin"
    file.write_bytes(b"x")
    report, pointer = client.copy(wf, show_progress=False), tf.Pointer(file)
    object.__setattr__(pointer, "path", f"{study.bad}")
    frame = wf.table()
    wf.job(job).store(loss=9.0)
    seen = [client, wf, wf.job(job), report, client.compare(wf, report.workflow), wf.refresh(frame), pointer]
    for one in seen:
        page = one._repr_html_()
        assert str(one.describe()).replace("\n", "").isprintable()
        yield page


def _print(study: _Study) -> Iterator[str]:
    bad = study.bad
    table = study.frame.rename(columns={bad: f"params.{bad}", "n": f"results.{bad}"})
    name = f"results.{bad}"
    options = {"units": {name: bad}, "groups": {bad: name}, "better": {name: "min"}}
    yield tf.tabulate(table, caption=bad, **options).to_html()  # type: ignore[arg-type]


def _told(study: _Study) -> Iterator[str]:
    message = Message()
    for what in (study.bad, f"a\n{study.bad}"):
        message.say(what, "error")
        yield message.value
        message.fail(RefusedError(what))
        yield message.value
    message.close()


_PLACES: tuple[Callable[[_Study], Iterator[str]], ...] = (
    *(_plan, _first_sight, _parameters, _record, _monitor, _sweep, _table, _print, _told),
)


def _attempt(place: Place) -> int:
    """Show a payload in every place, and look for anything of it that is more than text."""
    bad = PAYLOADS[place.number % len(PAYLOADS)]
    pages = 0
    drafts = {"TORC_FRAMES_DRAFTS": str(place.folder / "drafts")}
    with patch.dict(os.environ, drafts), closing(_Study(place.folder, bad)) as study:
        for show in _PLACES:
            texts = [text_of(page) for page in show(study)]
            assert any(_MARK in text for text in texts), f"{show.__name__} shows nothing of it"
            pages += sum(_MARK in text for text in texts)
    return pages


FAULTS = [
    Fault(
        "names, values, commands, filters and messages that are HTML, in plans, editors, tables, "
        "monitor and sweeps: no element, attribute or comment of a page comes from them",
        "widgets",
        small=1,
        full=len(PAYLOADS),
        attempt=_attempt,
    )
]
