"""Where the file of a pointer is: here, below the folder of the store, or at an object store."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import unquote

__all__ = ["OBJECT_STORES", "absolute", "is_url", "relative", "resolved", "url_problem"]

OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
"""Kinds of urls that are opened though only a record names them: what is signed for them is no secret."""

_URL = re.compile(
    r"(?:[a-z0-9+.-]+::)*(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_SECRET = re.compile(r"(?i)[?&;](?:[\w-]*(?:token|sig|signature|credential|secret|password|key))=")


def is_url(path: str) -> bool:
    """Return whether a path is a url of fsspec's, such as ``s3://bucket/curve.parquet``.

    Examples
    --------
    >>> is_url("s3://bucket/a.csv"), is_url("C:/a.csv"), is_url("a::b.csv")
    (True, False, False)
    """
    return _URL.match(path) is not None


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path from the root on; a url as it is."""
    given = os.fspath(path)
    return given if is_url(given) else os.path.abspath(given)


def url_problem(url: str) -> str | None:
    """Return why a url can be none of a pointer, without the url; None if it can.

    Examples
    --------
    >>> url_problem("https://me:pw@host/a.csv"), url_problem("s3://bucket/a.csv")
    ('its user and password would be in the record; say them in the configuration of fsspec', None)
    """
    found = _URL.match(url)
    rest = found["rest"] if found else url
    if re.search(r":[^/]*@", rest.partition("/")[0]):
        return "its user and password would be in the record; say them in the configuration of fsspec"
    if _SECRET.search(rest):
        return "what gives access stands in it, and would be in the record; use a url without that"
    if "::" in url:
        return "it is a chain of urls; use the url of the file itself"
    if ".." in re.split(r"[/\\]", unquote(rest)):
        return "it has '..' in it"
    if "\0" in url or not rest.strip("/"):
        return "it names no file"
    return None


def relative(path: str, base: str | None) -> str | None:
    """Return a path, or url, as it is below a folder, with slashes; None if it is not there.

    Examples
    --------
    >>> relative("/study/curves/a.csv", "/study"), relative("/other/a.csv", "/study")
    ('curves/a.csv', None)
    >>> relative("s3://bucket/study/a.csv", "s3://bucket/study/")
    'a.csv'
    """
    if base is None or is_url(path) != is_url(base):
        return None
    if is_url(path):
        start = base.rstrip("/") + "/"
        return path.removeprefix(start) if path.startswith(start) else None
    try:
        below = os.path.relpath(path, base)
    except ValueError:  # another drive
        return None
    found = below.replace(os.sep, "/")
    return found if _relative_problem(found) is None and not is_url(found) else None


def resolved(
    path: str, below: object, base: str | None, remote: Sequence[str] = ()
) -> tuple[str, str | None]:
    """Return where the file is that a record names, and why it is not opened, None if it is.

    A record is no authority: of urls only those are opened that are below the base or what the user says, and
    those of object stores, which get no secret of the user's. Whatever is opened has to have the size and
    the digest that the record says, so that it tells nobody anything new.

    Parameters
    ----------
    path : str
        Where it was.
    below : object
        Where it was below the base, if the record says so.
    base : str, optional
        A folder, or url.
    remote : sequence of str
        How other urls begin that may be opened.
    """
    near, base_is_url = None, base is not None and is_url(base)
    if base is not None and isinstance(below, str) and not is_url(below):
        if (problem := _relative_problem(below)) is not None:
            return below, problem
        near = f"{base.rstrip('/')}/{below}" if base_is_url else os.path.join(base, *below.split("/"))
        if base_is_url and url_problem(f"at://base/{below}") is not None:
            near = None
    if near is not None and (is_url(near) or os.path.lexists(near)):
        return near, None
    if is_url(path):
        return path, _refusal(path, [*remote, *([base] if base and base_is_url else ())])
    if os.path.isabs(path):
        return path, None
    return path, _relative_problem(path) or "its path is not absolute"


def _refusal(url: str, remote: Sequence[str]) -> str | None:
    """Return why a url is not opened because a record names it, None if it is."""
    if (problem := url_problem(url)) is not None:
        return problem
    scheme = url.partition("://")[0].lower()
    if scheme in OBJECT_STORES or url.startswith(tuple(one.rstrip("/") + "/" for one in remote)):
        return None
    return f"a record alone opens no {scheme}:// url; remote=[…] with how it begins does"


def _relative_problem(path: str) -> str | None:
    if "\0" in path:
        return "that is no path"
    parts = re.split(r"[/\\]" if os.name == "nt" else "/", path)
    if any(part in ("", ".", "..") for part in parts) or (os.name == "nt" and ":" in path):
        return "it is to be below a folder, and leaves it"
    return None
