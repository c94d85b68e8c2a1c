"""Servers that send a byte every now and then, in each phase of a request."""

from __future__ import annotations

import time

import pytest
from dripping import PHASES, TLS, Dripping

import torc_frames as tf
from tests.trust.fault import Fault, Place

_TIMEOUT = 0.5
_LATEST = 15.0
_ALL = [("http", phase) for phase in PHASES.values()] + [("https", phase) for phase in TLS.values()]


def _attempt(place: Place) -> None:
    scheme, (first, more) = _ALL[place.number % len(_ALL)]
    server = Dripping(first, more)
    began = time.monotonic()
    try:
        with pytest.raises(tf.TorcFramesError):
            tf.connect(f"{scheme}://127.0.0.1:{server.port}/torc-service/v1", timeout=_TIMEOUT)
        assert time.monotonic() - began < _LATEST
    finally:
        server.close()


FAULTS = [
    Fault("a server drips a phase of its answer: the call ends by the clock", "any server", 3, 60, _attempt)
]
