"""``torc-frames doctor``: what it tells of each kind of store, what it finds wrong, what it never shows."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from places import DATA
from servers import TorcServer
from services import Service, free_port

import torc_frames as tf
from torc_frames import settings
from torc_frames.cli.root import root
from torc_frames.store.sqlite import schema


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("USER", "carol")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings, "SYSTEM_CONFIG", tmp_path / "etc" / "config.toml")
    monkeypatch.chdir(tmp_path)


def doctor(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(root, [*arguments, "doctor"], env=variables, prog_name="torc-frames")


def facts(result: Result) -> dict[str, Any]:
    told = json.loads(result.stdout)
    assert told["ok"] == (told["problem"] is None) == (result.exit_code == 0)
    return {name: (fact["value"], fact["source"]) for name, fact in told["facts"].items()}


# embedded stores


def test_a_store_that_is_still_to_be_made_is_well_and_is_not_made(tmp_path: Path) -> None:
    result = doctor()
    assert result.exit_code == 0
    assert f"{tmp_path}/torc_frames.db  (default)" in result.stdout
    assert "torc-frames workflows create NAME" in result.stdout
    assert result.stdout.endswith("all is well\n")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_there(tmp_path: Path) -> None:
    client = tf.connect("study.db")
    client.create_workflow("ridge")
    client.close()
    found = facts(doctor("-f", "json", TORC_API_URL="study.db"))
    assert found["torc_frames"] == (tf.__version__, None)
    assert found["file"] == (str(tmp_path / "study.db"), "TORC_API_URL")
    assert found["schema"][0].isdecimal()
    assert found["writable"] == ("yes", None)


def test_a_store_of_an_older_schema_is_told_and_left(tmp_path: Path) -> None:
    old = (DATA / "schema-1.db").read_bytes()
    (tmp_path / "old.db").write_bytes(old)
    later = f", becomes {schema.VERSION} when it is opened" if schema.VERSION > 1 else ""
    assert facts(doctor("-u", "old.db", "-f", "json"))["schema"] == (f"1{later}", None)
    assert (tmp_path / "old.db").read_bytes() == old


def test_a_file_of_another_program_is_wrong(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.executescript("CREATE TABLE t (x); PRAGMA user_version = 1")
    result = doctor("-u", "other.db")
    assert result.exit_code == 1
    assert "Problem: " in result.stdout
    assert "another program" in result.stdout
    assert "Name another file with -u" in result.stdout


def test_the_database_of_a_server_is_told_as_such(fresh_server: TorcServer) -> None:
    fresh_server.stop()
    result = doctor("-f", "json", "-u", str(fresh_server.database))
    found = facts(result)
    assert found["store"] == ("the database of a torc-server, read-only", None)
    assert found["file"] == (str(fresh_server.database), "-u")
    assert found["schema"][0].endswith("that of torc 1.0")
    assert f"torc-server run --database {fresh_server.database}" in found["writable"][0]
    with closing(sqlite3.connect(fresh_server.database)) as database, database:
        database.execute(
            "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)"
        )
    older = facts(doctor("-f", "json", "-u", str(fresh_server.database)))
    assert older["schema"][0].endswith("of an earlier torc")
    with closing(sqlite3.connect(fresh_server.database)) as database, database:
        database.execute("ALTER TABLE result RENAME COLUMN return_code TO code")
    other = doctor("-u", str(fresh_server.database))
    assert other.exit_code == 1
    assert "made by another version of torc" in other.stdout.partition("Problem: ")[2]


@pytest.mark.parametrize("url", ["127.0.0.1:8085", "me:s3cret@127.0.0.1:8085"])
def test_a_server_without_http_is_wrong(tmp_path: Path, url: str) -> None:
    for result in (doctor("-u", url), doctor(TORC_API_URL=url)):
        assert result.exit_code == 1
        assert "did you mean http://127.0.0.1:8085/torc-service/v1" in result.stdout
        assert "s3cret" not in result.output
    assert "did you mean" in CliRunner().invoke(root, ["-u", url, "workflows", "create", "x"]).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_url_at_the_top_of_torc_toml_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "torc.toml").write_text('api_url = "http://host"\n')
    assert doctor().stderr.count("Warning: torc.toml: api_url at the top") == 1


def test_a_folder_that_does_not_exist_is_wrong(tmp_path: Path) -> None:
    result = doctor("-u", "gone/study.db")
    assert result.exit_code == 1
    assert f"there is no directory {tmp_path}/gone" in result.stdout


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_file_that_can_not_be_written_is_wrong(tmp_path: Path) -> None:
    tf.connect("study.db").close()
    (tmp_path / "study.db").chmod(0o400)
    result = doctor("-u", "study.db")
    assert result.exit_code == 1
    assert "change its permissions" in result.stdout


def test_a_broken_config_file_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "torc.toml").write_text("[client]\napi_url = \n")
    result = doctor("-f", "json")
    assert result.exit_code == 1
    assert facts(result)["config_files"] == ("torc.toml", None)
    assert "torc.toml is not TOML" in json.loads(result.stdout)["problem"]


def test_other_formats_are_refused() -> None:
    assert doctor("-f", "csv").exit_code == 2


# servers


def test_a_server_without_passwords(torc_server: TorcServer) -> None:
    found = facts(doctor("-f", "json", "-u", torc_server.url.removesuffix("/torc-service/v1")))
    assert found["url"] == (torc_server.url, "-u")
    assert found["version"][0].startswith("1.")
    assert found["user"] == ("anonymous, as no password is set", None)
    assert (found["reachable"], found["access"]) == (("yes", None), ("yes", None))


def test_a_server_with_passwords(auth_server: TorcServer) -> None:
    result = doctor(**auth_server.settings())
    assert result.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines["url"] == f"{auth_server.url}  (TORC_API_URL)"
    assert lines["user"] == "alice  (TORC_USERNAME)"
    assert lines["password"] == "set  (TORC_PASSWORD)"


@pytest.mark.parametrize("password", ["wr0ng", ""])
def test_a_wrong_password_is_wrong(auth_server: TorcServer, password: str) -> None:
    result = doctor(**{**auth_server.settings(), "TORC_PASSWORD": password})
    assert result.exit_code == 1
    assert "TORC_PASSWORD" in result.stdout.partition("Problem: ")[2]
    assert "wr0ng" not in result.output


def test_a_certificate_of_an_unknown_authority_is_wrong(tls_server: TorcServer) -> None:
    result = doctor("-u", tls_server.url)
    assert result.exit_code == 1
    assert "TORC_TLS_CA_CERT" in result.stdout.partition("Problem: ")[2]
    found = facts(doctor("-f", "json", **tls_server.settings()))
    assert found["ca_cert"] == (str(tls_server.ca_cert), "TORC_TLS_CA_CERT")
    unchecked = doctor("-u", tls_server.url, TORC_TLS_INSECURE="true")
    assert unchecked.exit_code == 0
    assert "NOT CHECKED  (TORC_TLS_INSECURE)" in unchecked.stdout


def test_a_server_that_is_down_is_wrong(fresh_server: TorcServer) -> None:
    fresh_server.stop()
    result = doctor("-u", fresh_server.url)
    assert result.exit_code == 1
    assert "is torc-server running there?" in result.stdout


def test_another_path_of_a_server_is_wrong(torc_server: TorcServer) -> None:
    result = doctor("-u", torc_server.url.replace("/v1", "/v0"))
    assert result.exit_code == 1
    assert "Is the url right?" in result.stdout


def test_a_service_of_2023_tells_its_form(service: Service, first_service: Service) -> None:
    forms = {
        service: "0.6.4, the later form, which is only read",
        first_service: "of March 2023, the first form",
    }
    for one, version in forms.items():
        found = facts(doctor("-f", "json", "-u", one.url))
        assert found["store"] == ("torc's service of 2023", None)
        assert found["url"] == (one.url, "-u")
        assert found["version"] == (version, None)
        assert (found["reachable"], found["access"]) == (("yes", None), ("yes", None))


def test_a_service_of_2023_that_is_down_is_wrong() -> None:
    result = doctor("-u", f"http://127.0.0.1:{free_port()}/_db/workflows/torc-service")
    assert result.exit_code == 1
    assert "torc's service of 2023" in result.stdout
    assert "is the service running there?" in result.stdout


def test_a_torc_server_is_no_service_of_2023(torc_server: TorcServer) -> None:
    result = doctor("-u", torc_server.url.replace("/torc-service/v1", "/_db/workflows/torc-service"))
    assert result.exit_code == 1
    assert "no torc service of 2023 answers" in result.stdout.partition("Problem: ")[2]


def test_what_is_withheld_from_a_server_that_a_cloned_file_names(
    auth_server: TorcServer, tmp_path: Path
) -> None:
    (tmp_path / "torc.toml").write_text(f'[client]\napi_url = "{auth_server.url}"\n')
    result = doctor(TORC_PASSWORD="s3cret")
    assert result.exit_code == 1
    assert "set, but not sent  (TORC_PASSWORD)" in result.stdout
    assert f"{auth_server.url}  (./torc.toml)" in result.stdout
    assert f"set TORC_API_URL={auth_server.url}" in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize("arguments", [[], ["-f", "json"], ["--debug"]])
@pytest.mark.parametrize("host", ["localhost:1", "no.such.host.invalid", "localhost:1o", "127.0.0.1:{port}"])
def test_no_secret_is_shown(torc_server: TorcServer, arguments: list[str], host: str) -> None:
    port = torc_server.url.rpartition(":")[2].partition("/")[0]
    result = doctor(
        *arguments,
        TORC_API_URL=f"http://me:s3cret-url@{host.format(port=port)}/torc-service/v1",
        TORC_COOKIE_HEADER="session=s3cret-cookie",
        TORC_PASSWORD="s3cret-password",
    )
    assert result.exit_code == ("port" not in host)
    for secret in ("s3cret", "bWU6czNjcmV0"):
        assert secret not in result.output
        assert secret not in repr(result.exc_info)
