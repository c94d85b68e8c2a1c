"""A kind of fault, and the place where it is tried."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from servers import TorcServer, need_binary
from services import Service


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes
    ----------
    title : str
        What is done, and what must hold, in one line of the page.
    store : str
        Where: "embedded", "torc-server", "serve", "widgets", ...
    small, full : int
        How many attempts the suite makes, and how many the page reports.
    attempt : callable
        Does it once; an exception says that it fell. Returns how many things it tried, if not one.
    """

    title: str
    store: str
    small: int
    full: int
    attempt: Callable[[Place], int | None]


@dataclass
class Place:
    """Where attempts of one fault are made, one after the other."""

    folder: Path
    """Empty, and of this attempt only."""

    number: int
    """Which attempt it is, from 0 on."""

    servers: Servers

    @property
    def random(self) -> random.Random:
        """Random numbers of this attempt; the same ones every time."""
        return random.Random(self.number)


@dataclass
class Servers:
    """Servers for all attempts, started when they are first asked for."""

    folder: Path
    _stack: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def torc(self) -> TorcServer:
        """A real torc-server; skips or fails where there is none, see `servers.need_binary`."""
        need_binary("torc-server")  # before its folder is made, which is made once
        return self._stack.enter_context(TorcServer.start(self._new("torc-server")))

    @cached_property
    def service(self) -> Service:
        """``torc-frames serve`` of both forms."""
        return self._stack.enter_context(Service(self._new("service")))

    @cached_property
    def first_service(self) -> Service:
        """``torc-frames serve`` of the first form, which torc_frames writes to."""
        return self._stack.enter_context(Service(self._new("first-service"), "--form", "first"))

    def _new(self, name: str) -> Path:
        directory = self.folder / name
        directory.mkdir(parents=True)
        return directory


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Lend servers, and stop those that were started."""
    with ExitStack() as stack:
        yield Servers(folder, stack)
