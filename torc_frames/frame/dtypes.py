"""Dtypes that JSON does not have: described when pushed, restored when pulled."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames.frame.column import Column, from_arrow, objects, to_numpy
from torc_frames.frame.exact import as_type, cast
from torc_frames.frame.specs import (
    UNITS,
    Spec,
    is_kept,
    key_of,
    mend_of,
    name_of,
    recorded_dtype,
    time_unit,
    time_zone,
)
from torc_frames.frame.values import RefusalError, duration_text, is_missing, plain, shortest

__all__ = ["are_near", "describe", "encode", "restore", "restored_value", "utc_times"]

Encoded = tuple[list[Any], dict[int, str]]
"""The cells of a column as JSON values, None for missing ones, and why cells were refused, by position."""

MISSING: dict[str, Any] = {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}

_TIME = re.compile(r"-?\d{4,}(?:-\d\d){0,2}(?:[T ]\d\d(?::?\d\d){0,2}(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)?)?")
_NOT_A_TIME = -(2**63)
_DURATION = re.compile(r"(-?)PT(\d+)(?:\.(\d+))?S")


def describe(series: pd.Series) -> Spec:
    """Return what `restore` needs to know of a column.

    Raises
    ------
    RefusalError
        For a dtype that can't be kept.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _describe_categories(series)
    if isinstance(dtype, pd.StringDtype):
        missing = "NA" if dtype.na_value is pd.NA else "nan"
        return {"dtype": "string", "storage": dtype.storage, "missing": missing}
    if isinstance(dtype, pd.ArrowDtype):
        spec = {"dtype": "arrow", "type": str(dtype.pyarrow_dtype)}
    elif pd.api.types.is_object_dtype(dtype):
        return {"dtype": "object", **_describe_missing(series)}
    else:
        spec = {"dtype": name_of(dtype)}
    if is_kept(dtype) and recorded_dtype(spec) == dtype:
        return spec
    raise RefusalError(f"dtype {name_of(dtype)} can't be kept; {mend_of(dtype, _shown(series))}")


def encode(series: pd.Series) -> Encoded:
    """Return the cells of a column as JSON values; times and durations in ISO 8601."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories, refused = encode(dtype.categories.to_series())
        codes = series.cat.codes.tolist()
        return [None if code < 0 else categories[code] for code in codes], refused
    if pd.api.types.is_object_dtype(dtype):
        return _plain_values(series.tolist())
    if isinstance(dtype, pd.PeriodDtype):
        return [None if value is pd.NaT else str(value) for value in series], {}
    numbers = utc_times(series)
    if numbers is not None:
        texts = _encode_times(numbers, zoned=time_zone(dtype) is not None)
        hidden = np.isnat(numbers) & ~series.isna().to_numpy(dtype=bool)
        return texts, {int(row): "the least value of its unit is no time" for row in np.flatnonzero(hidden)}
    return _encode_plain(series)


def are_near(series: pd.Series) -> bool:
    """Return whether Python and pandas show all the times or durations of a column, in any zone.

    Python has the years from 1 to 9999, pandas what the unit has room for.
    """
    numbers = utc_times(series)
    given = numbers[~np.isnat(numbers)]
    counts, days = given.view("i8"), given.astype(f"{given.dtype.kind}8[D]").view("i8")
    # One day at each end is for the hours of zones.
    low, high = (-719_161, 2_932_895) if given.dtype.kind == "M" else (-999_999_998, 999_999_998)
    unit = np.datetime_data(given.dtype)[0]
    day = 1 if unit == "D" else 86_400 * 10 ** UNITS[unit]
    room = (counts > -(2**63) + day) & (counts < 2**63 - 1 - day)
    return bool((room & (low <= days) & (days <= high)).all())


def restore(column: Column, spec: Spec) -> pd.Series | None:
    """Return a column in its recorded dtype, or None where that would not hold its values exactly."""
    try:
        name = spec["dtype"]
        if name == "object":
            missing = MISSING[spec.get("missing", "None")]
            return objects([missing if value is None else value for value in column.values()])
        if name == "category":
            return _restore_categories(column, spec)
        if name == "string":
            return _restore_strings(column, MISSING[spec["missing"]], spec["storage"])
        dtype = recorded_dtype(spec)
        if not is_kept(dtype):
            return None
        if isinstance(dtype, pd.PeriodDtype):
            if not column.kinds <= {"str"}:
                return None  # pandas takes numbers for years
            periods = pd.Series(pd.PeriodIndex(column.values(), dtype=dtype))
            return periods if encode(periods)[0] == column.values() else None
        if time_unit(dtype):
            return _restore_times(column, dtype)
        return _restore_plain(column, dtype)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, pa.ArrowException):
        return None  # what was recorded, by whomever, does not fit what is there now: the caller says so


def restored_value(value: Any, spec: Spec) -> Any:
    """Return one JSON value as a column of a recorded dtype has it; as it is, where that does not hold it."""
    series = restore(Column.of([value]), spec)
    if series is None or (utc_times(series) is not None and not are_near(series)):
        return value
    return series.tolist()[0]


def _shown(series: pd.Series) -> str:
    return "s" if series.name is None else f"df[{series.name!r}]"


def _describe_missing(series: pd.Series) -> dict[str, str]:
    kinds: dict[str, int] = {}
    for row in np.flatnonzero(series.isna().to_numpy()).tolist():
        kinds.setdefault(_kind_of_missing(series.iat[row]), row)
    if len(kinds) > 1:
        found = " and ".join(f"{kind} (row {row})" for kind, row in kinds.items())
        raise RefusalError(
            f"mixes {found} as missing; make them one, for instance with .where(s.notna(), None)"
        )
    if kinds and next(iter(kinds)) not in MISSING:
        raise RefusalError(f"has {next(iter(kinds))} as missing; use None")
    kind = next(iter(kinds), "None")
    return {} if kind == "None" else {"missing": kind}


def _kind_of_missing(value: Any) -> str:
    if type(value).__module__ == "numpy" and value.dtype.kind in "mM":
        return "numpy's NaT"
    return "nan" if isinstance(value, float) else str(value).strip("<>")


def _describe_categories(series: pd.Series) -> Spec:
    dtype: Any = series.dtype
    name, values = dtype.categories.name, dtype.categories.to_series(name=None)
    if isinstance(values.dtype, pd.CategoricalDtype) or not (name is None or isinstance(name, str)):
        raise RefusalError(f"these categories can't be kept; use {_shown(series)}.astype(object)")
    try:
        of = describe(values)
    except RefusalError:
        mend = f'use {_shown(series)}.astype("string") if texts will do'
        raise RefusalError(f"categories of dtype {name_of(values.dtype)} can't be kept; {mend}") from None
    encoded, refused = encode(values)
    if refused:
        raise RefusalError(f"a category is refused: {next(iter(refused.values()))}")
    named = {} if name is None else {"axis": name}
    return {"dtype": "category", "ordered": bool(dtype.ordered), "of": of, "categories": encoded, **named}


def utc_times(series: pd.Series) -> Any:
    """Return times (in UTC) or durations as a numpy array, None for other columns."""
    if isinstance(series.dtype, pd.ArrowDtype) and time_unit(series.dtype):
        return pa.array(series.array).to_numpy(zero_copy_only=False)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return series.to_numpy() if isinstance(series.dtype, np.dtype) and series.dtype.kind in "mM" else None


def _encode_times(numbers: np.ndarray, zoned: bool) -> list[Any]:
    missing = np.isnat(numbers)
    if numbers.dtype.kind == "M":
        texts = map(shortest, np.datetime_as_string(numbers).tolist())
        suffix = "Z" if zoned else ""
        return [None if gap else text + suffix for text, gap in zip(texts, missing.tolist(), strict=True)]
    digits = UNITS[np.datetime_data(numbers.dtype)[0]]
    counts = zip(numbers.view("i8").tolist(), missing.tolist(), strict=True)
    return [None if gap else duration_text(count, digits) for count, gap in counts]


def _parse_duration(text: str, digits: int) -> int:
    match = _DURATION.fullmatch(text)
    if match is None or len((match[3] or "").rstrip("0")) > digits:
        raise ValueError(text)
    count: int = int(match[2]) * 10**digits + int((match[3] or "").ljust(digits, "0")[:digits] or "0")
    return -count if match[1] else count


def _plain_values(cells: list[Any]) -> Encoded:
    values, refused = [], {}
    for row, value in enumerate(cells):
        try:
            values.append(None if is_missing(value) else plain(value))
        except RefusalError as refusal:
            values.append(None)
            refused[row] = str(refusal)
    return values, refused


def _encode_plain(series: pd.Series) -> Encoded:
    missing = series.isna().to_numpy()
    if series.dtype.kind == "f":
        if isinstance(series.dtype, pd.ArrowDtype):
            missing = pa.array(series.array).is_null().to_numpy(zero_copy_only=False)
        numbers = series.to_numpy(dtype="float64", na_value=np.nan)
        hidden = np.isnan(numbers) & ~missing
        bad = np.flatnonzero(np.isinf(numbers) | hidden).tolist()
        refused = {row: f"{numbers[row]} is not JSON; use a missing value or a number" for row in bad}
        values = numbers.tolist()
    else:
        values = series.tolist()
        refused = _no_texts(values) if isinstance(series.dtype, pd.StringDtype) else {}
    if missing.any():
        values = [None if gap else value for value, gap in zip(values, missing.tolist(), strict=True)]
    return values, refused


def _no_texts(values: list[Any]) -> dict[int, str]:
    """Return why texts are refused, by position; those of Python can hold what UTF-8 can't."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return _plain_values(values)[1]
    return {}


def _restore_strings(column: Column, missing: Any, storage: Any) -> pd.Series | None:
    dtype: Any = pd.StringDtype(storage, na_value=missing)
    if column.kind() == "":
        return pd.Series([None] * column.length, dtype=dtype)
    natural = column.natural() if column.kind() == "str" else None
    return natural if natural is None or natural.dtype == dtype else natural.astype(dtype)


def _restore_categories(column: Column, spec: Spec) -> pd.Series | None:
    values = restore(Column.of(spec["categories"]), spec["of"])
    if values is None:
        return None
    codes = {key_of(value): code for code, value in enumerate(spec["categories"])}
    taken = [-1 if value is None else codes[key_of(value)] for value in column.values()]
    dtype = pd.CategoricalDtype(pd.Index(values, name=spec.get("axis")), ordered=spec["ordered"])
    return pd.Series(pd.Categorical.from_codes(taken, dtype=dtype))


def _restore_times(column: Column, dtype: Any) -> pd.Series | None:
    texts = column.values()
    unit = time_unit(dtype) or ""
    zoned = time_zone(dtype) is not None
    if unit.startswith("m8"):
        numbers = _durations(texts, unit)
    else:
        forms = [_TIME.fullmatch(text) for text in texts if text is not None]
        if any(form is None or (form[2] is not None) != zoned for form in forms):
            return None
        if any(form and form[2] not in (None, "Z") for form in forms):
            return _restore_other_times(texts, dtype)
        stripped = ["NaT" if text is None else text.removesuffix("Z") for text in texts]
        numbers = np.array(stripped, dtype=unit)
        if _encode_times(numbers, zoned) != texts:
            return _restore_other_times(texts, dtype)
    if isinstance(dtype, pd.ArrowDtype):
        return from_arrow(pa.chunked_array([pa.array(numbers).cast(dtype.pyarrow_dtype)]), dtype)
    series = pd.Series(numbers)
    return series.dt.tz_localize("UTC").astype(dtype) if isinstance(dtype, pd.DatetimeTZDtype) else series


def _durations(texts: list[Any], unit: str) -> np.ndarray:
    digits = UNITS[np.datetime_data(unit)[0]]
    counts = [None if text is None else _parse_duration(text, digits) for text in texts]
    if _NOT_A_TIME in counts:
        raise ValueError("the least value of its unit is no duration")
    return np.array([_NOT_A_TIME if count is None else count for count in counts], dtype="i8").view(unit)


def _restore_other_times(texts: list[Any], dtype: Any) -> pd.Series | None:
    """Return times that somebody wrote in another form of ISO 8601."""
    forms = [_TIME.fullmatch(text) for text in texts if text is not None]
    if any(form and form[1] and len(form[1].rstrip("0")) > max(UNITS.values()) for form in forms):
        return None  # pandas reads nine digits, and leaves out others
    zoned = time_zone(dtype) is not None
    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", utc=zoned)
    series = parsed.astype(dtype)
    back = series.astype(parsed.dtype)
    kept = parsed.isna().tolist() == [text is None for text in texts]
    return series if kept and back.equals(parsed) else None


_ALLOWED: dict[str, frozenset[str]] = {
    "b": frozenset({"bool"}),
    "i": frozenset({"int", "bigint", "float"}),
    "u": frozenset({"int", "bigint", "float"}),
    "f": frozenset({"int", "bigint", "float"}),
    "O": frozenset({"str"}),
    "U": frozenset({"str"}),
}


def _restore_plain(column: Column, dtype: Any) -> pd.Series | None:
    if not column.kinds <= _ALLOWED[dtype.kind]:
        return None
    target = (
        dtype.pyarrow_dtype
        if isinstance(dtype, pd.ArrowDtype)
        else pa.from_numpy_dtype(getattr(dtype, "numpy_dtype", dtype))
    )
    if column.kind() == "object":
        array = pa.chunked_array([as_type(column.values(), target)])
    else:
        array = cast(column.arrow(), target)
    if isinstance(dtype, np.dtype):
        if array.null_count and dtype.kind != "f":
            return None
        return pd.Series(to_numpy(array).astype(dtype, copy=False), copy=False)
    return from_arrow(array, dtype)
