"""What a push records of a table in the workflow's metadata: its columns, their order and dtypes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from torc_frames.errors import Problem, RefusedError
from torc_frames.frame.flatten import Path, above, job_path
from torc_frames.frame.specs import (
    UNITS,
    Spec,
    all_categories,
    is_spec,
    key_of,
    kind_of,
    recorded_dtype,
    time_zone,
    unit_of,
)
from torc_frames.frame.typed import KEY, ours
from torc_frames.frame.values import RefusalError

__all__ = [
    "KEY",
    "OURS",
    "TAGS",
    "TEMPLATES",
    "merge",
    "over_all",
    "read",
    "recipes",
    "tags_of",
    "templates",
    "whole_paths",
    "without",
]

TAGS = "torc_frames_tags"
"""That of the workflow's tags: by itself, as keys are what stores change without regard to others."""
OURS = (KEY, TAGS)

TEMPLATES = ("command", "name")
"""What is remembered of a push, for rows that are added later."""

_UNDECIDED: Spec = {"dtype": ""}
"""Of columns that have a place, and the dtype that their values have by themselves."""


def read(metadata: Mapping[str, Any]) -> dict[str, Spec]:
    """Return the recorded dtypes by column name, in the recorded order; anything else there is ignored."""
    columns = ours(metadata).get("parameters")
    if not isinstance(columns, list):
        return {}
    return {
        column["name"]: {key: value for key, value in column.items() if key != "name"}
        for column in columns
        if isinstance(column, dict) and isinstance(column.get("name"), str) and is_spec(column)
    }


def over_all(many: Iterable[Mapping[str, Spec]]) -> dict[str, Spec]:
    """Return by column name what dtypes of several workflows make together, in the order of appearance.

    Those that agree stay. Categories are united, of times the finer unit counts, and UTC where zones differ;
    what is of objects in one is so in all. Other columns are as their values are.

    Examples
    --------
    >>> both = over_all([{"n": {"dtype": "int8"}, "s": {"dtype": "bool"}}, {"n": {"dtype": "int64"}}])
    >>> both["n"]["dtype"], both["s"]["dtype"]
    ('', 'bool')
    """
    found: dict[str, Spec] = {}
    for specs in many:
        for name, spec in specs.items():
            found[name] = _over_both(found[name], spec) if name in found else spec
    objects = whole_paths(found)
    inside = {name for path, name in _paths(found).items() if above(path, objects)}
    return {name: spec for name, spec in found.items() if name not in inside}


def _over_both(one: Spec, other: Spec) -> Spec:
    if one == other or one["dtype"] == "object":
        return one
    if other["dtype"] == "object":
        return other
    try:
        joined = _joined(one, other)
    except RefusalError:
        return _UNDECIDED
    if kind_of(joined) == "plain":
        return _UNDECIDED
    first, second = (time_zone(recorded_dtype(spec)) for spec in (one, other))
    return joined if first == second else {"dtype": f"datetime64[{unit_of(joined)}, UTC]"}


def merge(
    metadata: Mapping[str, Any],
    specs: Mapping[str, Spec],
    *,
    empty: Collection[str] = (),
    replaces: Collection[str] = (),
    dropped: Collection[str] = (),
) -> dict[str, Any]:
    """Return the patch of the metadata after a push of columns with these dtypes.

    Columns recorded before keep their places, new ones follow.

    Parameters
    ----------
    metadata : mapping
        The workflow's.
    specs : mapping
        The pushed columns' dtypes.
    empty : collection of str
        Pushed columns in which all is missing; they take the dtype recorded before.
    replaces : collection of str
        Columns that the push sets for all jobs, so that no other dtype matters.
    dropped : collection of str
        Columns that the push removes.

    Raises
    ------
    RefusedError
        For a column whose dtype would make values recorded before unreadable as what they are, and for one
        that lies inside a column of objects.
    """
    after = read(metadata)
    problems = _inside_others(specs, {name: spec for name, spec in after.items() if name not in dropped})
    for name, spec in specs.items():
        before = after.get(name)
        try:
            if before is None or name in replaces:
                after[name] = spec
            elif name not in empty:
                after[name] = _joined(before, spec)
        except RefusalError as refusal:
            problems.append(Problem(None, name, str(refusal)))
    if problems:
        raise RefusedError(problems)
    columns = [{"name": name, **spec} for name, spec in after.items()]
    return {KEY: {**ours(metadata), "parameters": columns}}


def without(metadata: Mapping[str, Any], names: Collection[str], order: Iterable[str] = ()) -> dict[str, Any]:
    """Return the patch of the metadata when no record has some columns any more, {} if it has none of them.

    With `order` these columns come first, in that order.
    """
    before = read(metadata)
    after = {name: before[name] for name in [*order, *before] if name in before and name not in names}
    if list(after) == list(before):
        return {}
    return {KEY: {**ours(metadata), "parameters": [{"name": name, **spec} for name, spec in after.items()]}}


def recipes(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the recipes of pushed tables, oldest first; anything else there is ignored."""
    found = ours(metadata).get("recipes")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def templates(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the command and name that were given last, those that were; anything else there is ignored."""
    found = {what: ours(metadata).get(what) for what in TEMPLATES}
    return {what: text for what, text in found.items() if isinstance(text, str) and text}


def tags_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tags of a workflow; anything else there is ignored."""
    found = metadata.get(TAGS)
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()


def whole_paths(specs: Mapping[str, Spec]) -> frozenset[Path]:
    """Return the paths of columns that were pushed as objects, so that dicts there are not flattened."""
    return frozenset(_paths(name for name, spec in specs.items() if spec["dtype"] == "object"))


def _inside_others(specs: Mapping[str, Spec], before: Mapping[str, Spec]) -> list[Problem]:
    """Return pushed columns of which one, or a recorded one, is inside the objects of the other.

    A pull shows an object as it is or by its parts: the other column would come back empty.
    """
    old, new, objects = _paths(before), _paths(specs), whole_paths({**before, **specs})
    problems = []
    for inner, outer in ((new, old), (old, new)):
        around = objects.intersection(outer)
        for path, name in inner.items():
            if (found := above(path, around)) is not None:
                pushed, known = (name, outer[found]) if inner is new else (outer[found], name)
                how = "lies inside" if inner is new else "holds objects, and inside them is"
                mend = "rename it, or push both alike, as objects or as columns with dots"
                reason = f"{how} {known!r}, a column that was pushed before: {mend}"
                problems.append(Problem(None, pushed, reason))
    return problems


def _paths(names: Iterable[str]) -> dict[Path, str]:
    paths = {}
    for name in names:
        try:
            paths[job_path(name)] = name
        except RefusedError:
            continue  # a name that no push records
    return paths


def _joined(before: Spec, spec: Spec) -> Spec:
    """Return a dtype that holds what either does."""
    old, new = kind_of(before), kind_of(spec)
    if {old, new} == {"plain", "object"}:
        return before if old == "object" else spec
    if old != new:
        raise RefusalError(
            f"is recorded as {_shown(before)} and pushed as {_shown(spec)}: convert it, or rename it"
        )
    if old == "category":
        return _joined_categories(before, spec)
    return before if UNITS.get(unit_of(before), 0) > UNITS.get(unit_of(spec), 0) else spec


def _joined_categories(before: Spec, spec: Spec) -> Spec:
    old, new = (list(map(key_of, found["categories"])) for found in (before, spec))
    if before["of"] == spec["of"] and before["ordered"] == spec["ordered"]:
        if not spec["ordered"]:
            return {**spec, "categories": all_categories(before["categories"], spec["categories"])}
        longer, shorter = (before, set(new)) if len(old) > len(new) else (spec, set(old))
        order = [key for key in map(key_of, longer["categories"]) if key in shorter]
        if order == (new if longer is before else old):
            return longer
    raise RefusalError(
        "is recorded with other ordered categories, or categories of another dtype: use the same ones, "
        "or rename it"
    )


def _shown(spec: Spec) -> str:
    return str(spec.get("type", spec["dtype"]))
