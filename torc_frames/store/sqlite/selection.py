"""Which jobs or records of an embedded store may meet a condition: looked for by SQLite's JSON functions.

What is found is more than meets it, rather than less: SQLite reads keys and numbers in its own way.
"""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache, cached_property, reduce
from itertools import chain

import numpy as np

from torc_frames.frame.conditions import Condition, Group, Test, tests_of
from torc_frames.frame.flatten import Path
from torc_frames.store.records import Origin, Role
from torc_frames.store.sqlite import queries
from torc_frames.store.sqlite.job_links import Fetch, Ids, JobLinks, as_set, ids, joined
from torc_frames.store.sqlite.keys import id_list

__all__ = ["Selection"]

Found = tuple[Ids, Ids]
"""What may meet a condition, and apart from that of what it can't be told, or there would be no value."""

_KEY = re.compile(r'[^"\\/\0-\x1f\ud800-\udfff]{1,1000}')
_WILD = re.compile(r"[*?[]")
# What is written with escapes can have any key; SQLite compares keys as they are written. Of a key that is
# there twice it takes the first, and a pull the last.
_VALUE = r"""
    CASE WHEN json_valid(data) AND NOT ({twice})
    THEN ifnull(json_extract(data, :{path}), CASE WHEN instr(data, '\u') THEN x'' END)
    WHEN data IS NOT NULL THEN x'' END AS {path}
"""
# What seems to have a key twice, as where it has another one inside. SQLite stops at all that begins as the
# pattern does, and of quotes there are more than of any letter.
_TWICE = "(data GLOB :{0}_end AND data GLOB :{0})"
_COLUMNS = {"job_name": "name", **{n: n for n in ("command", "status", "num_cpus", "num_gpus", "run_id")}}
# Without the plus SQLite may look through the whole workflow for a few ids.
_OWN = f"SELECT group_concat(id) FROM job WHERE id IN {queries.CHOSEN} AND +workflow_id = :workflow"
_MAY_HAVE = r"""
    SELECT 1 FROM link CROSS JOIN user_data ON user_data.id = record_id
    WHERE ifnull(role, '') = :role
    AND job_id BETWEEN (SELECT min(id) FROM job WHERE workflow_id = :workflow)
        AND (SELECT max(id) FROM job WHERE workflow_id = :workflow)
    AND workflow_id = :workflow AND (instr(data, :key) OR instr(data, '\u')) LIMIT 1
"""


class Selection:
    """Looks for jobs and records of one workflow."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.may_have = cache(self._may_have)

    @staticmethod
    def can_find(place: Origin) -> bool:
        """Return whether a column can be looked for."""
        if place.source == "job":
            return place.path[0] in _COLUMNS
        return all(_KEY.fullmatch(key) for key in place.path)

    @cached_property
    def links(self) -> JobLinks:
        """All of the workflow, read when they are needed."""
        return JobLinks.read(self._fetch)

    def own(self, jobs: Collection[int]) -> Ids:
        """Return those of some jobs that are of the workflow."""
        [(own,)] = self._fetch(_OWN, {"chosen": id_list(jobs)})
        return as_set(ids(own))

    def links_of(self, jobs: Ids) -> JobLinks:
        """Return the links of some jobs."""
        return self.links.of_jobs(jobs) if "links" in vars(self) else JobLinks.read_of(self._fetch, jobs)

    def records(self, condition: Condition, places: Mapping[str, Origin]) -> Ids:
        """Return the records that may meet a condition."""
        return joined(*self._found(condition, places, "any"))

    def jobs(self, condition: Condition, places: Mapping[str, Origin]) -> Ids:
        """Return the jobs that may meet a condition by what their records hold, one or several."""
        found = joined(*self._jobs(condition, places))
        of_jobs = all(places[test.column].source == "job" for test in tests_of(condition))
        return found if of_jobs else joined(found, self.links.several())

    def _may_have(self, path: Path, role: Role) -> bool:
        """Return whether any record of a role may have a value at a path."""
        if not len(self.links.of_role(role).jobs):
            return False
        return bool(self._fetch(_MAY_HAVE, {"role": role, "key": f'"{path[-1]}"'}))

    def _jobs(self, condition: Condition, places: Mapping[str, Origin]) -> Found:
        origins = _origins(condition, places)
        if len(origins) == 1:
            source = places[next(tests_of(condition)).column].source
            may, unsure = self._found(condition, places, source)
            if source == "job":
                return may, unsure
            links = self.links.of_role(None if source == "any" else source)
            return as_set(links.of_records(may).jobs), as_set(links.of_records(unsure).jobs)
        assert isinstance(condition, Group)  # a test is of one source
        parts: dict[frozenset[object], list[Condition]] = {}
        for part in condition.parts:
            parts.setdefault(_origins(part, places), []).append(part)
        both = [
            self._jobs(each[0] if len(each) == 1 else Group(condition.all, tuple(each)), places)
            for each in parts.values()
        ]
        may_meet = np.intersect1d if condition.all else joined
        return reduce(may_meet, (may for may, _ in both)), reduce(joined, (unsure for _, unsure in both))

    def _found(self, condition: Condition, places: Mapping[str, Origin], source: str) -> Found:
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
                    path=name, twice=" OR ".join(_TWICE.format(keys[key]) for key in dict.fromkeys(path))
                )
                for path, name in names.items()
            ]
            table = "user_data"
            values = {name: "$" + "".join(f'."{key}"' for key in path) for path, name in names.items()}
            values |= {name: _twice(f'"{key}"') for key, name in keys.items()}
            values |= {f"{name}_end": _twice(f'{key}"') for key, name in keys.items()}
        may = _sql(condition, columns, values)
        unsure = " OR ".join({_unsure(test, columns[test.column]): None for test in tests_of(condition)})
        # With a limit, SQLite reads the value of a row once, however often it is compared.
        rows = f"SELECT id, {', '.join(cells)} FROM {table} WHERE workflow_id = :workflow LIMIT -1"
        sign = f"CASE WHEN {unsure} THEN -id ELSE id END"
        [(listed,)] = self._fetch(
            f"SELECT group_concat({sign}) FROM ({rows}) WHERE {may} OR {unsure}", values
        )
        found = ids(listed)
        return as_set(found[found > 0]), as_set(-found[found < 0])


def _origins(condition: Condition, places: Mapping[str, Origin]) -> frozenset[object]:
    """Return what is looked for apart: of any role, one column may be of one, and another of the other."""
    of = (places[test.column] for test in tests_of(condition))
    return frozenset(place if place.source == "any" else place.source for place in of)


def _twice(text: str) -> str:
    """Return the pattern of where a text is twice that ends a key."""
    here = _WILD.sub(r"[\g<0>]", text) + "[: \t\n\r]"
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
