"""Unsaved edits outlive the kernel, and no editor takes another's."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from torc_frames.widgets.drafts import Draft

URL = "sqlite:///study.db"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    path = tmp_path / "drafts"
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(path))
    return path


def draft(state=None, *, key="1", taken=None):
    return Draft(URL, key, lambda: state, lambda: taken.append(key) if taken is not None else None)


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_was_kept_is_found_again(folder):
    first = draft({"cells": [1, None, "ä"]})
    assert first.found is None
    first.close()
    again = draft()
    assert again.found == {"cells": [1, None, "ä"]}
    assert again.saved_at.startswith("20")
    assert again.notices == []
    again.close()


def test_a_change_is_written_soon_by_itself_and_only_for_this_user(folder):
    held = draft({"n": 1})
    held.changed()
    held.changed()
    wait_for(held.path.exists)
    assert json.loads(held.path.read_text())["state"] == {"n": 1}
    assert stat.S_IMODE(os.stat(held.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    held.close()


def test_opening_looks_for_other_drafts_once(folder, monkeypatch):
    draft({"a": 1}).close()
    looks = []
    scandir, stat_of = os.scandir, Path.stat
    monkeypatch.setattr(os, "scandir", lambda path: looks.append(path) or scandir(path))
    monkeypatch.setattr(Path, "stat", lambda path, **how: looks.append(path) or stat_of(path, **how))
    again = draft()
    monkeypatch.undo()
    assert again.found == {"a": 1}
    assert len([path for path in looks if folder in (Path(path), *Path(path).parents)]) <= 3


def test_with_nothing_to_keep_the_file_goes(folder):
    kept = [{"n": 1}]
    held = Draft(URL, "1", lambda: kept[0], lambda: None)
    held.flush()
    path = held.path
    assert path.exists()
    kept[0] = None
    held.flush()
    assert not path.exists()
    held.close()


def test_a_draft_that_is_dropped_frees_its_file_for_the_next(folder):
    held = draft({"n": 1})
    held.flush()
    del held
    assert draft().found == {"n": 1}


def test_workflows_have_drafts_of_their_own():
    one, other = draft({"n": 1}, key="1"), draft({"n": 2}, key="2")
    one.close()
    other.close()
    again = draft(key="2")
    assert again.found == {"n": 2}
    again.close()


def test_the_last_editor_of_a_process_takes_over():
    taken = []
    first = draft({"n": 1}, taken=taken)
    second = draft({"n": 2}, taken=taken)
    assert second.found == {"n": 1}
    assert taken == ["1"]
    assert first.path is None
    first.changed()
    first.flush()
    second.flush()
    assert json.loads(second.path.read_text())["state"] == {"n": 2}
    second.close()


IN_ANOTHER_PROCESS = """
import sys
from torc_frames.widgets.drafts import Draft
draft = Draft("sqlite:///study.db", "1", lambda: {"n": 99}, lambda: None)
draft.flush()
print(draft.path.name, flush=True)
sys.stdin.readline()
"""


def test_an_editor_of_another_process_keeps_its_own():
    with subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        name = other.stdout.readline().strip()
        mine = draft({"n": 1})
        assert mine.found is None
        assert mine.path.name != name
        assert mine.notices == [
            "this workflow is edited in another notebook, too: its draft is kept apart from this one"
        ]
        mine.close()
        other.kill()
        other.wait()
    # The newest comes first, and the other one is not forgotten.
    again = draft({"n": 2})
    assert again.found == {"n": 1}
    assert "another draft" in again.notices[0]
    again.found = None
    again.path.unlink()
    again.release()
    last = draft()
    assert last.found == {"n": 99}
    last.close()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"torc_frames_draft": 2, "state": {}}', "\udcff"])
def test_a_file_that_is_no_draft_is_set_aside_not_lost(folder, text):
    first = draft({"n": 1})
    path = first.path
    first.close()
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    again = draft()
    assert again.found is None
    assert "set aside" in again.notices[0]
    aside = next(path for path in folder.iterdir() if "unreadable" in path.name)
    assert aside.read_bytes() == text.encode("utf-8", "surrogateescape")
    again.close()


def of(identity, state=None):
    return Draft(URL, "1", lambda: state, lambda: None, identity=identity)


RIDGE = {"name": "ridge", "created": "2026-11-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("kept", "now"),
    [
        (RIDGE, RIDGE | {"created": "2026-11-02T12:00:00Z"}),
        (RIDGE | {"created": None}, {"name": "lasso", "created": None}),
        (RIDGE, {"name": "lasso", "created": None}),
    ],
)
def test_a_draft_of_another_workflow_that_had_the_key_is_set_aside(folder, kept, now):
    of(kept, {"n": 1}).close()
    [path] = folder.iterdir()
    before = path.read_bytes()
    saved_at = json.loads(before)["saved_at"]
    other = of(now)
    assert other.found is None
    [notice] = other.notices
    other.close()
    [aside] = folder.iterdir()
    assert aside.read_bytes() == before
    assert notice == (
        f"there was a draft of another workflow that had this key, 'ridge', saved {saved_at}: "
        f"set aside as {aside}"
    )


@pytest.mark.parametrize(
    ("kept", "now"),
    [
        (RIDGE, RIDGE),
        (RIDGE, RIDGE | {"name": "has another name by now"}),
        (RIDGE, {"name": "ridge", "created": None}),
        (None, RIDGE),
        (RIDGE, None),
    ],
)
def test_a_draft_is_found_where_nothing_says_that_it_is_another_workflow(kept, now):
    of(kept, {"n": 1}).close()
    again = of(now)
    assert again.found == {"n": 1}
    assert again.notices == []
    again.close()


def test_a_draft_of_a_record_is_not_that_of_the_table(folder):
    table, record = draft({"n": 1}), Draft(URL, "1", lambda: {"n": 2}, lambda: None, record_key="1")
    table.close()
    record.close()
    again = Draft(URL, "1", lambda: None, lambda: None, record_key="1")
    assert again.found == {"n": 2}
    again.close()
    assert [json.loads(path.read_text())["state"] for path in folder.iterdir()] == [{"n": 1}]


def test_who_is_taken_over_ends_what_it_does_before_it_is_kept_for_the_last_time():
    edits = {"n": 1}
    first = Draft(URL, "1", lambda: dict(edits), lambda: edits.update(n=2))
    second = draft()
    assert first.path is None
    assert second.found == {"n": 2}
    second.close()


def test_no_two_processes_hold_a_lock_and_none_is_left_behind(tmp_path):
    """Locks are taken and freed by several processes, with a file that only one may have."""
    code = """
import os, random, sys, time
from pathlib import Path
from torc_frames.widgets.drafts import lock, unlock
path, alone = Path(sys.argv[1], "a.lock"), Path(sys.argv[1], "alone")
got = 0
while got < 200:
    held = lock(path)
    if held is not None:
        os.close(os.open(alone, os.O_CREAT | os.O_EXCL))
        os.unlink(alone)
        unlock(held, path)
        got += 1
"""
    several = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [one.wait(60) for one in several] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_the_editor_works_and_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(tmp_path / "file" / "drafts"))
    held = draft({"n": 1})
    assert "not kept" in held.notices[0]
    held.changed()
    held.flush()
    held.close()


def test_edits_survive_a_process_that_just_ends(folder):
    code = IN_ANOTHER_PROCESS.replace("draft.flush()", "draft.changed()").replace("sys.stdin.readline()", "")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert [path.suffix for path in folder.iterdir()] == [".json"]
    again = draft()
    assert again.found == {"n": 99}
    again.close()
