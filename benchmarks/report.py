"""The measurements of the embedded store and of start-up in one run, as Markdown."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import torc_frames as tf
from benchmarks import (
    curves,
    editing,
    imports,
    many,
    mapping,
    memory,
    peers,
    pull,
    push,
    refreshing,
    small,
    streams,
    where,
)
from benchmarks.measure import Ratio, Report, Row, Timings, markdown
from benchmarks.peers import Peer

__all__ = ["Say", "embedded", "judged", "linear_table", "machine", "many_table"]

Say = Callable[[str], None]

_PULL_RATIO, _PUSH_RATIO = 1.4, 2.0
_LINEAR = 1.5
_WHERE_RATIO = 2.0
_CURVE_RATIO = 2.0
_REFRESH = 0.05
_MANY_RATIO = 1.3
_VERSIONS = ("pandas", "numpy", "pyarrow", "msgspec", "orjson", "signac", "optuna")
_FLOORS = {
    "user_data": "SELECT + orjson.loads",
    "parameters": "SELECT + orjson.loads",
    "push": "executemany of ready rows",
}


def embedded(folder: Path, sizes: Sequence[int], say: Say) -> Report:
    """Measure the embedded store and start-up."""
    say("start-up")
    starts = imports.measure()
    memories = {length: _memory(folder, length, say) for length in sizes}
    timings = {length: _timings(folder, length, say) for length in sizes}
    say("peers")
    found = peers.measure(folder)
    say("single records")
    single = small.measure(folder)
    say("curves")
    logged = curves.measure(folder)
    say("map")
    mapped = mapping.measure(folder)
    say("edits")
    edits = {length: editing.scripts(folder, length) for length in sizes}
    planned = editing.editor(folder, min(sizes))
    say("refresh")
    refreshed = {length: refreshing.measure(folder, length) for length in sizes}
    say("many workflows")
    several = many.measure(str(folder / "many.db"), min(sizes))
    say("where")
    chosen = {length: where.choosing(folder, length) for length in sizes}
    stored = where.storing(folder)
    say("datasets")
    written = [each for length in sizes for each in streams.measure(folder, length)]
    parts = [
        machine(),
        "### Against the floor",
        _floor_table(timings),
        "### Linear in the number of records",
        linear_table(timings, memories),
        "### Peers",
        _peer_table(found, timings),
        "### Single records",
        _small_table(single),
        "### One result of a job",
        _stored_table(stored),
        "### Curves",
        _curve_table(logged),
        "### A function over a table",
        _map_table(mapped),
        "### Edits",
        _edit_table(edits, min(sizes), *planned),
        "### Refresh",
        _refresh_table(refreshed),
        "### Many workflows",
        many_table(several, min(sizes)),
        "### Rows that a text chooses",
        _chosen_table(chosen),
        "### Datasets",
        _dataset_table(written),
        "### Start-up",
        _start_table(starts),
    ]
    ratios = [
        Ratio(f"`wf.{name}()`", {length: timings[length][name].ratio for length in sizes}, floor)
        for name, floor in _FLOORS.items()
    ]
    facts = _peer_facts(found, timings) + _other_facts(edits, refreshed, mapped, starts)
    return Report("\n\n".join(parts), ratios, facts)


def _peer_facts(found: Sequence[Peer], timings: dict[int, dict[str, Timings]]) -> list[str]:
    base = min(timings)
    ours = timings[base]["parameters"].seconds[0] / base
    times = [
        f"{peer.name}: {peer.timings.seconds[1] / peer.length / ours:,.0f} times as long "
        f"({1 / peer.timings.ratio:,.0f} times on as many records)"
        for peer in found
        if peer.target is not None
    ]
    return [f"A record that is pulled takes {ours * 1e6:.1f} µs. {'; '.join(times)}."]


def _other_facts(
    edits: dict[int, dict[str, Timings]],
    refreshed: dict[int, dict[str, Timings]],
    mapped: Sequence[mapping.Mapped],
    starts: Sequence[imports.Start],
) -> list[str]:
    length = min(edits)
    edited, fresh = edits[length]["push"], refreshed[length]
    times = ", ".join(f"{timing.ratio:.2f} ({name})" for name, timing in fresh.items())
    added = sorted(each.added_ms for each in mapped)
    start = next(each for each in starts if each.name == "`import torc_frames`")
    return [
        f"Pushing one edited row of {length:,} takes {edited.seconds[0] * 1e3:.0f} ms, {edited.ratio:.2f} of "
        f"pulling them; `wf.refresh` where 1% has changed takes, of pulling anew: {times}.",
        f"`wf.map` adds {added[0]:.1f} to {added[-1]:.1f} ms to each call of a function.",
        f"`import torc_frames` takes {(start.seconds or 0) * 1e3:.0f} ms, without pandas.",
    ]


def _memory(folder: Path, length: int, say: Say) -> dict[str, int]:
    say(f"memory, {length:,} records")
    for each in (10, length):
        memory.store_input(folder, each)
    return {kind: memory.measure(folder, kind, length) for kind in memory.KINDS}


def _timings(folder: Path, length: int, say: Say) -> dict[str, Timings]:
    say(f"pulls, {length:,} records")
    found = pull.measure(folder, length)
    say(f"push, {length:,} records")
    return {**found, "push": push.measure(folder, length)}


def machine() -> str:
    """Return on what all is measured."""
    versions = [f"{name} {metadata.version(name)}" for name in _VERSIONS]
    return (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"torc_frames {tf.__version__}, SQLite {sqlite3.sqlite_version}, {', '.join(versions)}."
    )


def _floor_table(timings: dict[int, dict[str, Timings]]) -> str:
    rows = []
    for length, found in timings.items():
        for name, timing in found.items():
            ours, floor = timing.seconds
            cells = [f"`wf.{name}()`", f"{length:,}", f"{ours:.3f}", _FLOORS[name], f"{floor:.3f}"]
            limit = _PUSH_RATIO if name == "push" else _PULL_RATIO
            rows.append(Row([*cells, *judged(timing.ratio, limit)]))
    heads = ["", "records", "seconds", "floor", "floor seconds", "ratio", "target", "met"]
    return markdown(heads, rows)


def linear_table(timings: dict[int, dict[str, Timings]], memories: dict[int, dict[str, int]]) -> str:
    """Return what one record costs at each size, and how that grows."""
    rows = []
    small, large = min(timings), max(timings)
    for name in timings[small]:
        values = {
            "µs a record": {n: found[name].seconds[0] / n * 1e6 for n, found in timings.items()},
            "peak bytes a record": {n: found[name] / n for n, found in memories.items()},
        }
        for what, by_length in values.items():
            ratio = by_length[large] / by_length[small]
            cells = [f"`wf.{name}()`", what, *[f"{by_length[n]:,.2f}" for n in timings]]
            rows.append(Row([*cells, *judged(ratio, _LINEAR, "linear")]))
    return markdown(["", "", *[f"{n:,}" for n in timings], "ratio", "target", "met"], rows)


def _peer_table(found: Sequence[Peer], timings: dict[int, dict[str, Timings]]) -> str:
    rows = []
    base = min(timings)
    at_base = timings[base]["parameters"].seconds[0] / base
    for peer in found:
        ours, theirs = (seconds / peer.length for seconds in peer.timings.seconds)
        for length, our, ratio in (
            (peer.length, ours, 1 / peer.timings.ratio),
            (base, at_base, theirs / at_base),
        ):
            cells = [peer.name, f"{peer.length:,}", f"{theirs * 1e6:,.1f}", f"{length:,}", f"{our * 1e6:.2f}"]
            if peer.target is None:
                rows.append(Row([*cells, f"{ratio:,.0f}", "", ""]))
            else:
                met = "yes" if ratio >= peer.target else "no"
                rows.append(Row([*cells, f"{ratio:,.0f}", f"≥ {peer.target:g}", met]))
    heads = ["peer", "its records", "µs each", "records of `wf.parameters()`", "µs each"]
    return markdown([*heads, "times faster", "target", "met"], rows)


def _curve_table(found: dict[str, tuple[int, Timings]]) -> str:
    rows = []
    for name, (length, timing) in found.items():
        ours, floor = (seconds / length * 1e6 for seconds in timing.seconds)
        cells = [name, f"{length:,}", f"{ours:.2f}", f"{floor:.2f}"]
        rows.append(Row([*cells, *judged(timing.ratio, _CURVE_RATIO)]))
    return markdown(["", "rows", "µs a row", "µs, lines of JSON", "ratio", "target", "met"], rows)


def _small_table(timings: dict[str, Timings]) -> str:
    rows = []
    for name, timing in timings.items():
        ours, alone = (seconds / small.CALLS * 1e6 for seconds in timing.seconds)
        rows.append(Row([name, f"{ours:.1f}", f"{alone:.1f}", f"{timing.ratio:.2f}"]))
    return markdown(["", "µs", "µs, SQLite alone", "ratio"], rows)


def _stored_table(timings: dict[str, Timings]) -> str:
    rows = []
    for name, timing in timings.items():
        calls = where.CALLS if name == where.IN_PYTHON else 1
        ours, floor = (seconds / calls * 1e3 for seconds in timing.seconds)
        rows.append(Row([name, f"{ours:.2f}", f"{floor:.2f}", f"{timing.ratio:.2f}"]))
    return markdown(["", "ms", "ms, an INSERT and its commit", "ratio"], rows)


def _chosen_table(timings: dict[int, dict[tuple[str, float], Timings]]) -> str:
    rows = []
    for length, found in timings.items():
        for (kind, share), timing in found.items():
            ours, floor = timing.seconds
            name = f'`wf.{kind}(where="loss < {share:g}")`'
            cells = [name, f"{length:,}", f"{length * share:,.0f}", f"{ours:.3f}", f"{floor:.3f}"]
            rows.append(Row([*cells, *judged(timing.ratio, _WHERE_RATIO)]))
    heads = ["", "records", "rows", "seconds", "seconds, sqlite3 and orjson", "ratio", "target", "met"]
    return markdown(heads, rows)


def _map_table(found: Sequence[mapping.Mapped]) -> str:
    rows = []
    for each in found:
        ours, bare = (seconds / mapping.LENGTH * 1e3 for seconds in each.timings.seconds)
        met = "yes" if each.added_ms < mapping.TARGET_MS else "no"
        cells = [each.name, f"{mapping.LENGTH:,}", f"{ours:.2f}", f"{bare:.2f}", f"{each.added_ms:.2f}"]
        rows.append(Row([*cells, f"< {mapping.TARGET_MS:g}", met]))
    heads = ["executor", "jobs", "`wf.map()`, ms a job", "`executor.map()`, ms a call", "added, ms", "target"]
    return markdown([*heads, "met"], rows)


def _dataset_table(written: Sequence[streams.Written]) -> str:
    rows = []
    for each in written:
        name = f'`wf.to_parquet("{each.what}")`'
        sizes = [f"{each.seconds:.2f}", f"{each.size_mb:.0f}", f"{each.peak_mb:.0f}"]
        met = "yes" if each.peak_mb <= streams.TARGET_MB else "no"
        rows.append(Row([name, f"{each.length:,}", *sizes, f"≤ {streams.TARGET_MB:g}", met]))
    return markdown(["", "records", "seconds", "MB of files", "MB resident at most", "target", "met"], rows)


def _edit_table(
    timings: dict[int, dict[str, Timings]], editor_length: int, editor: Timings, snapshots: int
) -> str:
    rows = []
    for length, found in timings.items():
        for name, timing in found.items():
            ours, whole = timing.seconds
            cells = [
                f"`wf.{name}()` of one edited row",
                f"{length:,}",
                f"{ours * 1e3:.1f}",
                f"{whole * 1e3:.0f}",
            ]
            rows.append(Row([*cells, *judged(timing.ratio, editing.EDIT)]))
    ours, whole = editor.seconds
    cells = ["an editor's plan of one cell, 20 columns", f"{editor_length:,}", f"{ours * 1e3:.1f}"]
    rows.append(Row([*cells, f"{whole * 1e3:.0f}", *judged(editor.ratio, editing.EDITOR)]))
    met = "yes" if snapshots <= editing.SNAPSHOTS else "no"
    cells = ["snapshots of its apply", f"{editor_length:,}", "", "", f"{snapshots}"]
    rows.append(Row([*cells, f"≤ {editing.SNAPSHOTS}", met]))
    return markdown(["", "records", "ms", "ms, pulled", "ratio", "target", "met"], rows)


def _refresh_table(timings: dict[int, dict[str, Timings]]) -> str:
    rows = []
    for length, found in timings.items():
        for name, timing in found.items():
            ours, whole = timing.seconds
            cells = [f"`wf.refresh(wf.{name}())`", f"{length:,}", f"{ours * 1e3:.1f}", f"{whole * 1e3:.0f}"]
            rows.append(Row([*cells, *judged(timing.ratio, _REFRESH)]))
    return markdown(["", "records", "ms", "ms, pulled anew", "ratio", "target", "met"], rows)


def _start_table(starts: Sequence[imports.Start]) -> str:
    seconds = {start.name: start.seconds for start in starts}
    bases = [seconds["`python -c pass`"] or 1.0, seconds["`import pandas`"] or 1.0]
    rows = []
    for start in starts:
        if start.seconds is None:
            rows.append(Row([start.name, start.note, "", "", "", ""]))
            continue
        ours = "torc" in start.name
        met = ("no" if start.pandas else "yes") if ours else ""
        ratios = [f"{start.seconds / base:.2f}" for base in bases]
        loaded = "yes" if start.pandas else "no"
        rows.append(Row([start.name, f"{start.seconds * 1e3:.0f}", *ratios, loaded, met]))
    heads = ["", "ms", "to `python -c pass`", "to `import pandas`", "imports pandas", "met (does not)"]
    return markdown(heads, rows)


def many_table(timings: Mapping[str, Timings], length: int) -> str:
    """Return what frames of many workflows cost, against those of one."""
    rows = []
    for name, timing in timings.items():
        ours, whole = timing.seconds
        cells = [f"`client.{name}(workflows)`", f"{many.COUNT} of {length // many.COUNT:,}", f"{ours:.2f}"]
        rows.append(Row([*cells, f"{whole:.2f}", *judged(timing.ratio, _MANY_RATIO)]))
    return markdown(["", "workflows", "seconds", "seconds, all in one", "ratio", "target", "met"], rows)


def judged(ratio: float, limit: float, word: str = "yes") -> list[str]:
    """Return the cells for a ratio: itself, its limit, whether that is kept."""
    return [f"{ratio:.2f}", f"≤ {limit:g}", word if ratio <= limit else "no"]
