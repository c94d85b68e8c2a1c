"""Which jobs or records of an embedded store may meet a condition: looked for by SQLite's JSON functions.

What is found is more than meets it, rather than less: SQLite reads keys and numbers in its own way.
"""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from torc_frames.frame.conditions import Condition, Group, Test, tests_of
from torc_frames.frame.flatten import Path
from torc_frames.store.records import Origin, Role
from torc_frames.store.sqlite import queries
from torc_frames.store.sqlite.keys import id_list

__all__ = ["can_find", "may_have", "select_jobs", "select_records"]

Fetch = Callable[[str, Mapping[str, object]], list[Any]]
Found = tuple[set[int], set[int]]
"""What may meet a condition, and of what it can't be told, or for which there would be no value."""

_KEY = re.compile(r'[^"\\/\0-\x1f\ud800-\udfff]{1,1000}')
_WILD = re.compile(r"[*?[]")
# What is written with escapes can have any key; SQLite compares keys as they are written. Of a key that is
# there twice it takes the first, and a pull the last.
_VALUE = r"""
    CASE WHEN json_valid(data) AND NOT ({twice})
    THEN ifnull(json_extract(data, :{path}), CASE WHEN instr(data, '\u') THEN x'' END)
    WHEN data IS NOT NULL THEN x'' END AS {path}
"""
_COLUMNS = {"job_name": "name", **{n: n for n in ("command", "status", "num_cpus", "num_gpus", "run_id")}}
# Those of other workflows between them do no harm: they are shown by none of their pages.
_LINKED = """
    job_id BETWEEN (SELECT min(id) FROM job WHERE workflow_id = :workflow)
    AND (SELECT max(id) FROM job WHERE workflow_id = :workflow)
"""
_SEVERAL = f"""
    SELECT job_id FROM link WHERE {_LINKED} GROUP BY job_id
    HAVING sum(ifnull(role, '') = 'input') > 1 OR sum(ifnull(role, '') = 'output') > 1
"""
_MAY_HAVE = rf"""
    SELECT 1 FROM link CROSS JOIN user_data ON user_data.id = record_id
    WHERE ifnull(role, '') = :role AND {_LINKED} AND workflow_id = :workflow
    AND (instr(data, :key) OR instr(data, '\u')) LIMIT 1
"""


def can_find(place: Origin) -> bool:
    """Return whether a column can be looked for."""
    if place.source == "job":
        return place.path[0] in _COLUMNS
    return all(_KEY.fullmatch(key) for key in place.path)


def select_records(fetch: Fetch, condition: Condition, places: Mapping[str, Origin]) -> set[int]:
    """Return the records that may meet a condition."""
    may, unsure = _found(fetch, condition, places, "any")
    return may | unsure


def select_jobs(fetch: Fetch, condition: Condition, places: Mapping[str, Origin]) -> set[int]:
    """Return the jobs that may meet a condition by what their records hold, one or several."""
    may, unsure = _jobs(fetch, condition, places)
    of_jobs = all(places[test.column].source == "job" for test in tests_of(condition))
    return may.union(unsure, () if of_jobs else (job for (job,) in fetch(_SEVERAL, {})))


def may_have(fetch: Fetch, path: Path, role: Role) -> bool:
    """Return whether any record of a role may have a value at a path."""
    return bool(fetch(_MAY_HAVE, {"role": role, "key": f'"{path[-1]}"'}))


def _jobs(fetch: Fetch, condition: Condition, places: Mapping[str, Origin]) -> Found:
    origins = _origins(condition, places)
    if len(origins) == 1:
        source = places[next(tests_of(condition)).column].source
        found = _found(fetch, condition, places, source)
        if source == "job":
            return found
        role = None if source == "any" else source
        return _jobs_of(fetch, found[0], role), _jobs_of(fetch, found[1], role)
    assert isinstance(condition, Group)  # a test is of one source
    parts: dict[frozenset[object], list[Condition]] = {}
    for part in condition.parts:
        parts.setdefault(_origins(part, places), []).append(part)
    both = [
        _jobs(fetch, each[0] if len(each) == 1 else Group(condition.all, tuple(each)), places)
        for each in parts.values()
    ]
    may = set.intersection if condition.all else set.union
    return may(*(found for found, _ in both)), set().union(*(unsure for _, unsure in both))


def _origins(condition: Condition, places: Mapping[str, Origin]) -> frozenset[object]:
    """Return what is looked for apart: of any role, one column may be of one, and another of the other."""
    of = (places[test.column] for test in tests_of(condition))
    return frozenset(place if place.source == "any" else place.source for place in of)


def _jobs_of(fetch: Fetch, records: set[int], role: Role | None) -> set[int]:
    sql = f"SELECT DISTINCT job_id FROM link WHERE record_id IN {queries.THESE}"
    sql += "" if role is None else " AND role = :role"
    return {job for (job,) in fetch(sql, {"records": id_list(sorted(records)), "role": role})}


def _found(fetch: Fetch, condition: Condition, places: Mapping[str, Origin], source: str) -> Found:
    """Go over all rows once."""
    paths = {places[test.column].path: None for test in tests_of(condition)}
    names = {path: f"v{at}" for at, path in enumerate(paths)}
    columns = {test.column: names[places[test.column].path] for test in tests_of(condition)}
    values: dict[str, object] = {}
    if source == "job":
        table, cells = "job", [f"{_COLUMNS[path[0]]} AS {name}" for path, name in names.items()]
    else:
        keys = {key: f"k{at}" for at, key in enumerate(dict.fromkeys(chain(*paths)))}
        cells = [
            _VALUE.format(
                path=name, twice=" OR ".join(f"data GLOB :{keys[key]}" for key in dict.fromkeys(path))
            )
            for path, name in names.items()
        ]
        table = "user_data"
        values = {name: "$" + "".join(f'."{key}"' for key in path) for path, name in names.items()}
        values |= {name: _twice(key) for key, name in keys.items()}
    may = _sql(condition, columns, values)
    unsure = " OR ".join({_unsure(test, columns[test.column]): None for test in tests_of(condition)})
    # With a limit, SQLite reads the value of a row once, however often it is compared.
    rows = f"SELECT id, {', '.join(cells)} FROM {table} WHERE workflow_id = :workflow LIMIT -1"
    ids = (f"group_concat(CASE WHEN {one} THEN id END)" for one in (may, unsure))
    [found] = fetch(f"SELECT {', '.join(ids)} FROM ({rows})", values)
    return set(queries.numbers(found[0])), set(queries.numbers(found[1]))


def _twice(key: str) -> str:
    """Return the pattern of what seems to have a key twice, as where it has another one inside."""
    here = _WILD.sub(r"[\g<0>]", f'"{key}"') + "[: \t\n\r]"
    return f"*{here}*{here}*"


def _sql(condition: Condition, columns: Mapping[str, str], values: dict[str, object]) -> str:
    """Return a condition as SQL, and note what is bound."""
    if isinstance(condition, Group):
        parts = [_sql(part, columns, values) for part in condition.parts]
        return f"({(' AND ' if condition.all else ' OR ').join(parts)})" if parts else "0"
    bounds = []
    for op, bound in ((">=", condition.low), ("<=", condition.high)):
        if bound is not None:
            name = f"b{len(values)}"
            values[name] = bound
            bounds.append(f"{columns[condition.column]} {op} :{name}")
    return f"({' AND '.join(bounds)})"


def _unsure(test: Test, column: str) -> str:
    """Return where a value is none to compare with: in SQLite texts are above numbers, blobs above texts."""
    if not test.orders:
        return f"{column} >= x''"
    if not test.is_of_texts:
        return f"{column} >= ''"
    # Lists and objects are texts there.
    return f"({column} < '' OR {column} >= x'' OR substr({column}, 1, 1) IN ('[', '{{'))"
