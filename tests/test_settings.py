"""Which store and which job the environment names, and the environment that jobs are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from torc_frames import settings
from torc_frames.errors import NotInJobError, RefusedError, VersionError
from torc_frames.records import JobRecord
from torc_frames.store.open import open_store

JOB = JobRecord("3", "1", "ridge_3", "true", "running", run_id=2)


@pytest.fixture(autouse=True)
def no_torc_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.environment_for(JOB, "x.db", ".", "."):
        if name.startswith("TORC_"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


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
    given = settings.environment_for(JOB, "study.db", "out", ".")
    assert given["TORC_API_URL"] == given["TORC_DATABASE_URL"] == str(tmp_path / "study.db")
    assert given["TORC_JOB_KEY"] == given["TORC_JOB_ID"] == "3"
    assert given["TORC_WORKFLOW_KEY"] == given["TORC_WORKFLOW_ID"] == "1"
    assert (given["TORC_JOB_NAME"], given["TORC_RUN_ID"], given["TORC_ATTEMPT_ID"]) == ("ridge_3", "2", "1")
    assert given["TORC_OUTPUT_DIR"] == str(tmp_path / "out")
    assert given["TORC_WORKFLOW_SUBMISSION_DIR"] == str(tmp_path)
    assert given["OTHER"] == "kept"
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert settings.job_environment() == settings.JobEnvironment(str(tmp_path / "study.db"), "1", "3", 2)


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
    "url", ["http://me:s3cret@host:8080/x", "https://me:s3/cret@host", "HTTP://a:s3cret@h"]
)
def test_a_server_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(VersionError, match="embedded stores only") as caught:
        open_store(url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:pw@h/db",
        "sqlite://",
        "sqlite:study.db",
        ":memory:",
        "localhost:8080/torc",
        "sqlite:///a?x=1",
    ],
)
def test_other_urls_are_refused_with_the_forms_that_exist(url: str) -> None:
    with pytest.raises(RefusedError, match=r"sqlite:///relative\.db") as caught:
        open_store(url)
    assert "pw" not in str(caught.value)
