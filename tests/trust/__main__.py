"""Tries every fault in full, and writes ``docs/trust.md``.

``python -m tests.trust WORD`` tries only those whose title or store has the word, and writes nothing. Two
processes try a fault each, side by side, with servers of their own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from tests.trust.faults import all_faults  # noqa: E402 - finds the helpers of the tests

_AT_ONCE = 2
PAGE = ROOT / "docs" / "trust.md"
_HEAD = """# What was tried, and held

Written by `python -m tests.trust` at commit {commit}, {date}, Python {python}.
The suite tries each of these a few times.

| what is done, and must hold | where | tried | fell |
|---|---|---:|---:|
"""


def main(words: list[str]) -> int:
    """Try the faults, print what fell, and return how many kinds did."""
    faults = all_faults()
    chosen = [
        number
        for number, fault in enumerate(faults)
        if all(word in f"{fault.store} {fault.title}" for word in words)
    ]
    rows, fallen = [], 0
    with (
        tempfile.TemporaryDirectory(prefix="torc_frames-trust-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        counts = pool.map(_try, chosen, [Path(folder) / f"fault{number}" for number in chosen])
        for number, (tried, fell) in zip(chosen, counts, strict=True):
            rows.append(f"| {faults[number].title} | {faults[number].store} | {tried:,} | {fell:,} |\n")
            fallen += fell > 0
    if not words:
        PAGE.write_text(_head() + "".join(rows), encoding="utf-8")
    return fallen


def _try(number: int, folder: Path) -> tuple[int, int]:
    """Return how many things were tried, and how many attempts fell, by a process of its own."""
    command = [sys.executable, "-m", "tests.trust._one", str(number), str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return 1, 1
    tried, fell = done.stdout.split()[-2:]
    return int(tried), int(fell)


def _head() -> str:
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    python = ".".join(map(str, sys.version_info[:3]))
    return _HEAD.format(commit=commit, date=f"{datetime.now(UTC):%Y-%m-%d}", python=python)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
