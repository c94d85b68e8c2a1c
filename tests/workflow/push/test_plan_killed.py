"""Plans whose apply is killed at any moment, and finished by the next."""

import os
import random
import signal
import sys
import time

import pytest

import torc_frames as tf

KILLS = 10  # of each workflow, whose plans grow with its rows
ROWS = 50

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


@pytest.mark.parametrize("workflows", [2, pytest.param(10, marks=pytest.mark.long)])
def test_killed_applies_are_each_finished_by_another(tmp_path, workflows):
    path = tmp_path / "study.db"
    table, random_ = tf.grid(a=range(ROWS * (KILLS + 1)), b=["x"]), random.Random(7)

    def apply(key, rows):
        client = tf.connect(path)
        plan = client.workflow(key).plan(table.head(rows), command="echo {a}", outputs=True)
        done = plan.apply(progress=False)
        client.close()
        return done.attrs["torc"]

    in_the_middle = 0
    for _ in range(workflows):
        key = tf.connect(path).create_workflow("killed").key
        began = time.monotonic()
        assert apply(key, ROWS)["added"] == ROWS
        took = time.monotonic() - began
        for nth in range(1, KILLS + 1):
            rows = ROWS * (nth + 1)
            child = in_a_child(lambda key=key, rows=rows: apply(key, rows))
            time.sleep(random_.uniform(0, 2 * took))
            os.kill(child, signal.SIGKILL)
            in_the_middle += os.WIFSIGNALED(os.waitpid(child, 0)[1])
            counts = apply(key, rows)
            # One apply is one transaction: all of its rows were there already, or none.
            assert counts["added"] in (0, ROWS)
            assert counts["unchanged"] == rows - counts["added"]
        check(tf.connect(path).workflow(key), table)
    assert in_the_middle > workflows * KILLS / 10


def check(wf, table):
    """Check that each row is a job with an input and an output record, and that there is nothing else."""
    assert wf.parameters()["a"].tolist() == table["a"].tolist()
    assert len(wf.jobs()) == len(table)
    links = wf.links()
    assert links["role"].value_counts().to_dict() == {"input": len(table), "output": len(table)}
    assert set(links["record_key"]) == set(wf.user_data()["record_key"])
    assert set(wf.plan(table).rows["action"]) == {"unchanged"}
