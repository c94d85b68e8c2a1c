"""Connections that are cut at any byte of a request or an answer; the same call then finishes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from unittest.mock import patch

import pandas as pd
from cutting import Cutting

import torc_frames as tf
from tests.trust.crowds import where
from tests.trust.fault import Fault, Place
from tests.trust.kills import check, pushed
from torc_frames.errors import UnavailableError
from torc_frames.store import exactly_once
from torc_frames.store.v1 import jobs as v1_jobs

# With serve each row is several requests.
_ROWS = {"torc-server": 120, "serve": 8}


def _cut(store: str, what: str) -> Callable[[Place], None]:
    """Return what does something undisturbed, then with a cut at any byte of all that went over the line."""

    def attempt(place: Place) -> None:
        url = where(store, place)
        table = pd.DataFrame({"n": range(_ROWS[store]), "text": ["x" * 20] * _ROWS[store]})
        way = ("up", "down")[(place.number + (what == "pull")) % 2]  # first what is most of it
        with ExitStack() as stack:
            stack.enter_context(patch.object(exactly_once, "GRACE_S", 0.02))
            stack.enter_context(patch.object(v1_jobs, "CHUNK_ROWS", 50))
            relay = stack.enter_context(Cutting(url))
            with closing(tf.connect(url)) as client:
                keys = [client.create_workflow("cut").key for _ in range(2)]
            pushed(relay.url, keys[0], table)
            if what == "pull":
                before = relay.passed[way]
                check(relay.url, keys[0], table)
                relay.cut_once(way, place.random.randrange(relay.passed[way] - before))
                try:
                    check(relay.url, keys[0], table)
                except UnavailableError:
                    check(relay.url, keys[0], table)
            else:
                relay.cut_once(way, place.random.randrange(relay.passed[way]))
                try:
                    pushed(relay.url, keys[1], table)
                except UnavailableError:
                    pushed(relay.url, keys[1], table)
                check(url, keys[1], table)
            assert relay.cuts == 1
            with closing(tf.connect(url)) as client:
                for key in keys:
                    client.delete_workflow(key)

    return attempt


FAULTS = [
    Fault(
        f"the connection is cut at any byte of the requests or answers of a {what}: it "
        "goes on or is told, and the same call then finds all, once",
        store,
        small=1,
        full=70,
        attempt=_cut(store, what),
    )
    for store in ("torc-server", "serve")
    for what in ("push", "pull")
]
