"""Which job a row without a key is."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence

from torc_frames.frame.values import canonical, decode_data

__all__ = ["match_rows"]


def match_rows(
    rows: list[int], lines: Sequence[bytes], contents: Mapping[str, Sequence[bytes]]
) -> dict[int, str]:
    """Return by row the job that has its content; each job is of one row.

    Parameters
    ----------
    rows : list of int
        Which of the lines to find.
    lines : sequence of bytes
        By row: its record, raw JSON.
    contents : mapping
        By job: what a row of the same content may look like.
    """
    found = _match(rows, lines.__getitem__, contents)
    taken = set(found.values())
    rest = [row for row in rows if row not in found]
    others = {
        key: [_canonical(raw) for raw in raws] for key, raws in contents.items() if rest and key not in taken
    }
    found.update(_match(rest, lambda row: _canonical(lines[row]), others))
    return found


def _match(
    rows: list[int],
    content: Callable[[int], bytes | str],
    contents: Mapping[str, Sequence[bytes | str]],
) -> dict[int, str]:
    jobs: dict[bytes | str, deque[str]] = defaultdict(deque)
    for key, forms in contents.items():
        for form in dict.fromkeys(forms):
            jobs[form].append(key)
    found: dict[int, str] = {}
    taken: set[str] = set()
    for row in rows if jobs else ():
        same = jobs.get(content(row), deque())
        while same and row not in found:
            key = same.popleft()
            if key not in taken:
                found[row] = key
                taken.add(key)
    return found


def _canonical(raw: bytes) -> str:
    return canonical(decode_data("", raw))
