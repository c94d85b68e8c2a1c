"""Values of one row in the dtypes that were pushed; needs pandas only where one of these does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torc_frames.errors import RefusedError
from torc_frames.frame.flatten import job_path
from torc_frames.frame.nested import look_up, put

__all__ = ["KEY", "Types", "ours", "typed", "types_of"]

KEY = "torc_frames"
"""The key of the workflow's metadata that is ours."""

Types = Mapping[str, Mapping[str, Any]]
"""By column the dtype, as `torc_frames.frame.recorded` has it, of what JSON holds as something else."""

_WHOLE = re.compile(r"[uU]?[iI]nt(?:8|16|32|64)|[<>][iu][248]")
_DECIMAL = re.compile(r"[fF]loat(?:32|64)?|double|[<>]f[48]")
_SPECIAL = re.compile(r"(?:[<>]?[mM]8|(?:datetime|timedelta)64|period|timestamp|duration|date32)\[.*\]")


def ours(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a workflow's metadata is ours, {} where that is nothing that we write."""
    found = metadata.get(KEY)
    return found if isinstance(found, dict) else {}


def types_of(metadata: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what `typed` needs to know of what pushes have recorded in a workflow's metadata."""
    columns = ours(metadata).get("parameters")
    found: dict[str, Mapping[str, Any]] = {}
    for column in columns if isinstance(columns, list) else ():
        name = column.get("name") if isinstance(column, dict) else None
        spec = column.get("of") if name and column.get("dtype") == "category" else column
        if isinstance(name, str) and isinstance(spec, dict) and _kind(spec):
            found[name] = {what: spec[what] for what in ("dtype", "type") if what in spec}
    return found


def typed(data: dict[str, Any], types: Types) -> dict[str, Any]:
    """Return a row of JSON values, changed in place to what a pulled table has in its cells.

    Missing ones are None. Values that the dtype does not hold stay as they are.

    Examples
    --------
    >>> types = types_of({"torc_frames": {"parameters": [{"name": "when", "dtype": "datetime64[us]"}]}})
    >>> typed({"when": "2026-01-31T12:00:00", "n": None}, types)
    {'when': Timestamp('2026-01-31 12:00:00'), 'n': None}
    """
    for name, spec in types.items():
        try:
            path = job_path(name)
        except RefusedError:
            continue  # a name that no push records
        value = look_up(data, path)
        made = None if value is None else _made(value, spec)
        if made is not value:
            put(data, path, made)
    return data


def _kind(spec: Mapping[str, Any]) -> str:
    """Return what a dtype holds that JSON, or a server, may have otherwise; "" if it is nothing."""
    name = spec.get("type") if spec.get("dtype") == "arrow" else spec.get("dtype")
    forms = {"whole": _WHOLE, "decimal": _DECIMAL, "special": _SPECIAL}
    return next((kind for kind, form in forms.items() if isinstance(name, str) and form.fullmatch(name)), "")


def _made(value: Any, spec: Mapping[str, Any]) -> Any:
    kind = _kind(spec)
    if kind == "whole":
        return int(value) if type(value) is float and value.is_integer() else value
    if kind == "decimal":
        # Of integers beyond 53 bits a float may be another number.
        return float(value) if type(value) is int and abs(value) <= 2**53 else value
    from torc_frames.frame.dtypes import restored_value

    return restored_value(value, spec)
