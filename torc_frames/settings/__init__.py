"""The TORC_* variables and torc's config files, read here; and the variables made for jobs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torc_frames.errors import NotInJobError, RefusedError, warn
from torc_frames.settings.masked import masked
from torc_frames.settings.regular import open_regular

__all__ = [
    "API_URL",
    "ATTEMPT_ID",
    "BASE",
    "COOKIE_HEADER",
    "DATABASE_URL",
    "DEFAULT_URL",
    "JOB_ID",
    "JOB_KEY",
    "JOB_NAME",
    "OUTPUT_DIR",
    "PASSWORD",
    "RUN_ID",
    "TLS_CA_CERT",
    "TLS_INSECURE",
    "USERNAME",
    "WORKFLOW_ID",
    "WORKFLOW_KEY",
    "WORKFLOW_SUBMISSION_DIR",
    "JobEnvironment",
    "Said",
    "__version__",
    "absolute_url",
    "config_files",
    "database_path",
    "default_url",
    "drafts_folder",
    "hurried",
    "hurry",
    "is_secret",
    "job_base",
    "job_environment",
    "mapped",
    "said",
    "store_base",
]

__version__ = "0.1.0"

API_URL = "TORC_API_URL"
BASE = "TORC_FRAMES_BASE"
DATABASE_URL = "TORC_DATABASE_URL"
USERNAME = "TORC_USERNAME"
PASSWORD = "TORC_PASSWORD"  # noqa: S105 (the name of a variable)
COOKIE_HEADER = "TORC_COOKIE_HEADER"
TLS_CA_CERT = "TORC_TLS_CA_CERT"
TLS_INSECURE = "TORC_TLS_INSECURE"
WORKFLOW_KEY = "TORC_WORKFLOW_KEY"
WORKFLOW_ID = "TORC_WORKFLOW_ID"
JOB_KEY = "TORC_JOB_KEY"
JOB_ID = "TORC_JOB_ID"
JOB_NAME = "TORC_JOB_NAME"
RUN_ID = "TORC_RUN_ID"
ATTEMPT_ID = "TORC_ATTEMPT_ID"
OUTPUT_DIR = "TORC_OUTPUT_DIR"
WORKFLOW_SUBMISSION_DIR = "TORC_WORKFLOW_SUBMISSION_DIR"

DEFAULT_URL = "torc_frames.db"
DRAFTS = "TORC_FRAMES_DRAFTS"

SYSTEM_CONFIG = Path("/etc/torc/config.toml")
LOCAL_CONFIG = Path("torc.toml")

# The variables that say a setting, strongest first; then the key that says it in a config file.
_VARIABLES = {
    "url": (API_URL, DATABASE_URL, "TORC_CLIENT__API_URL"),
    "username": (USERNAME, "USER", "USERNAME"),
    "password": (PASSWORD,),
    "cookie": (COOKIE_HEADER,),
    "ca_cert": (TLS_CA_CERT, "TORC_CLIENT__TLS__CA_CERT"),
    "insecure": (TLS_INSECURE, "TORC_CLIENT__TLS__INSECURE"),
}
_KEYS = {"url": "client.api_url", "ca_cert": "client.tls.ca_cert", "insecure": "client.tls.insecure"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_SECRET = re.compile("PASSWORD|COOKIE|TOKEN|SECRET")
_CREDENTIALS = re.compile(r"(?://|:)\S*@")
_OPTIONS = re.compile(r"\?\w+=")
# What was meant as the url of a server: http: with a slash too few, a user and password, a host and port.
_LIKE_SERVER = re.compile(
    r"(?P<scheme>https?):/?(?P<rest>[^/].*)|(?![A-Za-z]:[\\/])(?P<login>[^/\\]*:.*@.*)"
    r"|(?P<host>(?:[^/\\]*@)?(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]+(?:/.*)?)",
    re.IGNORECASE | re.DOTALL,
)
# What stands before a user and password, or a host and port, in a url that is none: //me:…@host, http//…
_BAD_START = re.compile(
    r"\A(?:(https?)[^\w@]{1,6}(?=[^/\\]*:[^/\\]*@|[\w.-]+:[0-9]+(?:[/\\]|$))"
    r"|:{0,2}[/\\]+(?=[^/\\]*:[^/\\]*@)|[/\\]{2,}(?=[\w.-]+:[0-9]+(?:[/\\]|$)))",
    re.IGNORECASE,
)
_SERVER_PATH = "/torc-service/v1"
_SQLITE_FORMS = "a path, sqlite:///relative.db or sqlite:////absolute.db"


@dataclass(frozen=True, slots=True)
class JobEnvironment:
    """Which job a process is, as its environment says.

    ``workflow_key``, ``run_id`` and ``attempt_id`` are None where the environment does not tell.
    ``url`` may hold a password, so it is not shown.
    """

    url: str = field(repr=False)
    workflow_key: str | None
    job_key: str
    run_id: int | None = None
    attempt_id: int | None = None
    output_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What one place says about a setting.

    Attributes
    ----------
    text : str
        The value. It may be a password, so it is not shown.
    source : str
        The variable or file that says so.
    folder : Path or None
        Where the file is, as paths in it are relative to that.
    cloned : bool
        Whether it is ``./torc.toml``: that may have come with a repository, so it is not the user's word.
    """

    text: str = field(repr=False)
    source: str
    folder: Path | None = None
    cloned: bool = False


def said(setting: str) -> Iterator[Said]:
    """Yield what is said about a setting, strongest place first.

    The environment, then ``./torc.toml``, the user's and the system's config file. What is empty counts as
    not said. A file is read when it is its turn.

    Parameters
    ----------
    setting : str
        ``"url"``, ``"username"``, ``"password"``, ``"cookie"``, ``"ca_cert"`` or ``"insecure"``.

    Raises
    ------
    RefusedError
        If a file can not be read or is broken, or holds a value of a wrong kind.
    """
    for name in _VARIABLES[setting]:
        if text := os.environ.get(name):
            yield Said(text, name)
    if setting in _KEYS:
        for path in config_files():
            if text := _text(path, _KEYS[setting]):
                local = path == LOCAL_CONFIG
                source = os.path.join(os.curdir, path) if local else str(path)
                yield Said(text, source, Path(os.path.abspath(path)).parent, local)


def config_files() -> list[Path]:
    """Return the config files of torc that exist, strongest first."""
    return [path for path in (LOCAL_CONFIG, _user_config(), SYSTEM_CONFIG) if path and path.exists()]


def default_url() -> str:
    """Return the url of the store to use when none is given.

    The strongest that is said: TORC_API_URL, the older TORC_DATABASE_URL, TORC_CLIENT__API_URL, then
    ``client.api_url`` of ``./torc.toml``, the user's or the system's config file; else ``torc_frames.db`` in
    the working directory. It may hold a password.

    To open a server by it, give `server_settings` no url: it asks the same places, and knows which of them
    may be trusted with a password.
    """
    found = next(said("url"), None)
    return DEFAULT_URL if found is None else found.text


def drafts_folder() -> Path:
    """Return where editors keep unsaved edits: TORC_FRAMES_DRAFTS, or a folder of the user's state."""
    if own := os.environ.get(DRAFTS):
        return Path(own).expanduser().absolute()
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return state / "torc_frames" / "drafts"


hurried: ContextVar[bool] = ContextVar("hurried", default=False)
"""Whether somebody waits at a screen, and servers that don't answer are asked less often; see `hurry`."""


@contextmanager
def hurry() -> Iterator[None]:
    """Have what is asked for meanwhile fail sooner where nobody answers."""
    token = hurried.set(True)
    try:
        yield
    finally:
        hurried.reset(token)


mapped: ContextVar[JobEnvironment | None] = ContextVar("mapped", default=None)
"""Which job a function is called for that is mapped, in a process that is none."""


def job_environment() -> JobEnvironment:
    """Return which job this process is, or is at work for.

    Raises
    ------
    NotInJobError
        If the environment does not name a job, or names no store and there is no default one in the
        working directory.
    """
    if (called := mapped.get()) is not None:
        return called
    url, job_key = _first(API_URL, DATABASE_URL), _first(JOB_KEY, JOB_ID)
    if url is None and os.path.exists(DEFAULT_URL):
        url = DEFAULT_URL
    missing = [f"{API_URL} (or {DATABASE_URL})"] if url is None else []
    missing += [f"{JOB_KEY} (or {JOB_ID})"] if job_key is None else []
    if url is None or job_key is None:
        raise NotInJobError(
            f"this process is not a job: {' and '.join(missing)} not set; to try a script outside a job, "
            f"name a store and one of its jobs: {API_URL}=study.db {JOB_KEY}=1 python run.py"
        )
    return JobEnvironment(
        url=url,
        workflow_key=_first(WORKFLOW_KEY, WORKFLOW_ID),
        job_key=job_key,
        run_id=_number(RUN_ID),
        attempt_id=_number(ATTEMPT_ID),
        output_dir=_first(OUTPUT_DIR),
    )


def store_base(url: str) -> str | None:
    """Return what pointers of a store are relative to: its file's folder, or what TORC_FRAMES_BASE says."""
    if path := database_path(url):
        return os.path.dirname(os.path.abspath(path))
    return os.environ.get(BASE) or None


def job_base() -> str | None:
    """Return what pointers of this process's job are relative to; else what TORC_FRAMES_BASE says."""
    try:
        return store_base(job_environment().url)
    except NotInJobError:
        return os.environ.get(BASE) or None


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable of torc or torc_frames holds a secret, or a url with one.

    Examples
    --------
    >>> is_secret("TORC_PASSWORD", "x"), is_secret("TORC_CLIENT__API_URL", "https://me:pw@host/")
    (True, True)
    >>> is_secret("TORC_USERNAME", "me"), is_secret("AWS_SECRET_ACCESS_KEY", "x")
    (False, False)
    """
    return name.startswith("TORC_") and bool(_SECRET.search(name) or _CREDENTIALS.search(value))


def absolute_url(url: str) -> str:
    """Return the url with the path of an embedded store made absolute; others as they are."""
    path = database_path(url)
    if path is None:
        return url
    absolute = os.path.abspath(path)
    return f"sqlite:///{absolute}" if url.startswith("sqlite:") else absolute


def database_path(url: str) -> Path | None:
    """Return the file of an embedded store's url, or None for a url of another kind.

    Raises
    ------
    RefusedError
        For an embedded store that is not a plain file, and for what looks like a server's url without its
        ``http://``. The message shows no password.

    Examples
    --------
    >>> str(database_path("sqlite:///study.db"))
    'study.db'
    >>> database_path("http://localhost:8080/torc-service/v1") is None
    True
    """
    url = masked(url)
    is_url = _SCHEME.match(url) is not None
    if url.startswith("sqlite:"):
        path = masked(url.removeprefix("sqlite:///"))
        if path == url or not path or _OPTIONS.search(path):
            raise RefusedError(f"a store is {_SQLITE_FORMS} (without options)")
    elif is_url:
        return None
    else:
        wrong = _like_server(url)
        if wrong is not None:
            raise RefusedError(wrong)
        path = url
    if not path or path.startswith(":memory:"):
        raise RefusedError(f"a store is a file, so that jobs can open it too: {_SQLITE_FORMS}")
    return Path(str(path))


def _like_server(url: str) -> str | None:
    """Return what to say of a url that was meant as a server's, None for others."""
    match = _LIKE_SERVER.fullmatch(_BAD_START.sub(lambda found: f"{found[1]}:" if found[1] else "", url))
    if match is None:
        return None
    scheme = (match["scheme"] or "http").lower()
    login, _, host = (match["rest"] or match["login"] or match["host"]).rpartition("@")
    path = "" if "/" in host.rstrip("/") else _SERVER_PATH
    meant = f"{scheme}://{host.rstrip('/')}{path}"
    more = f", with {USERNAME} and {PASSWORD} set?" if login else f"? A file of that name is ./{url}"
    return f"the url of a server starts with http:// or https://: did you mean {meant}{more}"


def _first(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _number(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else None


def _user_config() -> Path | None:
    """Return where torc looks for the user's config file; None for a user without a home."""
    if sys.platform == "win32":
        folder = os.environ.get("APPDATA", "")
    elif sys.platform == "darwin":
        folder = os.path.expanduser("~/Library/Application Support")
    else:
        folder = os.environ.get("XDG_CONFIG_HOME", "")
        if not os.path.isabs(folder):
            folder = os.path.expanduser("~/.config")
    return Path(folder, "torc", "config.toml") if os.path.isabs(folder) else None


def _text(path: Path, key: str) -> str | None:
    """Return the value of a key of a config file as text; None if the file does not say it."""
    value: Any = _read(path)
    *tables, last = key.split(".")
    at_the_top = value.get(last)
    for table in tables:
        value = value.get(table, {})
        if not isinstance(value, dict):
            raise RefusedError(f"{path}: [{table}] is not a table")
    value = value.get(last)
    if value is None and at_the_top is not None:
        warn(
            f"{path}: {last} at the top of the file says nothing: write a line [{'.'.join(tables)}] above it"
        )
    if isinstance(value, str):
        problem = _url_problem(value) if key == _KEYS["url"] and value else None
        if problem:
            raise RefusedError(f"{path}: {key} {problem}")
        return value
    if value is None:
        return None
    if key == _KEYS["insecure"] and isinstance(value, int):
        return str(value).lower()
    wanted = "true or false" if key == _KEYS["insecure"] else "text in quotes"
    raise RefusedError(f"{path}: {key} is {wanted}, not {type(value).__name__}")


def _url_problem(url: str) -> str | None:
    if not re.match("https?://", url, re.IGNORECASE):
        return "names no server: it starts with http:// or https://"
    if "@" in url:
        return (
            "holds a user or password, which do not belong into a file: "
            f"take them out and set {USERNAME} and {PASSWORD}"
        )
    return None


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        with open_regular(path) as file:
            return tomllib.load(file)
    except OSError as error:
        raise RefusedError(f"can not read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{path} is not TOML that can be read: {error}") from None
