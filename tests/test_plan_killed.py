"""Plans whose apply is killed at any moment, and finished by the next."""

import os
import random
import signal
import sys
import time

import pytest

import torc_frames as tf

KILLS = 100
ROWS = 150

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is forked to be killed")


def in_a_child(do):
    """Do something in a process of its own, and return its id."""
    child = os.fork()
    if child:
        return child
    try:
        do()
    finally:
        os._exit(0)


def test_a_hundred_killed_applies_are_each_finished_by_another(tmp_path):
    path = tmp_path / "study.db"
    key = tf.connect(path).create_workflow("killed").key
    table, random_ = tf.grid(a=range(ROWS * (KILLS + 1)), b=["x"]), random.Random(7)

    def apply(rows, connection=path):
        client = tf.connect(connection)
        done = (
            client.workflow(key)
            .plan(table.head(rows), command="echo {a}", outputs=True)
            .apply(progress=False)
        )
        client.close()
        return done.attrs["torc"]

    began = time.monotonic()
    assert apply(ROWS)["added"] == ROWS
    took = time.monotonic() - began
    in_the_middle = 0
    for nth in range(1, KILLS + 1):
        child = in_a_child(lambda rows=ROWS * (nth + 1): apply(rows))
        time.sleep(random_.uniform(0, 2 * took))
        os.kill(child, signal.SIGKILL)
        in_the_middle += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        counts = apply(ROWS * (nth + 1))
        # One apply is one transaction: all of its rows were there already, or none.
        assert counts["added"] in (0, ROWS)
        assert counts["unchanged"] == ROWS * (nth + 1) - counts["added"]
    assert in_the_middle > KILLS / 10

    wf = tf.connect(path).workflow(key)
    assert wf.parameters()["a"].tolist() == list(range(ROWS * (KILLS + 1)))
    assert wf.parameters()["a"].is_unique
    assert len(wf.jobs()) == len(table)
    links = wf.links()
    assert links["role"].value_counts().to_dict() == {"input": len(table), "output": len(table)}
    assert set(links["record_key"]) == set(wf.user_data()["record_key"])
    assert set(wf.plan(table).rows["action"]) == {"unchanged"}
