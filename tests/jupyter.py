"""A real JupyterLab or Notebook 7 in a real Chromium, driven by tests.

The fixtures are in `conftest.py`. A test writes a notebook, opens it and drives its page with Playwright:

    def test_a_box_is_ticked(lab: Jupyter) -> None:
        notebook = lab.open("import ipywidgets", "box = ipywidgets.Checkbox(); box")
        notebook.run_all()
        notebook.output(1).get_by_role("checkbox").check()
        notebook.wait_for("box.value", True)          # asks the kernel until it is so
        notebook.screenshot("box")                    # into TORC_FRAMES_SCREENSHOTS, if that is set

``lab`` and ``notebook7`` close what they opened, stop its kernels, and fail the test if a request went to
anywhere but their server, or if the page wrote an error to its console. No browser or server: the test is
skipped and says how to get them; with TORC_FRAMES_REQUIRE_ALL=1 it fails.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from forked_kernel import FORKED, Zygote
from servers import need, plain_environment, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, WebSocket

_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
_CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Virtual scrolling takes outputs, and the widgets in them, off the page.
_SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}
_THEMES = "@jupyterlab/apputils-extension/themes"
_APPLICATIONS = {
    "lab": ("jupyterlab", ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url="]),
    "notebook": ("notebook", ["--expose-app-in-browser"]),
}
# What the applications write to the console by themselves.
_OWN_ERRORS = {
    "lab": [],
    # Of a setting that only JupyterLab has.
    "notebook": ["Cannot read properties of undefined (reading 'schema')"],
}
_AXE = Path(__file__).parents[1] / "torc_frames/widgets/static/node_modules/axe-core/axe.min.js"
_START_SECONDS = 120
_PAGE_MS = 60_000
_VIEWPORT: Any = {"width": 1280, "height": 900}
_LOG_TAIL = 4000


@contextmanager
def chromium() -> Iterator[Callable[[], Browser]]:
    """Yield what gives Debian's Chromium without a window: one, and another when that has died.

    While Playwright runs, an asyncio loop is running in this thread, which other tests could not stand.
    """
    names = [os.environ.get("TORC_FRAMES_CHROMIUM", ""), *_CHROMIUM_NAMES]
    path = need("Chromium", next(filter(None, map(shutil.which, filter(None, names))), None), _GET_CHROMIUM)
    need("Playwright", find_spec("playwright"), _GET_PACKAGES)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browsers: list[Browser] = []

        def living() -> Browser:
            if not browsers or not browsers[-1].is_connected():
                launch = playwright.chromium.launch
                browsers.append(launch(executable_path=path, headless=True, args=_CHROMIUM_ARGUMENTS))
            return browsers[-1]

        yield living
        for browser in browsers:
            browser.close()


_GET_CHROMIUM = "apt-get install chromium, or TORC_FRAMES_CHROMIUM=/path/to/it"
_GET_AXE = "npm install --no-package-lock --ignore-scripts in torc_frames/widgets/static"
_GET_PACKAGES = "pip install -e '.[test]'"


class JupyterServer:
    """A server of JupyterLab (``lab``) or Notebook 7 (``notebook``): a process, a folder, a port."""

    def __init__(self, application: str, directory: Path) -> None:
        self.application, self.directory = application, directory
        self.url = ""
        self.notebooks = directory / "notebooks"
        self.log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._zygote: Zygote | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        module, options = _APPLICATIONS[self.application]
        need(module, find_spec(module), _GET_PACKAGES)
        self._write_settings()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", module, "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
        command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password="]
        command += ["--ServerApp.disable_check_xsrf=True"]  # or it would not let us stop kernels
        command += [f"--ServerApp.root_dir={self.notebooks}", "--allow-root", *options]
        environment = self._environment()
        with self.log.open("wb") as log:
            self._zygote = Zygote(self.directory, environment, log)
            self._zygote.write_spec(self.directory / "path")
            self._process = subprocess.Popen(
                command,
                cwd=self.notebooks,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(self._answers, f"{module} at {self.url}", _START_SECONDS)
        except BaseException as error:
            self.stop()
            error.add_note(self.log.read_text(errors="replace")[-_LOG_TAIL:])
            raise

    def stop(self) -> None:
        """Stop its kernels, then itself, then what they were forked from."""
        process, self._process = self._process, None
        zygote, self._zygote = self._zygote, None
        try:
            if process is not None:
                process.terminate()
                process.wait(20)
        finally:
            if process is not None:
                process.kill()
                process.wait()
            if zygote is not None:
                zygote.stop()

    def stop_kernels(self) -> None:
        """Stop all kernels, and the sessions they belong to, once no page is connected to any.

        Channels to a kernel that is gone before them try to connect to its ports for ever.
        """
        wait_until(self._is_left, "the pages to leave their kernels")
        for session in self._get("sessions"):
            requests.delete(f"{self.url}/api/sessions/{session['id']}", timeout=30).raise_for_status()

    def _is_left(self) -> bool:
        return not any(kernel["connections"] for kernel in self._get("kernels"))

    def _get(self, what: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.url}/api/{what}", timeout=30)
        answer.raise_for_status()
        listed: list[dict[str, Any]] = answer.json()
        return listed

    def _write_settings(self) -> None:
        self.notebooks.mkdir(parents=True)
        for name, settings in _SETTINGS.items():
            path = self.directory / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings))

    def _environment(self) -> dict[str, str]:
        """Return an environment in which nothing of this user's Jupyter is found."""
        kept = {k: v for k, v in plain_environment(self.directory).items() if not k.startswith("JUPYTER")}
        names = {
            "HOME": "home",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_PATH": "path",  # the kernels of `forked_kernel`, before those that are installed
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
        }
        for folder in names.values():
            (self.directory / folder).mkdir(exist_ok=True)
        return kept | {variable: str(self.directory / folder) for variable, folder in names.items()}

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ChildProcessError("the server ended")
        try:
            return requests.get(f"{self.url}/api/status", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False


def violations(page: Page, what: Locator) -> dict[str, list[str]]:
    """Return the rules of axe-core that a part of a page breaks, each with the nodes that do."""
    path = need("axe-core", _AXE.exists() and _AXE, _GET_AXE)
    if not page.evaluate("'axe' in window"):
        page.evaluate(path.read_text())
    found = page.evaluate(_AXE_JS, what.element_handle())
    return {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in found}


@contextmanager
def jupyter_server(application: str, directory: Path) -> Iterator[JupyterServer]:
    """Run a server for as long as the block lasts."""
    server = JupyterServer(application, directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Jupyter:
    """A browser at a server: opens notebooks, and watches what their pages do."""

    def __init__(self, server: JupyterServer, browser: Browser) -> None:
        self.server = server
        # A theme that an earlier test has chosen.
        (server.directory / "settings" / f"{_THEMES}.jupyterlab-settings").unlink(missing_ok=True)
        self.context = _context(browser)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        for page in self.context.pages:
            if not page.url.startswith(server.url):
                page.close()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._watched: dict[str, Callable[[Any], None]] = {
            "request": lambda request: self.requests.append(request.url),
            "console": self._on_console,
            "weberror": lambda error: self.errors.append(str(error.error)),
        }
        for event, heard in self._watched.items():
            self.context.on(event, heard)  # type: ignore[call-overload]
        self._left = [page for page in self.context.pages if page.url.startswith(f"{server.url}/lab")]
        """The page that the last test left, see `close`."""
        self._pages: list[Page] = []

    def open(self, *cells: str, name: str | None = None) -> Notebook:
        """Write a notebook of some cells of code, and open it with a kernel that is ready.

        All kernels have imported torc_frames.widgets already.
        """
        name = name or f"test-{len(list(self.server.notebooks.iterdir()))}.ipynb"
        (self.server.notebooks / name).write_text(json.dumps(_notebook(cells)))
        left = self._left.pop() if self._left else None
        page = left or self.context.new_page()
        self._pages.append(page)
        page.on("websocket", self._on_socket)
        notebook = Notebook(page, f"{self.server.url}{self._path(name)}", self._asked_too_early)
        if left:
            notebook.load_in_place(name)
        else:
            notebook.load()
        return notebook

    def check(self) -> None:
        """Raise AssertionError if a request left the server, or a page wrote an error to its console."""
        home = urlsplit(self.server.url).netloc
        away = [url for url in self.requests if urlsplit(url).scheme not in ("data", "blob")]
        away = [url for url in away if urlsplit(url).netloc != home]
        assert not away, f"requests that left {home}: {away}"
        own = _OWN_ERRORS[self.server.application]
        errors = [error for error in self.errors if error not in own]
        assert not errors, f"errors in the browser's console: {errors}"

    def close(self) -> None:
        """Close all notebooks, and stop their kernels.

        A page of JupyterLab is left for the next test, whose notebook is open in a second then and not in
        eight; Notebook 7 has a page for each notebook.
        """
        for at, page in enumerate(self._pages):
            page.remove_listener("websocket", self._on_socket)
            if at or self.server.application != "lab" or not _cleared(page):
                page.close()
        for event, heard in self._watched.items():
            self.context.remove_listener(event, heard)
        self.server.stop_kernels()

    def _path(self, name: str) -> str:
        if self.server.application == "lab":
            return f"/lab/workspaces/{name.removesuffix('.ipynb')}/tree/{name}?reset"
        return f"/notebooks/{name}"

    def _asked_too_early(self) -> None:
        """Forget what JupyterLab said of widgets that it did not find, see `Notebook.reload`."""
        self.errors[:] = [error for error in self.errors if "widget model not found" not in error]

    def _on_socket(self, socket: WebSocket) -> None:
        self.requests.append(socket.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")


def _cleared(page: Page) -> bool:
    """Close the notebooks of a page, and show it as it was at first; False if it can't be used again."""
    from playwright.sync_api import Error

    try:
        page.set_viewport_size(_VIEWPORT)
        return bool(page.evaluate(_CLEAR_JS))
    except Error:
        return False


def _context(browser: Browser) -> BrowserContext:
    """Return the browser's one context: in its cache is the applications' code, half of opening them."""
    if not browser.contexts:
        context = browser.new_context(viewport=_VIEWPORT)
        context.set_default_timeout(_PAGE_MS)
    return browser.contexts[0]


@contextmanager
def jupyter(server: JupyterServer, browser: Browser) -> Iterator[Jupyter]:
    """Drive a server for as long as the block lasts; what its pages did wrong is an error at the end."""
    opened = Jupyter(server, browser)
    try:
        yield opened
        opened.check()
    finally:
        opened.close()


class Notebook:
    """An open notebook. `page` is Playwright's; what needs Python is asked of the kernel."""

    def __init__(self, page: Page, url: str, not_found: Callable[[], None]) -> None:
        self.page, self.url, self._not_found = page, url, not_found

    def load(self) -> None:
        """Open the page."""
        self.page.goto(self.url)
        self.page.wait_for_function(_READY_JS)

    def reload(self) -> None:
        """Open the page anew, and wait until its widgets are there again; the kernel lives on.

        JupyterLab asks the kernel for the widgets when it is connected. On a busy machine it has been seen to
        ask too early, and shows "model not found" then, of any widget, until the page is opened once more.
        """
        for last in (False, False, True):
            self.load()
            self.page.wait_for_function(_RESTORED_JS)
            if last or not self.page.get_by_text(_NOT_FOUND).count():
                return
            self._not_found()

    def load_in_place(self, name: str) -> None:
        """Open it in the JupyterLab that the page shows already."""
        self.page.evaluate(_OPEN_JS, [name, FORKED])
        self.page.wait_for_function(_READY_JS)

    def run(self, cell: int) -> None:
        """Run a cell, wait until it has run, and raise AssertionError if it failed."""
        errors = self.page.evaluate(_RUN_JS, cell)
        assert not errors, "\n".join(errors)

    def run_all(self) -> None:
        """Run all cells in turn."""
        for cell in range(self.page.evaluate(f"{_PANEL_JS}.content.widgets.length")):
            self.run(cell)

    def output(self, cell: int) -> Locator:
        """Return the output of a cell."""
        return self.page.locator(".jp-Notebook-cell").nth(cell).locator(".jp-Cell-outputArea")

    def value(self, expression: str) -> Any:
        """Return what an expression is in the kernel; it must be something that JSON can say."""
        code = f"__import__('json').dumps({expression})"
        answer = self.page.evaluate(_VALUE_JS, code)
        assert answer["status"] == "ok", f"{expression}: {answer}"
        text = answer["data"]["text/plain"]
        return json.loads(ast.literal_eval(text))

    def wait_for(self, expression: str, expected: Any, seconds: float = 20) -> None:
        """Wait until an expression in the kernel is what is expected."""
        end = time.monotonic() + seconds
        while (found := self.value(expression)) != expected:
            assert time.monotonic() < end, f"{expression} is {found!r}, not {expected!r}"
            time.sleep(0.02)  # or asking is what keeps the kernel from getting there

    def execute(self, code: str) -> None:
        """Run code in the kernel, outside of any cell."""
        error = self.page.evaluate(_EXECUTE_JS, code)
        assert not error, error

    def theme(self, dark: bool) -> None:
        """Show everything light or dark."""
        self.page.evaluate(_THEME_JS, "JupyterLab Dark" if dark else "JupyterLab Light")
        self.page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str(not dark).lower()}'")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def copy(self, text: str) -> None:
        """Put text on the clipboard of the machine, as another program would."""
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)

    def clipboard(self) -> str:
        """Return what is on the clipboard."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def accessibility_problems(self, what: Locator) -> list[str]:
        """Return what axe-core finds wrong with a part of the page; see `accessibility_problems`."""
        return accessibility_problems(self.page, what)

    def screenshot(self, name: str, what: Locator | None = None) -> Path | None:
        """Take a picture of the page or a part of it; see `screenshot`."""
        return screenshot(what or self.page, name)


def screenshot(what: Page | Locator, name: str) -> Path | None:
    """Take a picture, if TORC_FRAMES_SCREENSHOTS says where to."""
    folder = os.environ.get("TORC_FRAMES_SCREENSHOTS")
    if not folder:
        return None
    path = Path(folder).absolute() / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    what.screenshot(path=path, animations="disabled")
    return path


def accessibility_problems(page: Page, what: Locator) -> list[str]:
    """Return what axe-core finds wrong with a part of a page, each with the nodes that have it."""
    nodes = violations(page, what)
    # The grid around it has the focus, and its keys scroll, which axe can't know.
    scrolling = nodes.pop("scrollable-region-focusable", [])
    if others := [html for html in scrolling if not html.startswith('<div class="slick-viewport')]:
        nodes["scrollable-region-focusable"] = others
    return [f"{rule}: {html}" for rule, html in nodes.items()]


def _notebook(cells: Sequence[str]) -> dict[str, Any]:
    made = [
        {
            "cell_type": "code",
            "id": f"cell-{at}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for at, source in enumerate(cells)
    ]
    spec = {"name": FORKED, "display_name": FORKED, "language": "python"}
    return {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}


_PANEL_JS = "window.jupyterapp.shell.currentWidget"
_READY_JS = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const session = panel?.sessionContext;
  return panel?.content?.widgets?.length && session?.isReady && session.session?.kernel?.status === 'idle';
}"""
_NOT_FOUND = "Error displaying widget: model not found"
# A widget that is waited for says so.
_RESTORED_JS = """() => {
  const nodes = [...document.querySelectorAll('.jp-OutputArea-output')];
  return nodes.length && nodes.every(each => !each.textContent.includes('Loading widget...'));
}"""
# The braces: its answer, a widget and all that it knows, would be sent to Python.
_OPEN_JS = """async ([path, name]) => {
  await window.jupyterapp.commands.execute(
    'docmanager:open', {path, factory: 'Notebook', kernel: {name}});
}"""
_CLEAR_JS = """async () => {
  const app = window.jupyterapp;
  for (const widget of [...app.shell.widgets('main')]) widget.dispose();
  if (document.querySelector('.jp-Dialog')) return false;
  if (document.body.dataset.jpThemeLight !== 'true') {
    await app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'});
  }
  return true;
}"""
_RUN_JS = f"""async cell => {{
  const panel = {_PANEL_JS};
  panel.content.activeCellIndex = cell;
  panel.content.deselectAll();
  await window.jupyterapp.commands.execute('notebook:run-cell');
  const outputs = panel.content.widgets[cell].model.outputs.toJSON();
  return outputs.filter(each => each.output_type === 'error').map(each => each.traceback.join('\\n'));
}}"""
_VALUE_JS = f"""async code => {{
  const kernel = {_PANEL_JS}.sessionContext.session.kernel;
  const future = kernel.requestExecute({{code: '', silent: true, user_expressions: {{value: code}}}});
  return (await future.done).content.user_expressions.value;
}}"""
_EXECUTE_JS = f"""async code => {{
  const kernel = {_PANEL_JS}.sessionContext.session.kernel;
  const reply = (await kernel.requestExecute({{code, store_history: false}}).done).content;
  return reply.status === 'ok' ? null : (reply.traceback || [reply.ename]).join('\\n');
}}"""
_AXE_JS = "async node => (await axe.run(node, {resultTypes: ['violations']})).violations"
_THEME_JS = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
