"""Tries one fault in full: ``python -m tests.trust._one NUMBER FOLDER``."""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from pathlib import Path

from _pytest.outcomes import Failed, Skipped

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.trust.fault import Place, servers
from tests.trust.faults import all_faults


def main(number_of_fault: str, at: str) -> None:
    """Make all attempts, and print how many things were tried, and how many attempts fell."""
    fault, folder = all_faults()[int(number_of_fault)], Path(at)
    tried = fell = 0
    began = time.monotonic()
    with servers(folder / "servers") as lent:
        for number in range(fault.full):
            place = Place(folder / str(number), number, lent)
            place.folder.mkdir(parents=True)
            try:
                tried += fault.attempt(place) or 1
            except (Exception, Skipped, Failed):  # noqa: BLE001 - whatever it is, it fell
                tried, fell = tried + 1, fell + 1
                print(
                    f"{fault.title}, attempt {number}:\n{traceback.format_exc()}", file=sys.stderr, flush=True
                )
            shutil.rmtree(place.folder, ignore_errors=True)
    seconds = time.monotonic() - began
    print(
        f"{fault.store}: {fault.title}: {tried:,} tried, {fell} fell ({seconds:.0f} s)",
        file=sys.stderr,
        flush=True,
    )
    print(tried, fell)


if __name__ == "__main__":
    main(*sys.argv[1:])
