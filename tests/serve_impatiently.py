"""Serves a database as `torc-frames serve` does, to clients that may take next to no time."""

from __future__ import annotations

import sys

from torc_frames.service.server import Limits, serve

if __name__ == "__main__":
    # A path, --port, 0
    limits = Limits(headers_seconds=0.7, body_seconds=1.0, answer_seconds=1.0, idle_seconds=1)
    serve(sys.argv[1], port=int(sys.argv[3]), limits=limits, ready=lambda url: print(url, flush=True))
