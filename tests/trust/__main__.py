"""Tries every fault in full, and writes ``docs/trust.md``.

``python -m tests.trust WORD`` tries only those whose title or store has the word, and writes nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from tests.trust.fault import Fault, Place, Servers, servers  # noqa: E402 - finds the helpers of the tests
from tests.trust.faults import all_faults  # noqa: E402

PAGE = ROOT / "docs" / "trust.md"
_HEAD = """# What was tried, and held

Written by `python -m tests.trust` at commit {commit}, {date}, Python {python}.
The suite tries each of these a few times.

| what is done, and must hold | where | tried | fell |
|---|---|---:|---:|
"""


def main(words: list[str]) -> int:
    """Try the faults, print what fell, and return how many kinds did."""
    faults = [
        fault for fault in all_faults() if all(word in f"{fault.store} {fault.title}" for word in words)
    ]
    rows, fallen = [], 0
    with tempfile.TemporaryDirectory(prefix="torc_frames-trust-") as folder, servers(Path(folder)) as lent:
        for index, fault in enumerate(faults):
            tried, fell = _try(fault, Path(folder) / f"fault{index}", lent)
            rows.append(f"| {fault.title} | {fault.store} | {tried:,} | {fell:,} |\n")
            fallen += fell > 0
    if not words:
        PAGE.write_text(_head() + "".join(rows), encoding="utf-8")
    return fallen


def _try(fault: Fault, folder: Path, lent: Servers) -> tuple[int, int]:
    """Return how many things were tried, and how many attempts fell."""
    tried = fell = 0
    began = time.monotonic()
    for number in range(fault.full):
        place = Place(folder / str(number), number, lent)
        place.folder.mkdir(parents=True)
        try:
            tried += fault.attempt(place) or 1
        except Exception:  # noqa: BLE001 - whatever it is, it fell
            tried, fell = tried + 1, fell + 1
            print(f"attempt {number}:\n{traceback.format_exc()}", flush=True)
    seconds = time.monotonic() - began
    print(f"{fault.store}: {fault.title}: {tried:,} tried, {fell} fell ({seconds:.0f} s)", flush=True)
    return tried, fell


def _head() -> str:
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    python = ".".join(map(str, sys.version_info[:3]))
    return _HEAD.format(commit=commit, date=f"{datetime.now(UTC):%Y-%m-%d}", python=python)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
