"""A job that has ended is not ended once more for its limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import torc_frames as tf
from torc_frames.workflow.run import launcher as launching
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.launcher import JobProcess, Launcher


@pytest.mark.skipif(not procfs.available(), reason="needs /proc")
def test_a_job_that_ends_while_it_is_looked_at_keeps_its_own_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wf = tf.connect(tmp_path / "study.db").create_workflow("limits")
    wf.push(tf.grid(n=[1]), command="until test -e end; do sleep 0.05; done", resources={"memory": "1k"})
    store: Any = wf._store
    [job] = store.start_jobs(wf.key, ["1"], "test")
    launcher = Launcher(store.url, tmp_path / "output", "test")
    run = launcher.prepare(job)
    ended: list[JobProcess] = []
    look: Callable[..., Any] = launching.job_processes

    def look_until_it_ends(shells: Any) -> Any:
        found = look(shells)
        if run.mark in found and found[run.mark] and not ended:
            monkeypatch.setattr(procfs, "_resident_bytes", lambda process: 2**20)
            (tmp_path / "end").touch()
            ended.append(launcher.ended.get(timeout=60))
        return found

    monkeypatch.setattr(launching, "job_processes", look_until_it_ends)
    launcher.launch(run)
    while not ended:
        launcher._next_look = 0
        launcher.limit()
    launcher.close()
    assert ended == [run]
    assert (run.return_code, run.over) == (0, None)
    assert run.stderr.read_text() == ""
