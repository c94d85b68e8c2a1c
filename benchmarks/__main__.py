"""``python -m benchmarks``: measure everything in one run and print it as Markdown tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

from benchmarks import figures, grids, report, server_report, service, tabulation, written
from torc_frames.errors import InexactFloatWarning

__all__ = ["main"]


def main() -> None:
    """Measure, or profile, as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[100_000, 1_000_000],
        metavar="RECORDS",
        help="how many records",
    )
    parser.add_argument(
        "--only",
        choices=["embedded", "server", "service", "grids", "figures", "tables"],
        help="one kind of store, the grid, figures, or tables of results, instead of all",
    )
    parser.add_argument("--profile", choices=["pull", "push"], help="print where the time goes instead")
    parser.add_argument(
        "--write", action="store_true", help="write the results into benchmarks/README.md and the README"
    )
    given = parser.parse_args()
    if given.write and given.only:
        parser.error("--write takes one whole run: leave out --only")
    with tempfile.TemporaryDirectory(prefix="torc-frames-bench-") as name:
        if given.profile:
            from benchmarks import profiles

            profiles.run(given.profile, Path(name))
        else:
            warnings.simplefilter("ignore", InexactFloatWarning)
            reports = {
                "embedded": report.embedded,
                "server": server_report.report,
                "service": service.report,
                "grids": grids.report,
                "figures": figures.report,
                "tables": tabulation.report,
            }
            made = []
            for kind, make in reports.items():
                if given.only in (None, kind):
                    made.append(make(Path(name), sorted(given.sizes), _say))
                    print(made[-1].tables, end="\n\n", flush=True)
            if given.write:
                written.write(made)


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
