"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(Path(__file__).parent))

from jupyter import Jupyter, JupyterServer, chromium, jupyter, jupyter_server
from servers import TorcServer
from services import Service
from stores import EVERY_STORE, STORES, StoreKind

from torc_frames.store.base import Store

# Run by a Python of its own, which has the packages that they import.
collect_ignore = ["run_torc_client_064.py"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control starts what runs in the background deaf to Ctrl-C, and so would be the
    # processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# These machines are shared: how long an example takes says nothing. Explaining traces every line, which can
# take longer than a test may, and then what failed is not told.
settings.register_profile(
    "full",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
# While working, half of the examples that `.ci/run` has tried.
settings.register_profile("default", parent=settings.get_profile("full"), max_examples=50)
settings.register_profile("thorough", parent=settings.get_profile("full"), max_examples=5000)
settings.load_profile("default")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with a store on every kind, or on those that it is marked with."""
    if "store_kind" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("stores")
        metafunc.parametrize("store_kind", mark.args if mark else EVERY_STORE, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test in a browser that fails is run once more; what fails twice is a failure.

    Chromium itself crashes now and then, and JupyterLab has races of its own. `pytest -rR` names those tests.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    """The kinds of store in turn; see `stores.py` for how to choose them."""
    return STORES[request.param]


@pytest.fixture
def store_server(store_kind: StoreKind, request: pytest.FixtureRequest) -> TorcServer | None:
    """The server that the store needs."""
    return request.getfixturevalue(store_kind.server) if store_kind.server else None


@pytest.fixture
def store(store_kind: StoreKind, store_server: TorcServer | None, tmp_path: Path) -> Iterator[Store]:
    """An empty store, to write through."""
    store = store_kind.make(tmp_path, store_server)
    yield store
    store.close()


@pytest.fixture
def reader(store: Store, store_kind: StoreKind, store_server: TorcServer | None) -> Iterator[Store]:
    """The same store, opened a second time by its url."""
    reader = store_kind.open(store.url, store_server)
    yield reader
    reader.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an embedded store may be made."""
    return tmp_path / "study.db"


@pytest.fixture
def clean_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty, with an environment that says nothing of torc."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    for name in [name for name in os.environ if name.startswith("TORC_") and name != "TORC_BIN_DIR"]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture(scope="session")
def torc_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorcServer]:
    """A real torc-server, for all tests; `wipe` deletes what they leave."""
    with TorcServer.start(tmp_path_factory.mktemp("torc-server")) as server:
        yield server


@pytest.fixture(scope="session")
def auth_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorcServer]:
    """One that asks for a password, and where users see their own workflows only."""
    with TorcServer.start(tmp_path_factory.mktemp("auth-server"), auth=True) as server:
        yield server


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorcServer]:
    """One that speaks TLS, with a certificate of a private authority."""
    with TorcServer.start(tmp_path_factory.mktemp("tls-server"), tls=True) as server:
        yield server


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of 2023 in both forms, which is only read; `wipe_service` deletes what tests leave."""
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="session")
def first_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One of March 2023, in the first form."""
    with Service(tmp_path_factory.mktemp("first-service"), "--form", "first") as service:
        yield service


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[TorcServer]:
    """One of the test's own, to stop or kill."""
    directory = tmp_path / "fresh-server"
    directory.mkdir()
    with TorcServer.start(directory) as server:
        yield server


@pytest.fixture(scope="module")
def browsers() -> Iterator[Callable[[], Any]]:
    """What gives a Chromium; see `chromium` for why no other module's."""
    with chromium() as living:
        yield living


@pytest.fixture
def browser(browsers: Callable[[], Any]) -> Any:
    """A Chromium that runs."""
    return browsers()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A JupyterLab, for all tests."""
    with jupyter_server("lab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A Notebook 7, for all tests."""
    with jupyter_server("notebook", tmp_path_factory.mktemp("notebook")) as server:
        yield server


@pytest.fixture
def lab(browser: Any, lab_server: JupyterServer) -> Iterator[Jupyter]:
    """A browser at a JupyterLab; see `jupyter.py` for how to drive it."""
    with jupyter(lab_server, browser) as opened:
        yield opened


@pytest.fixture
def notebook7(browser: Any, notebook_server: JupyterServer) -> Iterator[Jupyter]:
    """A browser at a Notebook 7."""
    with jupyter(notebook_server, browser) as opened:
        yield opened


@pytest.fixture(scope="module", params=["lab", "notebook7"])
def application_name(request: pytest.FixtureRequest) -> str:
    """The applications in turn: all tests of a module with one, then all with the other."""
    return str(request.param)


@pytest.fixture
def application(application_name: str, browser: Any, request: pytest.FixtureRequest) -> Jupyter:
    """A browser at each application."""
    return request.getfixturevalue(application_name)
