"""Results on the command line: names with values, and JSON5 documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from torc_frames import settings
from torc_frames.cli.documents import parse_documents
from torc_frames.cli.options import StoreOptions
from torc_frames.errors import NotInJobError, Problem, RefusedError
from torc_frames.files.json5 import value_of
from torc_frames.frame.flatten import Path, join, set_path, split
from torc_frames.frame.nested import has

if TYPE_CHECKING:
    from torc_frames.workflow.run.job import Job

__all__ = ["is_result", "own_job", "parse_records", "parse_results"]

_PAIR = re.compile(r"([^={\[\"'][^=]*)=(.*)", re.DOTALL)
_NUMBERS = re.compile(r"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)


def is_result(text: str) -> bool:
    """Return whether an argument is a result, not the key of a job."""
    return text.lstrip()[:1] == "{" or _PAIR.fullmatch(text) is not None


def parse_results(texts: Sequence[str]) -> dict[str, Any]:
    r"""Return what NAME=VALUE and documents say together.

    A dot in a name is a level (``model.depth=3``), ``\.`` a dot. A value is JSON5; what is none is text, a
    number that programs print as nan or inf is one, and what is empty is missing.

    Raises
    ------
    RefusedError
        Naming what is neither, no object, or there twice.
    """
    results: dict[str, Any] = {}
    problems: list[Problem] = []
    for text in texts:
        pair = _PAIR.fullmatch(text)
        try:
            if pair is not None:
                _set(results, split(pair[1].strip()), _value(pair[2]))
            else:
                for key, value in _document(text).items():
                    _set(results, (key,), value)
        except RefusedError as error:
            problems += error.problems
    if problems:
        raise RefusedError(problems)
    return results


def parse_records(texts: Sequence[str], *, exact: bool = True) -> list[Any]:
    """Return the records that documents are, each by itself, and all NAME=VALUE together.

    Raises
    ------
    RefusedError
        As `parse_documents` and `parse_results`.
    """
    pairs = [text for text in texts if _PAIR.fullmatch(text)]
    records = parse_documents([text for text in texts if text not in pairs], exact=exact)
    if pairs:
        records.insert(texts.index(pairs[0]), parse_results(pairs))
    return records


def own_job(options: StoreOptions, key: str | None) -> Job:
    """Return the job of a key; where this process is that job, or no key is given, as `current_job` does."""
    if _is_own(options, key):
        from torc_frames.workflow.run.runner import current_job

        return current_job()
    if key is None:
        raise click.UsageError(f"which job? Give its key first; inside a job {settings.JOB_ID} says it")
    return options.job(key)


def _is_own(options: StoreOptions, key: str | None) -> bool:
    """Return whether this process is the job of a key in the store and workflow that the options name."""
    try:
        own = settings.job_environment()
    except NotInJobError:
        return False
    url = options.database_url or own.url
    same = settings.absolute_url(url) == settings.absolute_url(own.url)
    return same and key in (None, own.job_key) and options.workflow_key in (None, own.workflow_key)


def _document(text: str) -> dict[str, Any]:
    if text.lstrip()[:1] != "{":
        raise RefusedError(f"{text!r} is no result: write NAME=VALUE, or {{NAME: VALUE}}")
    [document] = parse_documents([text], exact=False)
    return dict(document)


def _value(text: str) -> Any:
    if not text.strip():
        return None
    if _NUMBERS.fullmatch(text.strip()):
        return float(text)
    try:
        return value_of(text)
    except ValueError:
        return text


def _set(results: dict[str, Any], path: Path, value: Any) -> None:
    if has(results, path):
        raise RefusedError(f"{join(path)!r} is there twice")
    set_path(results, path, value)
