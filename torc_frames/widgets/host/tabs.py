"""All editors that tabs have open, and which of them a tab finds again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from ipywidgets import DOMWidget

from torc_frames.errors import RefusedError
from torc_frames.widgets.host.tab import Shows, Tab

__all__ = ["Opening", "Tabs"]

_ID = msgspec.Meta(max_length=200)
_RELOAD_SECONDS = 2.0
"""So long a page that is loaded anew waits for the one that it was before to be gone."""


class Opening(msgspec.Struct, frozen=True, tag_field="kind", tag="open", forbid_unknown_fields=True):
    """The first message of a page.

    Attributes
    ----------
    workflow, editor, job : str
        What it shows; the job is "" but in an editor of one.
    page : str
        What it calls itself, until it is loaded anew.
    session : str
        The id of the tab that it was last, "" for none.
    """

    workflow: str
    editor: str
    page: str
    job: str = ""
    session: str = ""

    @property
    def what(self) -> tuple[str, str, str]:
        """What it shows."""
        return self.workflow, self.editor, self.job


class Tabs:
    """The tabs of one server; used in its event loop only.

    Parameters
    ----------
    make : callable
        Makes the widget of a workflow's key, an editor's name and a job's key, which may be "".
    most : int
        So many are kept: for another one, the one that no page has shown for the longest time is closed.
    seconds : float
        So long one is kept that no page shows.
    """

    def __init__(self, make: Callable[[str, str, str], DOMWidget], *, most: int, seconds: float) -> None:
        self._make = make
        self._most, self._seconds = most, seconds
        self._kept: dict[str, _Kept] = {}

    async def take(self, opened: Opening, page: Shows) -> Tab:
        """Return the tab of a page: the one that it had, or a new one.

        One that is doubled brings the id of the other, and gets one of its own.

        Raises
        ------
        RefusedError
            If there are too many that pages show.
        """
        kept = await self._found(opened)
        if kept is not None:
            kept.keep(opened)
            kept.tab.show(page)
            return kept.tab
        self._make_room()
        tab = Tab(lambda: self._make(*opened.what))
        self._kept[tab.id] = _Kept(tab, opened)
        tab.show(page)
        return tab

    def leave(self, tab: Tab, page: Shows) -> None:
        """Note that a page shows a tab no more; nothing if another does."""
        kept = self._kept.get(tab.id)
        if kept is None or tab.page is not page:
            return
        if tab.has_failed:
            self._close(kept)
        else:
            kept.is_left(self._seconds, lambda: self._close(kept))

    def close(self) -> list[Tab]:
        """Close all, and return them: their work may last."""
        kept = list(self._kept.values())
        for one in kept:
            self._close(one)
        return [one.tab for one in kept]

    async def _found(self, opened: Opening) -> _Kept | None:
        kept = self._kept.get(opened.session)
        if kept is None or kept.opened.what != opened.what:
            return None
        if kept.opened.page != opened.page:
            await kept.wait_until_left()
            if kept.is_closed or kept.tab.page is not None:
                return None
        return kept

    def _make_room(self) -> None:
        if len(self._kept) < self._most:
            return
        left = [kept for kept in self._kept.values() if kept.tab.page is None]
        if not left:
            raise RefusedError(f"{self._most} editors are open: close one of their pages, and try again")
        self._close(min(left, key=lambda kept: kept.left_at))

    def _close(self, kept: _Kept) -> None:
        del self._kept[kept.tab.id]
        kept.close()


class _Kept:
    """A tab, the page that it was opened by last, and when that left."""

    def __init__(self, tab: Tab, opened: Opening) -> None:
        self.tab, self.opened = tab, opened
        self.left_at = 0.0
        self.is_closed = False
        self._left = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def keep(self, opened: Opening) -> None:
        self.opened = opened
        self._left.clear()
        self._stop_timer()

    def is_left(self, seconds: float, then: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self.tab.page = None
        self.left_at = loop.time()
        self._timer = loop.call_later(seconds, then)
        self._left.set()

    async def wait_until_left(self) -> None:
        try:
            async with asyncio.timeout(_RELOAD_SECONDS):
                await self._left.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        self.is_closed = True
        self._stop_timer()
        self.tab.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
