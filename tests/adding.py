"""A process whose threads add records to a workflow of any store at once, and tell what was acknowledged.

``python adding.py URL WORKFLOW WHO THREADS COUNT`` prints a line for each record: its key, and what it says.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import torc_frames as tf


def main(url: str, workflow: str, who: str, threads: str, count: str) -> None:
    """Add records, one or a few at once."""
    client = tf.connect(url)
    wf = client.workflow(workflow)
    barrier = Barrier(int(threads))

    def add(thread: int) -> None:
        barrier.wait()
        number = 0
        while number < int(count):
            some = range(number, min(number + 1 + (number + thread) % 3, int(count)))
            documents = [{"who": who, "thread": thread, "number": each} for each in some]
            keys = wf.add_user_data(None, *documents)
            lines = [f"{key} {who} {thread} {each}\n" for key, each in zip(keys, some, strict=True)]
            sys.stdout.write("".join(lines))
            number = some.stop

    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(add, range(int(threads))))
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
