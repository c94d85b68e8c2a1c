"""Many processes, each of many threads, that add records to one workflow at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import adding

import torc_frames as tf
from tests.trust.fault import Fault, Place

_ROOT = Path(tf.__file__).parents[1]
_PROCESSES, _THREADS, _RECORDS = 2, 6, 25


def where(store: str, place: Place) -> str:
    """Return the url of a store."""
    if store == "torc-server":
        return place.servers.torc.url
    return place.servers.first_service.url if store == "serve" else str(place.folder / "study.db")


def _crowd(store: str) -> Callable[[Place], int]:
    def attempt(place: Place) -> int:
        url = where(store, place)
        with closing(tf.connect(url)) as client:
            wf = client.create_workflow("crowd")
            command = [sys.executable, adding.__file__, url, wf.key]
            processes = [
                subprocess.Popen(
                    [*command, f"p{number}", str(_THREADS), str(_RECORDS)],
                    env={**os.environ, "PYTHONPATH": str(_ROOT)},
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for number in range(_PROCESSES)
            ]
            told = [process.communicate()[0] for process in processes]
            assert [process.returncode for process in processes] == [0] * _PROCESSES
            acknowledged = sorted(tuple(line.split()) for text in told for line in text.splitlines())
            frame = wf.user_data()
            columns = [frame[name].astype(str) for name in ("record_key", "who", "thread", "number")]
            kept = sorted(zip(*columns, strict=True))
            assert kept == acknowledged
            assert len({line[1:] for line in kept}) == len(kept) == _PROCESSES * _THREADS * _RECORDS
            wf.delete_user_data(*frame["record_key"])
        return len(kept)

    return attempt


FAULTS = [
    Fault(
        "records are added by two processes of six threads at once: each is there, once, with its own key",
        store,
        small=1,
        full=10,
        attempt=_crowd(store),
    )
    for store in ("embedded", "torc-server", "serve")
]
