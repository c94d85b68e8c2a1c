"""Files that are there whole or not at all."""

import stat
from contextlib import suppress
from pathlib import Path

import pytest

from torc_frames.files.whole import beside, put, written_whole


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    (tmp_path / "table.csv").write_text("before")
    with written_whole(tmp_path / "table.csv") as file:
        file.write(b"after")
        file.flush()
        assert (tmp_path / "table.csv").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "after"


def test_of_an_error_nothing_is_left(tmp_path):
    (tmp_path / "table.csv").write_text("before")
    with suppress(KeyboardInterrupt), written_whole(tmp_path / "table.csv") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "before"


def test_what_is_replaced_keeps_its_permissions(tmp_path):
    shared, draft = tmp_path / "shared", tmp_path / "draft"
    shared.write_text("")
    shared.chmod(0o640)
    for path, private in ((shared, False), (shared, True), (draft, True)):
        with written_whole(path, private=private) as file:
            file.write(b"x")
    assert (permissions(shared), permissions(draft)) == (0o640, 0o600)


def test_what_a_link_names_is_replaced_and_not_the_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file")
    with written_whole(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_bytes() == b"x"


def test_nothing_is_replaced_unasked(tmp_path):
    (tmp_path / "file").write_text("theirs")
    with beside(str(tmp_path / "file")) as made:
        Path(made).write_text("ours")
        with pytest.raises(FileExistsError):
            put(made, str(tmp_path / "file"), overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "theirs"
