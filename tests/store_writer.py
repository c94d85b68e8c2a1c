"""A process that adds records to an embedded store; tests start it, and some kill it.

``python store_writer.py <file> <workflow key> <label> <count>`` prints the key of each record once it
is acknowledged.
"""

from __future__ import annotations

import os
import sys

from torc_frames.store.sqlite.store import SQLiteStore


def main(path: str, workflow: str, label: str, count: str) -> None:
    """Add records that say who wrote them."""
    store = SQLiteStore(path)
    for i in range(int(count)):
        (key,) = store.add_user_data(workflow, [f'"{label}:{i}"'.encode()])
        os.write(1, f"{key} {label}:{i}\n".encode())
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
