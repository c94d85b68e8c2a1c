"""What ends a run, and what must be so after it: nothing left, nothing twice, all done by the next."""

from __future__ import annotations

import signal
from collections.abc import Callable

import held

from tests.trust.fault import Fault, Place

SIGNALS = (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGINT)


def ended(kind: str) -> Callable[[Place], None]:
    def attempt(place: Place) -> None:
        held.tried(place.folder, kind, SIGNALS[place.number % len(SIGNALS)])

    return attempt


def raced(place: Place) -> int:
    return held.raced(place.folder, place.random)


def signals(kind: str, name: str, small: int) -> Fault:
    return Fault(
        f"SIGTERM, SIGKILL, SIGHUP and SIGINT in turn to {name}: no process of a job is left, none runs "
        "twice side by side, the next run completes all",
        "embedded",
        small=small,
        full=20 * len(SIGNALS),
        attempt=ended(kind),
    )


FAULTS = [
    signals("run", "`wf.run`", 2),
    signals("map", "`wf.map`", 1),
    signals("command line", "`torc-frames run`", 1),
    Fault(
        "jobs run by runners in two PID namespaces and one outside at once: each runs once",
        "embedded",
        small=1,
        full=20,
        attempt=raced,
    ),
]
