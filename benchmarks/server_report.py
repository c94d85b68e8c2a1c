"""The measurements of a torc-server in one run, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from benchmarks import editing, many, server
from benchmarks.measure import Ratio, Report, Row, Timings, markdown
from benchmarks.report import Say, judged, linear_table, machine, many_table
from tests.servers import VERSION

__all__ = ["report"]

_PULL_RATIO, _PUSH_RATIO = 1.25, 1.5
_FLOORS = {
    "user_data": "fetching its lists in the fewest requests",
    "parameters": "fetching its lists in the fewest requests",
    "push": "posting ready bodies",
}


def report(folder: Path, sizes: Sequence[int], say: Say) -> Report:
    """Measure pulls from and pushes to a server."""
    timings, memories = {}, {}
    peers: list[server.Peer] = []
    edits: dict[int, dict[str, tuple[int, int]]] = {}
    several: dict[str, Timings] = {}
    for length in sizes:
        with server.running(folder / f"server-{length}") as url:
            say(f"torc-server, {length:,} records")
            timings[length] = server.measure(url, length)
            edits[length] = editing.requests(url, length)
            if not peers:
                say("torc-client")
                peers = server.peers(url, length)
                say("torc-server, many workflows")
                several = many.measure(url, length)
            say(f"torc-server, memory, {length:,} records")
            memories[length] = server.memories(folder, url, length)
    versions = f"torc-server {VERSION}, torc-client {metadata.version('torc-client')}"
    parts = [
        f"{machine()} {versions}.",
        "### A torc-server: against its requests alone",
        _floor_table(timings),
        "### A torc-server: an edit",
        _edit_table(edits),
        "### A torc-server: linear in the number of records",
        linear_table(timings, memories),
        "### A torc-server: many workflows",
        many_table(several, min(sizes)),
        "### A torc-server: torc's Python client",
        _peer_table(peers, timings),
    ]
    ratios = [
        Ratio(f"`wf.{name}()`, torc-server", {n: timings[n][name].ratio for n in sizes}, floor)
        for name, floor in _FLOORS.items()
    ]
    return Report("\n\n".join(parts), ratios, _facts(peers, timings))


def _facts(peers: Sequence[server.Peer], timings: dict[int, dict[str, Timings]]) -> list[str]:
    base = min(timings)
    found = []
    for peer in peers:
        ours = timings[base][peer.ours].seconds[0] / base
        theirs = peer.timings.seconds[1] / peer.length
        found.append(
            f"With a torc-server a record of `wf.{peer.ours}()` takes {ours * 1e6:.0f} µs; by torc's client, "
            f"{peer.name}, it takes {theirs / ours:.1f} times as long."
        )
    return found


def _floor_table(timings: dict[int, dict[str, Timings]]) -> str:
    rows = []
    for length, found in timings.items():
        for name, timing in found.items():
            limit = _PUSH_RATIO if name == "push" else _PULL_RATIO
            ours, alone = timing.seconds
            cells = [f"`wf.{name}()`", f"{length:,}", f"{ours:.3f}", _FLOORS[name], f"{alone:.3f}"]
            rows.append(Row([*cells, *judged(timing.ratio, limit)]))
    return markdown(["", "records", "seconds", "floor", "floor seconds", "ratio", "target", "met"], rows)


def _edit_table(edits: dict[int, dict[str, tuple[int, int]]]) -> str:
    rows = [
        Row([name, f"{length:,}", f"{count}", f"{size / 1e6:,.2f}"])
        for length, found in edits.items()
        for name, (count, size) in found.items()
    ]
    return markdown(["", "records", "requests", "MB of answers"], rows)


def _peer_table(peers: Sequence[server.Peer], timings: dict[int, dict[str, Timings]]) -> str:
    rows = []
    base = min(timings)
    for peer in peers:
        ours, theirs = (seconds / peer.length * 1e6 for seconds in peer.timings.seconds)
        lines = [(peer.length, ours, 1 / peer.timings.ratio)]
        if peer.length != base:
            at_base = timings[base][peer.ours].seconds[0] / base * 1e6
            lines.append((base, at_base, theirs / at_base))
        for length, our, times in lines:
            judgement = ["", ""]
            if length == base:
                judgement = [f"≥ {peer.target:g}", "yes" if times >= peer.target else "no"]
            cells = [peer.name, f"{peer.length:,}", f"{theirs:,.1f}", f"`wf.{peer.ours}()`", f"{length:,}"]
            rows.append(Row([*cells, f"{our:,.1f}", f"{times:,.1f}", *judgement]))
    heads = ["torc-client", "its records", "µs each", "ours", "records", "µs each", "times faster"]
    return markdown([*heads, "target", "met"], rows)
