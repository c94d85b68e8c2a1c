"""Drafts: edits on disk, whatever becomes of the kernel, and nobody else's."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from torc_frames import settings
from torc_frames.widgets.parameters import drafts
from torc_frames.widgets.parameters.drafts import Draft

URL = "http://localhost:8080/torc-service/v1"


def frame(values=(1, 2, 3), keys=("1", "2", "3")):
    made = pd.DataFrame({"a": list(values), "b": [0.5] * len(values)})
    made.index = pd.Index(list(keys), dtype="str", name="job_key")
    made.attrs["torc"] = {"url": URL, "workflow_key": "1", "kind": "parameters", "rev": 4}
    return made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "drafts"


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_edits_are_on_disk_within_a_second_and_back_in_the_next_sheet(folder):
    draft = Draft(URL, "1", folder)
    sheet = draft.open(frame())
    assert not draft.path.exists()
    started = time.monotonic()
    sheet.set_texts([(0, 1, "7"), (1, 1, "abc"), (2, 1, "\ud800")])
    wait_for(draft.path.exists)
    assert time.monotonic() - started < 3  # a second on a machine that is not busy
    assert draft.path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    draft.close()
    again = Draft(URL, "1", folder).open(frame())
    assert again.value["a"].tolist() == [7, 2, 3]
    assert again.problems["text"].tolist() == ["abc", "\ud800"]


def test_a_file_is_there_only_while_there_are_edits(folder):
    draft = Draft(URL, "1", folder)
    sheet = draft.open(frame())
    sheet.set_texts([(0, 1, "7")])
    draft.flush()
    assert draft.path.exists()
    sheet.undo()
    draft.flush()
    assert not draft.path.exists()
    sheet.redo()
    draft.flush()
    draft.discard()
    assert not draft.path.exists()
    draft.close()
    assert not draft.path.exists()


def test_applied_edits_are_no_draft(folder):
    draft = Draft(URL, "1", folder)
    sheet = draft.open(frame())
    sheet.set_texts([(0, 1, "7")])
    draft.flush()
    taken = sheet.take()
    sheet.rebase(frame((7, 2, 3)), taken, ["1", "2", "3"])
    draft.flush()
    assert not sheet.is_dirty
    assert not draft.path.exists()


KERNEL = """
import sys, time
import pandas as pd
from pathlib import Path
from torc_frames.widgets.parameters.drafts import Draft
frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["1", "2"], dtype="str", name="job_key"))
draft = Draft("study.db", "1", Path(sys.argv[1]))
sheet = draft.open(frame)
sheet.set_texts([(0, 1, "7")])
%s
"""


def run_kernel(folder, ending):
    command = [sys.executable, "-c", KERNEL % ending, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder.parent)


def test_a_killed_kernel_leaves_its_edits(folder):
    with run_kernel(folder, "print('typed', flush=True); time.sleep(60)") as kernel:
        assert kernel.stdout.readline() == "typed\n"
        wait_for(lambda: list(folder.glob("*.json")))
        kernel.send_signal(signal.SIGKILL)
    (path,) = folder.glob("*.json")
    assert json.loads(path.read_text())["edits"]["cells"][0]["values"] == [7]


def test_a_kernel_that_ends_at_once_writes_before(folder):
    with run_kernel(folder, "") as kernel:
        assert kernel.wait() == 0
    assert len(list(folder.glob("*.json"))) == 1


def test_a_kernel_that_is_still_alive_keeps_its_draft(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ending = "draft.flush(); print('typed', flush=True); time.sleep(60)"
    with run_kernel(folder, ending) as kernel:
        assert kernel.stdout.readline() == "typed\n"
        (path,) = folder.glob("*.json")
        other = Draft("study.db", "1", folder)
        assert other.path != path
        assert not other.open(frame()).is_dirty
        other.close()
        kernel.kill()
    assert Draft("study.db", "1", folder).path == path


def test_two_editors_of_one_workflow_have_a_file_each(folder):
    one, two = Draft(URL, "1", folder), Draft(URL, "1", folder)
    assert one.path != two.path
    for draft, text in ((one, "7"), (two, "8")):
        draft.open(frame()).set_texts([(0, 1, text)])
        draft.close()
    first = Draft(URL, "1", folder)
    assert "1 other draft" in first.messages[0]
    second = Draft(URL, "1", folder)
    values = [draft.open(frame()).value["a"].iloc[0] for draft in (first, second)]
    assert values == [7, 8]
    assert second.messages == []


def test_workflows_and_stores_have_drafts_of_their_own(folder, tmp_path, monkeypatch):
    paths = {Draft(*which, folder).path for which in ((URL, "1"), (URL, "2"), ("a.db", "1"), ("b.db", "1"))}
    assert len(paths) == 4
    monkeypatch.chdir(tmp_path)
    here = Draft("study.db", "9", folder)
    here.close()
    assert Draft(str(tmp_path / "study.db"), "9", folder).path == here.path


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"format": "something else", "edits": {}}',
        b"[" * 100_000,
        b'{"edits": null}',
    ],
)
def test_a_broken_or_foreign_file_is_set_aside_and_told(folder, content):
    first = Draft(URL, "1", folder)
    first.path.write_bytes(content)
    first.close()
    draft = Draft(URL, "1", folder)
    assert draft.path == first.path
    assert not draft.open(frame()).is_dirty
    (aside,) = folder.glob("*.aside")
    assert aside.read_bytes() == content
    assert str(aside) in draft.messages[0]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"url": "http://elsewhere/torc-service/v1"},
        {"workflow_key": "2"},
        {"edits": {"version": 1}},
        {"edits": {"version": 2}},
    ],
)
def test_a_file_that_is_not_of_this_workflow_and_version_is_set_aside(folder, change):
    draft = Draft(URL, "1", folder)
    draft.open(frame()).set_texts([(0, 1, "7")])
    draft.close()
    found = json.loads(draft.path.read_text())
    draft.path.write_text(json.dumps({**found, **change}))
    again = Draft(URL, "1", folder)
    assert not again.open(frame()).is_dirty
    assert len(list(folder.glob("*.aside"))) == 1


def test_edits_of_numbers_that_are_no_rows_are_set_aside(folder):
    draft = Draft(URL, "1", folder)
    draft.open(frame()).set_texts([(0, 1, "7")])
    draft.close()
    found = json.loads(draft.path.read_text())
    for wrong in ({"rows": [99]}, {"rows": [-1]}, {"column": "c"}, {"values": []}, {"values": ["x"]}):
        cells = [{**found["edits"]["cells"][0], **wrong}]
        draft.path.write_text(json.dumps({**found, "edits": {**found["edits"], "cells": cells}}))
        again = Draft(URL, "1", folder)
        assert not again.open(frame()).is_dirty
        again.close()
    assert len(list(folder.glob("*.aside"))) == 5


def test_rows_that_are_gone_are_told_and_stay_in_the_draft(folder):
    draft = Draft(URL, "1", folder)
    draft.open(frame()).set_texts([(0, 1, "7"), (1, 1, "8"), (1, 2, "x")])
    draft.close()
    for _ in range(2):
        again = Draft(URL, "1", folder)
        sheet = again.open(frame((1, 3), ("1", "3")))
        assert sheet.value["a"].tolist() == [7, 3]
        assert [(one.job_key, one.column, one.text) for one in sheet.lost] == [
            ("2", "a", "8"),
            ("2", "b", "x"),
        ]
        sheet.set_texts([(1, 2, "0.25")])
        again.close()
    last = Draft(URL, "1", folder)
    sheet = last.open(frame((1, 3), ("1", "3")))
    sheet.forget_lost()
    last.close()
    assert json.loads(last.path.read_text())["edits"]["lost"] == []


def test_a_password_in_a_url_is_not_written(folder):
    draft = Draft("http://me:secret@localhost:8080/torc-service/v1?token=secret", "1", folder)
    draft.open(frame()).set_texts([(0, 1, "7")])
    draft.close()
    assert "secret" not in draft.path.read_text()
    assert "secret" not in repr(draft)


def test_a_write_that_fails_leaves_the_last_draft_and_is_told(folder, monkeypatch):
    draft = Draft(URL, "1", folder)
    sheet = draft.open(frame())
    sheet.set_texts([(0, 1, "7")])
    draft.flush()
    before = draft.path.read_bytes()
    monkeypatch.setattr(
        os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    sheet.set_texts([(0, 1, "8")])
    draft.flush()
    assert draft.path.read_bytes() == before
    assert "No space left" in draft.messages[0]
    assert list(folder.glob("*.tmp")) == []


def test_without_a_folder_one_can_edit_and_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    draft = Draft(URL, "1", tmp_path / "file" / "drafts")
    sheet = draft.open(frame())
    sheet.set_texts([(0, 1, "7")])
    draft.close()
    assert sheet.value["a"].iloc[0] == 7
    assert "not kept on disk" in draft.messages[0]


def test_many_threads_may_edit_while_it_is_written(folder, monkeypatch):
    monkeypatch.setattr(drafts, "DELAY_S", 0.001)
    draft = Draft(URL, "1", folder)
    sheet = draft.open(frame())

    def edit(row):
        for value in range(60):
            sheet.set_texts([(row, 1, str(value + 100))])
            if value % 20 == 0:
                with sheet.lock:
                    draft.flush()

    threads = [threading.Thread(target=edit, args=(row,)) for row in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    draft.close()
    assert Draft(URL, "1", folder).open(frame()).value["a"].tolist() == [159] * 3


def test_the_folder_is_what_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TORC_FRAMES_DRAFTS", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert settings.drafts_folder() == tmp_path / ".local/state/torc_frames/drafts"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert settings.drafts_folder() == tmp_path / "state/torc_frames/drafts"
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", "~/mine")
    assert settings.drafts_folder() == tmp_path / "mine"
    assert Draft(URL, "1").path.parent == Path(tmp_path / "mine")
