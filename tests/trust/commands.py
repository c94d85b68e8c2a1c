"""Templates of commands whose values are meant to be more than words, run by real shells."""

from __future__ import annotations

from shells import PIECES, SHELLS, VALUES, filled, run

from tests.trust.fault import Fault, Place
from torc_frames.errors import RefusedError

_AT_ONCE = 400


def _attempt(place: Place) -> int:
    random = place.random
    commands = []
    for _ in range(_AT_ONCE):
        pieces = random.choices(PIECES, k=random.randint(1, 10))
        template = "".join([*pieces, "{x}"] if "{x}" not in pieces else pieces)
        try:
            commands.append(filled(template, random.choices(VALUES, k=2)))
        except RefusedError:
            continue
    for shell in SHELLS:
        run(shell, commands, place.folder)
    return _AT_ONCE


FAULTS = [
    Fault(
        "commands of random pieces with hostile values, by bash and dash: no value runs, or the template is "
        "refused",
        "embedded",
        2,
        150,
        _attempt,
    )
]
