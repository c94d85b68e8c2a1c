"""The grid in a real JupyterLab: painting, editing, jumping, pasting; beside ipydatagrid and itables."""

from __future__ import annotations

import importlib
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import Report, Row, markdown
from benchmarks.report import Say

__all__ = ["report"]

SIZES = ((1_000, 10), (100_000, 20))
_REPEATS = 5
_EDITS = 40
_PASTED = (100, 10)
_MOST_RATIO, _MOST_MB, _MOST_EDIT_MS = 2.0, 0.5, 80.0

_SETUP = """
import time
import numpy as np, pandas as pd
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.grid import Grid

def frame(rows, columns):
    random = np.random.default_rng(0)
    kinds = [lambda: random.normal(size=rows).round(6), lambda: random.integers(0, 10**6, rows),
             lambda: [f"text {at}" for at in range(rows)], lambda: random.random(rows) < 0.5]
    return pd.DataFrame({f"c{at}": kinds[at % 4]() for at in range(columns)})

frames = {size: frame(*size) for size in SIZES}
heard = []
class Heard(Sheet):
    def set_texts(self, cells):
        super().set_texts(cells)
        heard.append(time.time())
    def paste(self, block, text):
        super().paste(block, text)
        heard.append(time.time())
"""

_OURS = "Grid(FrameSource(frames[{rows}, {columns}]), label='Numbers')"
_SHEET = "Grid(Heard(frames[{rows}, {columns}]), label='Numbers')"
_PEERS = {
    "ipydatagrid": "from ipydatagrid import DataGrid; DataGrid(frames[{rows}, {columns}])",
    "itables": (
        "from itables import init_notebook_mode, show; init_notebook_mode(connected=False); "
        "show(frames[{rows}, {columns}])"
    ),
}
_EDITED_PEER = """
from ipydatagrid import DataGrid
peer = DataGrid(frames[{rows}, {columns}], editable=True, selection_mode="cell")
peer.on_cell_change(lambda change: heard.append(time.time()))
peer
"""

# Runs a cell, and says how long it is until a row of its output is painted: as an element, or on a canvas.
_PAINT_JS = """async cell => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = cell;
  const painted = () => {
    const output = panel.content.widgets[cell].outputArea.node;
    if (output.querySelector('.slick-cell:not(:empty), tbody td:not(:empty):not([colspan])')) return true;
    return [...output.querySelectorAll('canvas')].some(canvas => {
      if (!canvas.width || !canvas.height || canvas.height < 60) return false;
      const { data } = canvas.getContext('2d').getImageData(0, 40, Math.min(300, canvas.width), 60);
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] > 128 && data[at] + data[at + 1] + data[at + 2] < 300) return true;
      }
      return false;
    });
  };
  const start = performance.now();
  const ran = window.jupyterapp.commands.execute('notebook:run-cell');
  const seconds = await new Promise((resolve, reject) => {
    const look = () => {
      const passed = (performance.now() - start) / 1000;
      if (painted()) resolve(passed);
      else if (passed > 120) reject(new Error('nothing was painted'));
      else requestAnimationFrame(look);
    };
    look();
  });
  await ran;
  return seconds;
}"""
_STAMP_JS = """() => {
  window.stamps = [];
  for (const name of ['keydown', 'paste']) {
    document.addEventListener(name, event => {
      if (name === 'paste' || event.key === 'Enter') {
        window.stamps.push((performance.timeOrigin + performance.now()) / 1000);
      }
    }, true);
  }
}"""


@dataclass(frozen=True, slots=True)
class Painted:
    """How a widget shows a table for the first time: seconds until rows are seen, MB sent to the browser."""

    name: str
    size: tuple[int, int]
    seconds: float
    megabytes: float


class _Browser:
    """A JupyterLab with one notebook at a time, and a count of the bytes that come to its page."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
        jupyter: Any = importlib.import_module("jupyter")
        server = stack.enter_context(jupyter.jupyter_server("lab", folder / "lab"))
        self._lab = stack.enter_context(jupyter.jupyter(server, stack.enter_context(jupyter.chromium())()))
        self.received = 0

    def open(self, *cells: str) -> Any:
        notebook = self._lab.open(f"SIZES = {SIZES}{_SETUP}", *cells)
        notebook.page.on("websocket", self._count)
        notebook.load()
        notebook.run(0)
        return notebook

    def close(self, notebook: Any) -> None:
        notebook.page.close()
        # itables writes some there; what the grid does is checked by its tests.
        self._lab.errors.clear()

    def _count(self, socket: Any) -> None:
        socket.on("framereceived", self._received)

    def _received(self, payload: str | bytes) -> None:
        self.received += len(payload)


def report(folder: Path, _sizes: Sequence[int], say: Say) -> Report:
    """Measure the grid in a browser."""
    with ExitStack() as stack:
        browser = _Browser(folder, stack)
        say("grids, first paint")
        painted = _paints(browser)
        say("grids, edits")
        acts = _acts(browser)
    parts = ["### Grids: first paint", _paint_table(painted), "### Grids: edits", _act_table(acts)]
    return Report("\n\n".join([_versions(), *parts]), facts=[_fact(painted, acts)])


def _fact(painted: Sequence[Painted], acts: Sequence[tuple[str, str, float, str, float | None]]) -> str:
    rows, columns = SIZES[-1]
    each = [
        f"{one.name} {one.seconds:.2f} s and {one.megabytes:.1f} MB"
        for one in painted
        if one.size == SIZES[-1]
    ]
    return (
        f"A grid of {rows:,} rows and {columns} columns, from its cell to its first rows, and what is sent: "
        f"{', '.join(each)}. From Enter to the edit in Python it takes {acts[0][2]:.0f} ms."
    )


def _versions() -> str:
    names = ["jupyterlab", "anywidget", *(name for name in _PEERS if find_spec(name))]
    return f"{', '.join(f'{name} {metadata.version(name)}' for name in names)}, in Chromium without a window."


def _paints(browser: _Browser) -> list[Painted]:
    """Paint each table with each widget in turn, in one notebook; the first round warms up."""
    makers = {"torc_frames": _OURS, **{name: code for name, code in _PEERS.items() if find_spec(name)}}
    wanted = [(name, size) for size in SIZES for name in makers]
    codes = [makers[name].format(rows=size[0], columns=size[1]) for name, size in wanted]
    found: dict[tuple[str, tuple[int, int]], list[tuple[float, int]]] = {each: [] for each in wanted}
    for _round in range(_REPEATS + 1):
        notebook = browser.open(*codes)
        for cell, each in enumerate(wanted, 1):
            browser.received = 0
            seconds = notebook.page.evaluate(_PAINT_JS, cell)
            found[each].append((seconds, browser.received))
            notebook.page.evaluate("window.jupyterapp.commands.execute('notebook:clear-cell-output')")
        browser.close(notebook)
    return [
        Painted(
            name,
            size,
            statistics.median(s for s, _ in runs[1:]),
            statistics.median(b for _, b in runs[1:]) / 1e6,
        )
        for (name, size), runs in found.items()
    ]


def _acts(browser: _Browser) -> list[tuple[str, str, float, str, float | None]]:
    """Return what was done, on what, milliseconds, what is to be kept, and its limit."""
    rows, columns = SIZES[-1]
    notebook = browser.open(_SHEET.format(rows=rows, columns=columns))
    notebook.page.evaluate(_STAMP_JS)
    notebook.page.evaluate(_PAINT_JS, 1)
    grid = notebook.output(1).get_by_role("grid")
    grid.locator(".slick-row .slick-cell.l1").first.click()
    edits = _edits(notebook, [str(at) for at in range(_EDITS)])
    pasted = _paste(notebook)
    jump = _jump(notebook, rows, columns)
    browser.close(notebook)
    size = f"{rows:,} x {columns}"
    found: list[tuple[str, str, float, str, float | None]] = [
        (f"Enter → Python, median of {_EDITS}", size, edits, "torc_frames", _MOST_EDIT_MS),
        (f"paste of {_PASTED[0] * _PASTED[1]:,} cells → Python", size, pasted, "torc_frames", None),
        ("Ctrl+End → last row painted", size, jump, "torc_frames", None),
    ]
    if find_spec("ipydatagrid"):
        found.append(
            (found[0][0], f"{SIZES[0][0]:,} x {SIZES[0][1]}", _peer_edits(browser), "ipydatagrid", None)
        )
    return found


def _edits(notebook: Any, typed: Sequence[str]) -> float:
    """Type into cells one below the other; milliseconds from Enter to when Python has the value."""
    notebook.execute("heard.clear()")
    notebook.page.evaluate("window.stamps.length = 0")
    keyboard = notebook.page.keyboard
    for count, text in enumerate(typed, 1):
        keyboard.type(text)
        keyboard.press("Enter")
        notebook.wait_for("len(heard)", count)
    return _between(notebook)


def _between(notebook: Any) -> float:
    stamps = notebook.page.evaluate("window.stamps")
    heard = notebook.value("heard")
    return float(statistics.median((b - a) * 1e3 for a, b in zip(stamps[-len(heard) :], heard, strict=True)))


def _paste(notebook: Any) -> float:
    lines = ["\t".join(["0.5", "1", "text", "true"] * 3).split("\t")[: _PASTED[1]]] * _PASTED[0]
    notebook.copy("\n".join("\t".join(line) for line in lines))
    found = []
    for _ in range(_REPEATS):
        notebook.execute("heard.clear()")
        notebook.page.evaluate("window.stamps.length = 0")
        notebook.page.keyboard.press("Control+Home")
        notebook.page.keyboard.press("Control+v")
        notebook.wait_for("len(heard)", 1)
        found.append(_between(notebook))
    return statistics.median(found)


def _jump(notebook: Any, rows: int, columns: int) -> float:
    """Return the milliseconds from the key to the text of the last cell; rows are fetched the first time."""
    return float(
        notebook.page.evaluate(
            """([row, column]) => new Promise(resolve => {
              const grid = document.querySelector('[role=grid]');
              const start = performance.now();
              grid.dispatchEvent(new KeyboardEvent('keydown', {key: 'End', ctrlKey: true, bubbles: true}));
              const look = () => {
                const line = grid.querySelector(`[aria-rowindex='${row + 2}']`);
                const cell = line?.querySelector(`[aria-colindex='${column + 1}']`);
                if (cell?.textContent) resolve(performance.now() - start);
                else requestAnimationFrame(look);
              };
              look();
            })""",
            [rows - 1, columns - 1],
        )
    )


def _peer_edits(browser: _Browser) -> float:
    notebook = browser.open(_EDITED_PEER.format(rows=SIZES[0][0], columns=SIZES[0][1]))
    notebook.page.evaluate(_STAMP_JS)
    notebook.page.evaluate(_PAINT_JS, 1)
    box = notebook.output(1).locator("canvas").first.bounding_box()
    notebook.page.mouse.click(box["x"] + 180, box["y"] + 30)
    notebook.execute("heard.clear()")
    found = _edits(notebook, [str(at + 0.5) for at in range(_EDITS)])
    browser.close(notebook)
    return found


def _paint_table(painted: Sequence[Painted]) -> str:
    ours = {each.size: each for each in painted if each.name == "torc_frames"}
    small = ours[SIZES[0]].seconds
    rows = []
    for each in painted:
        rows_shown = f"{each.size[0]:,} x {each.size[1]}"
        cells = [each.name, rows_shown, f"{each.seconds:.2f}", f"{each.megabytes:.2f}"]
        cells.append(f"{each.seconds / ours[each.size].seconds:.1f}")
        if each is ours[SIZES[-1]]:
            met = each.seconds <= _MOST_RATIO * small and each.megabytes < _MOST_MB
            targets = f"≤ {_MOST_RATIO:g} x {small:.2f} s, < {_MOST_MB:g} MB"
            cells += [targets, "yes" if met else "no"]
        else:
            cells += ["", ""]
        rows.append(Row(cells))
    heads = ["", "table", "seconds to the first rows", "MB to the browser", "times ours", "target", "met"]
    return markdown(heads, rows)


def _act_table(acts: Sequence[tuple[str, str, float, str, float | None]]) -> str:
    rows = []
    for what, size, milliseconds, name, limit in acts:
        judged = ["", ""] if limit is None else [f"< {limit:g}", "yes" if milliseconds < limit else "no"]
        rows.append(Row([what, name, size, f"{milliseconds:.0f}", *judged]))
    return markdown(["", "widget", "table", "ms", "target", "met"], rows)
