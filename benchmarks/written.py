"""What a whole run found, written to where it is read: so that no number is older than another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Ratio, Report

__all__ = ["write"]

_HERE = Path(__file__).parent
_BLOCK = "<!-- measured -->"
_END = "<!-- end of what was measured -->"


def write(reports: Sequence[Report]) -> None:
    """Put the tables into the page of the benchmarks, and the ratios and facts into the README."""
    _put(_HERE / "README.md", "\n\n".join(report.tables for report in reports))
    ratios = [ratio for report in reports for ratio in report.ratios]
    facts = [f"- {fact}" for report in reports for fact in report.facts]
    _put(_HERE.parent / "README.md", "\n".join([*_table(ratios), "", *facts]))


def _table(ratios: Sequence[Ratio]) -> list[str]:
    lengths = sorted({length for ratio in ratios for length in ratio.by_length})
    lines = [
        ["", *(f"{length:,}" for length in lengths), "against"],
        ["---", *["---:"] * len(lengths), "---"],
    ]
    for ratio in ratios:
        found = [f"{ratio.by_length[n]:.2f}" if n in ratio.by_length else "" for n in lengths]
        lines.append([ratio.what, *found, ratio.against])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _put(path: Path, text: str) -> None:
    """Replace what stands between the marks of a page."""
    page = path.read_text(encoding="utf-8")
    block = re.compile(rf"{re.escape(_BLOCK)}.*?{re.escape(_END)}", re.DOTALL)
    if len(block.findall(page)) != 1:
        raise ValueError(f"{path} has no place for what was measured: {_BLOCK} … {_END}")
    path.write_text(block.sub(lambda _: f"{_BLOCK}\n\n{text}\n\n{_END}", page), encoding="utf-8")
