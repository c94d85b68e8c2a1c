"""Which store and which job the environment names, and the environment that jobs are given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from torc_frames import settings
from torc_frames.errors import NotInJobError, RefusedError, TorcFramesWarning, UnavailableError
from torc_frames.store.open import open_store
from torc_frames.store.records import JobRecord
from torc_frames.workflow.run.launcher import environment_for

JOB = JobRecord("3", "1", "ridge_3", "true", "running", run_id=2)


@pytest.fixture(autouse=True)
def no_torc_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings, "SYSTEM_CONFIG", tmp_path / "etc" / "config.toml")
    monkeypatch.chdir(tmp_path)


def write_config(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_default_url_is_a_file_in_the_working_directory() -> None:
    assert settings.default_url() == "torc_frames.db"


def test_the_older_name_of_the_url_is_weaker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORC_DATABASE_URL", "old.db")
    assert settings.default_url() == "old.db"
    monkeypatch.setenv("TORC_API_URL", "new.db")
    assert settings.default_url() == "new.db"


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORC_API_URL", "")
    assert settings.default_url() == "torc_frames.db"


def test_the_default_url_is_the_strongest_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_config(tmp_path / "etc" / "config.toml", '[client]\napi_url = "http://etc"')
    assert settings.default_url() == "http://etc"
    write_config(tmp_path / "home" / "torc" / "config.toml", '[client]\napi_url = "http://mine"')
    assert settings.default_url() == "http://mine"
    write_config(tmp_path / "torc.toml", '[client]\nformat = "json"')
    assert settings.default_url() == "http://mine"
    write_config(tmp_path / "torc.toml", '[client]\napi_url = "http://here"')
    assert settings.default_url() == "http://here"
    monkeypatch.setenv("TORC_CLIENT__API_URL", "http://nested")
    assert settings.default_url() == "http://nested"
    monkeypatch.setenv("TORC_DATABASE_URL", "old.db")
    assert settings.default_url() == "old.db"


def test_a_broken_config_file_is_no_matter_where_it_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_config(tmp_path / "torc.toml", "[client")
    monkeypatch.setenv("TORC_API_URL", "study.db")
    assert settings.default_url() == "study.db"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[client]\napi_url = http://host", r"torc\.toml is not TOML.* line 2"),
        ("[client]\napi_url = 8080", r"torc\.toml: client\.api_url is text in quotes, not int"),
        ("client = 1", r"torc\.toml: \[client\] is not a table"),
        ('[client]\napi_url = "study.db"', r"client\.api_url names no server: .*http://"),
        (
            '[client]\napi_url = "http://me:s3cret@h"',
            r"client\.api_url holds a user or password.*TORC_PASSWORD",
        ),
        ("x = " + "[" * 100_000, r"torc\.toml is not TOML"),
    ],
)
def test_a_config_file_that_makes_no_sense_is_named(tmp_path: Path, text: str, problem: str) -> None:
    write_config(tmp_path / "torc.toml", text)
    with pytest.raises(RefusedError, match=problem) as caught:
        settings.default_url()
    assert "s3cret" not in str(caught.value)


def test_a_config_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "torc.toml").write_bytes(b'[client]\napi_url = "\xff"')
    with pytest.raises(RefusedError, match=r"torc\.toml is not TOML"):
        settings.default_url()


def test_a_config_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "torc.toml").mkdir()
    with pytest.raises(RefusedError, match=r"can not read torc\.toml: Is a directory"):
        settings.default_url()


@pytest.mark.parametrize(("folder", "found"), [("", "home"), ("relative", "home"), ("{}/xdg", "xdg")])
def test_the_folder_of_the_users_config_is_torcs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str, found: str
) -> None:
    write_config(tmp_path / "xdg" / "torc" / "config.toml", '[client]\napi_url = "http://xdg"')
    write_config(tmp_path / "me" / ".config" / "torc" / "config.toml", '[client]\napi_url = "http://home"')
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("XDG_CONFIG_HOME", folder.format(tmp_path))
    assert settings.default_url() == f"http://{found}"


def test_no_toml_is_parsed_where_there_is_none(tmp_path: Path) -> None:
    code = "import sys, torc_frames.settings as s; s.default_url(); print('tomllib' in sys.modules)"
    told = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        told.append(done.stdout.strip())
        write_config(tmp_path / "torc.toml", "")
    assert told == ["False", "True"]


@pytest.mark.parametrize("name", ["torc.toml", "home/torc/config.toml", "etc/config.toml"])
def test_a_url_at_the_top_of_a_config_file_says_nothing_and_that_is_told(tmp_path: Path, name: str) -> None:
    write_config(tmp_path / name, 'api_url = "http://here"')
    with pytest.warns(
        TorcFramesWarning, match=r"toml: api_url at the top .*write a line \[client\] above it"
    ):
        assert settings.default_url() == "torc_frames.db"
    write_config(tmp_path / name, 'api_url = "http://here"\n[client]\napi_url = "http://there"')
    assert settings.default_url() == "http://there"


@pytest.mark.parametrize("job", ["TORC_JOB_KEY", "TORC_JOB_ID"])
def test_a_job_is_known_by_either_name(monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    monkeypatch.setenv("TORC_API_URL", "study.db")
    monkeypatch.setenv(job, "7")
    assert settings.job_environment() == settings.JobEnvironment("study.db", None, "7", None)


def test_outside_a_job_the_error_names_what_is_missing_and_how_to_try() -> None:
    with pytest.raises(
        NotInJobError, match=r"TORC_API_URL .*and TORC_JOB_KEY .*TORC_JOB_KEY=1 python run\.py"
    ):
        settings.job_environment()


def test_only_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORC_API_URL", "study.db")
    with pytest.raises(NotInJobError) as caught:
        settings.job_environment()
    assert "TORC_DATABASE_URL" not in str(caught.value)


def test_a_job_may_use_the_default_store_if_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORC_JOB_KEY", "1")
    with pytest.raises(NotInJobError):
        settings.job_environment()
    (tmp_path / "torc_frames.db").touch()
    assert settings.job_environment().url == "torc_frames.db"


def test_what_a_job_is_given_is_what_it_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORC_JOB_ID", "99")
    monkeypatch.setenv("TORC_DATABASE_URL", "http://enclosing:8529")
    monkeypatch.setenv("OTHER", "kept")
    given = environment_for(JOB, "study.db", "out", ".")
    assert given["TORC_API_URL"] == given["TORC_DATABASE_URL"] == str(tmp_path / "study.db")
    assert given["TORC_JOB_KEY"] == given["TORC_JOB_ID"] == "3"
    assert given["TORC_WORKFLOW_KEY"] == given["TORC_WORKFLOW_ID"] == "1"
    assert (given["TORC_JOB_NAME"], given["TORC_RUN_ID"], given["TORC_ATTEMPT_ID"]) == ("ridge_3", "2", "1")
    assert given["TORC_OUTPUT_DIR"] == str(tmp_path / "out")
    assert given["TORC_WORKFLOW_SUBMISSION_DIR"] == str(tmp_path)
    assert given["OTHER"] == "kept"
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert settings.job_environment() == settings.JobEnvironment(
        str(tmp_path / "study.db"), "1", "3", run_id=2, attempt_id=1, output_dir=str(tmp_path / "out")
    )


@pytest.mark.parametrize(("text", "number"), [("2", 2), ("", None), ("two", None), ("-1", None)])
def test_a_jobs_run_and_attempt_are_numbers_or_unknown(
    monkeypatch: pytest.MonkeyPatch, text: str, number: int | None
) -> None:
    for name, value in {"API_URL": "study.db", "JOB_ID": "7", "RUN_ID": text, "ATTEMPT_ID": text}.items():
        monkeypatch.setenv(f"TORC_{name}", value)
    environment = settings.job_environment()
    assert (environment.run_id, environment.attempt_id) == (number, number)


def test_the_environment_of_a_job_does_not_show_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORC_API_URL", "http://me:s3cret@host:8080/x")
    monkeypatch.setenv("TORC_JOB_ID", "7")
    shown = repr(settings.job_environment()) + repr(list(settings.said("url")))
    assert "job_key='7'" in shown
    assert "s3cret" not in shown


def test_urls_of_files_are_made_absolute_in_their_own_form(tmp_path: Path) -> None:
    assert settings.absolute_url("sqlite:///a.db") == f"sqlite:///{tmp_path}/a.db"
    assert settings.absolute_url("sqlite:////a.db") == "sqlite:////a.db"
    assert settings.absolute_url("http://host:8080") == "http://host:8080"


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", None])
def test_every_form_of_a_path_opens_the_same_store(
    tmp_path: Path, form: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "study.db"
    monkeypatch.setenv("TORC_API_URL", str(file))
    store = open_store(file)
    key = store.add_workflow("w").key
    store.close()
    for url in (form.format(file) if form else None, form.format("study.db") if form else "study.db"):
        other = open_store(url)
        assert other.get_workflow(key).name == "w"
        other.close()


@pytest.mark.parametrize(
    "url", ["http://me:s3cret@localhost:1/x", "https://me:s3/cret@localhost", "HTTP://a:s3cret@localhost:1"]
)
def test_a_server_that_is_not_there_is_told_without_its_password(url: str) -> None:
    with pytest.raises((UnavailableError, RefusedError)) as caught:
        open_store(url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:pw@h/db",
        "sqlite://",
        "sqlite:study.db",
        ":memory:",
        "sqlite:///a?x=1",
    ],
)
def test_other_urls_are_refused_with_the_forms_that_exist(url: str) -> None:
    with pytest.raises(RefusedError, match=r"sqlite:///relative\.db") as caught:
        open_store(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("127.0.0.1:8085", "http://127.0.0.1:8085/torc-service/v1"),
        ("localhost:8080/torc", "http://localhost:8080/torc"),
        ("[::1]:8080/", "http://[::1]:8080/torc-service/v1"),
        ("http:/host:8080", "http://host:8080/torc-service/v1"),
        ("HTTPS:host/x", "https://host/x"),
        ("alice:s3cret@host:8080", "http://host:8080/torc-service/v1, with TORC_USERNAME"),
        ("alice:s3/cr@et@host:1/x", "http://host:1/x, with TORC_USERNAME"),
        ("s3cret@host:8080", "http://host:8080/torc-service/v1, with"),
        ("alice:s3cret@host", "http://host/torc-service/v1, with"),
        ("http:/alice:s3cret@host/x", "http://host/x, with"),
    ],
)
def test_what_looks_like_a_server_is_no_file(tmp_path: Path, url: str, meant: str) -> None:
    for call in (open_store, settings.database_path, settings.absolute_url):
        with pytest.raises(RefusedError, match=re.escape(f"did you mean {meant}")) as caught:
            call(url)
        assert not re.search("alice|s3|et@", str(caught.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["./host:80", "me@home.db", "a/b:c@d.db", "C:\\x@y.db", "sqlite:///host:80", "at 12:30.db"]
)
def test_other_names_are_files(path: str) -> None:
    assert settings.database_path(path) == Path(path.removeprefix("sqlite:///"))
