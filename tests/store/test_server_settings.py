"""Which server, as whom, and what to trust: what wins, what is refused, and that no secret is ever shown."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import traceback
import warnings
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from hypothesis import assume, given
from hypothesis import strategies as st

from torc_frames import settings
from torc_frames.errors import RefusedError, TorcFramesWarning, VersionError
from torc_frames.store.http.settings import ServerSettings, dialect_of, server_settings
from torc_frames.store.v1.version import check_version

HOST = "https://torc.lab.gov:8443"
V1 = "/torc-service/v1"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("USER", "alice")
    monkeypatch.delenv("USERNAME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings, "SYSTEM_CONFIG", tmp_path / "etc" / "config.toml")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_them(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_them


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


def config(path: str, *, url: str = "", **tls: str) -> None:
    """Write a config file; `tls` are values as TOML writes them."""
    client = f'api_url = "{url}"\n' if url else ""
    lines = "".join(f"{key} = {value}\n" for key, value in tls.items())
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(f"[client]\n{client}[client.tls]\n{lines}")


LOCAL, MINE, SYSTEM = "torc.toml", "home/torc/config.toml", "etc/config.toml"


# what wins

FILES = [LOCAL, MINE, SYSTEM]
PLACES = {
    "url": ["argument", "TORC_API_URL", "TORC_DATABASE_URL", "TORC_CLIENT__API_URL", *FILES],
    "ca_cert": ["argument", "TORC_TLS_CA_CERT", "TORC_CLIENT__TLS__CA_CERT", *FILES],
    "insecure": ["argument", "TORC_TLS_INSECURE", "TORC_CLIENT__TLS__INSECURE", *FILES],
    "username": ["argument", "in the url", "TORC_USERNAME", "USER", "USERNAME"],
    "password": ["argument", "in the url", "TORC_PASSWORD"],
    "cookie": ["argument", "TORC_COOKIE_HEADER"],
}
SAID = st.sampled_from(sorted(PLACES)).flatmap(
    lambda setting: st.tuples(
        st.just(setting),
        st.dictionaries(st.sampled_from(PLACES[setting]), st.sampled_from(["1", "0"]), min_size=1),
    )
)


@given(said=SAID)
def test_the_strongest_place_wins(tmp_path_factory: pytest.TempPathFactory, said: tuple[str, dict]) -> None:
    setting, values = said
    form = {"url": "https://host-{}/x", "ca_cert": "{}.pem", "insecure": "{}"}.get(setting, "user-{}")
    values = {place: form.format(value) for place, value in values.items()}
    with pytest.MonkeyPatch.context() as patch:
        found = ask(patch, tmp_path_factory.mktemp("places"), setting, values)
    strongest = next(place for place in PLACES[setting] if place in values)
    wanted: object = values[strongest]
    if setting == "insecure":
        wanted = wanted == "1"
    got = getattr(found, setting)
    assert (Path(got).name if setting == "ca_cert" else got) == wanted
    source = "TORC_API_URL" if strongest == "in the url" else strongest
    assert found.sources[setting].endswith(source)


def ask(patch: pytest.MonkeyPatch, folder: Path, setting: str, values: dict[str, str]) -> ServerSettings:
    """Say one setting in several places, and read them."""
    patch.chdir(folder)
    patch.setenv("XDG_CONFIG_HOME", str(folder / "home"))
    patch.setattr(settings, "SYSTEM_CONFIG", folder / SYSTEM)
    patch.delenv("USER", raising=False)
    # Only with a server that it names itself has ./torc.toml a say in TLS.
    urls = {} if setting not in ("ca_cert", "insecure") else {LOCAL: "https://local"}
    urls |= values if setting == "url" else {}
    for place in {*values, *urls} & set(FILES):
        tls = {} if setting == "url" or place not in values else {setting: f"'{values[place]}'"}
        config(place, url=urls.get(place, ""), **tls)
    for place in values.keys() - set(FILES) - {"argument", "in the url"}:
        patch.setenv(place, values[place])
    if setting == "ca_cert":
        for name in values.values():
            for home in (".", "home/torc", "etc"):
                Path(home).mkdir(parents=True, exist_ok=True)
                Path(home, name).write_bytes(authority())
    elif setting in ("username", "password", "cookie"):
        user = values.get("in the url", "") if setting == "username" else "me"
        password = values.get("in the url", "") if setting == "password" else "pw"
        patch.setenv("TORC_API_URL", f"https://{user}:{password}@host")
    return server_settings(**({setting: values["argument"]} if "argument" in values else {}))


@cache
def authority() -> bytes:
    return trustme.CA().cert_pem.bytes()


def test_what_is_empty_is_not_said(env: Any) -> None:
    config(MINE, url=HOST)
    env(TORC_API_URL="", TORC_PASSWORD="", TORC_COOKIE_HEADER="", TORC_TLS_CA_CERT="", TORC_TLS_INSECURE="")
    assert server_settings("", password="") == ServerSettings(HOST + V1)


def test_without_a_server_there_is_nothing_to_speak_to(env: Any) -> None:
    with pytest.raises(RefusedError, match=r"no server is named: .*TORC_API_URL"):
        server_settings()
    env(TORC_API_URL="study.db")
    with pytest.raises(RefusedError, match=r"url \(TORC_API_URL\) is not the url of a server"):
        server_settings()


def test_other_keys_of_torc_are_no_matter() -> None:
    Path(LOCAL).write_text(f'[client]\napi_url = "{HOST}"\nformat = "json"\n[client.run]\nnum_cpus = 8\n[x]')
    assert server_settings().url == HOST + V1


# urls

PASSWORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)


@given(password=PASSWORDS, username=PASSWORDS)
def test_a_password_in_a_url_is_taken_out_of_it_exactly(username: str, password: str) -> None:
    url = f"{HOST}{V1}".replace("//", f"//{quote(username, safe='')}:{quote(password, safe='')}@")
    if ":" in username:
        with pytest.raises(RefusedError, match="colon"):
            server_settings(url)
        return
    found = server_settings(url)
    assert (found.url, found.username, found.password) == (HOST + V1, username, password)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("http://localhost:8080", f"http://localhost:8080{V1}"),
        ("HTTPS://Host/", f"https://host{V1}"),
        ("https://host/torc/v1//", "https://host/torc/v1"),
        ("http://[::1]:8080", f"http://[::1]:8080{V1}"),
        (
            "http://localhost:8529/_db/workflows/torc-service",
            "http://localhost:8529/_db/workflows/torc-service",
        ),
        ("https://host/torc-service/v1/", f"https://host{V1}"),
    ],
)
def test_urls_are_brought_into_one_form(url: str, clean: str) -> None:
    assert server_settings(url).url == clean
    assert server_settings(clean).url == clean


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("ftp://host", "only http:// and https://"),
        ("host:8080", "only http:// and https://"),
        ("http://", "only http"),
        ("http:///path", "only http"),
        ("http://host:", "only http"),
        ("http://host:0", "from 1 to 65535"),
        ("http://host:65536", "from 1 to 65535"),
        ("http://host:8o8o", "only http"),
        ("http://host/?token=s3cret", r"without \? and #"),
        ("http://host/#s3cret", r"without \? and #"),
        ("http://me:s3/cret@host", "%2F"),
        ("http://me:80/s3cret@host", "%2F"),
        ("http://[s3cret]", "only http"),
        ("http://[1:2]", "not an IPv6 address"),
        ("http://host\\@other", "only http"),
        ("http://ho st", "only http"),
        ("http://host/a\nb", "only http"),
        ("http\u017f://host", "only http"),
        ("http://me:s%0Acret@host", "line break"),
        ("http://me:s%ffcret@host", "line break or another"),
        ("http://me%3Ayou:s3cret@host", "colon"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url: str, hint: str) -> None:
    with pytest.raises(RefusedError, match=hint) as caught:
        server_settings(url)
    assert "cret" not in told(caught.value)


def test_the_dialect_is_known_by_the_url() -> None:
    assert dialect_of("http://h:8529/_db/workflows/torc-service") == "legacy"
    assert dialect_of(f"http://h:8080{V1}") == dialect_of("http://h/_db") == "v1"


# as whom, and to whom

SECRETS = {"TORC_PASSWORD": "s3cret-password", "TORC_COOKIE_HEADER": "session=s3cret-cookie"}


def test_without_a_password_there_is_no_user(env: Any) -> None:
    env(TORC_USERNAME="carol")
    found = server_settings("https://dave@host")
    assert (found.username, found.password) == (None, None)
    assert "username" not in found.sources


def test_a_password_needs_a_user(env: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    env(**SECRETS)
    monkeypatch.delenv("USER")
    with pytest.raises(RefusedError, match="set TORC_USERNAME"):
        server_settings(HOST)


@pytest.mark.parametrize("name", ["TORC_API_URL", "TORC_CLIENT__API_URL", MINE, SYSTEM, "argument"])
def test_credentials_go_to_a_server_that_the_user_named(env: Any, name: str) -> None:
    env(**SECRETS)
    if name.endswith(".toml"):
        config(name, url=HOST)
    elif name != "argument":
        env(**{name: HOST})
    found = server_settings(HOST if name == "argument" else None)
    assert found.send_credentials
    assert (found.username, found.password, found.cookie) == ("alice", *SECRETS.values())


def test_credentials_do_not_go_where_only_a_cloned_file_points(env: Any) -> None:
    env(**SECRETS)
    config(LOCAL, url=HOST)
    with pytest.warns(TorcFramesWarning, match=rf"not sent to {HOST}.*set TORC_API_URL={HOST}") as caught:
        found = server_settings()
    assert not found.send_credentials
    assert (found.username, found.password, found.cookie) == (None, None, None)
    assert found.sources["password"] == "TORC_PASSWORD"
    assert not any(secret in str(caught[0].message) for secret in SECRETS.values())


@pytest.mark.parametrize(
    ("url", "same"),
    [
        (f"{HOST}/elsewhere", True),
        (HOST.upper().replace("HTTPS", "https"), True),
        (HOST.replace("https", "http"), False),
        ("https://torc.lab.gov", False),
        ("https://torc.lab.gov.evil.org:8443", False),
        ("https://torc.lab.gov:8444", False),
    ],
)
def test_a_cloned_file_may_repeat_the_origin_that_the_user_named(env: Any, url: str, same: bool) -> None:
    env(**SECRETS)
    config(MINE, url=HOST)
    config(LOCAL, url=url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TorcFramesWarning)
        found = server_settings()
    assert found.send_credentials == same
    assert (found.password is not None) == same


def test_a_default_port_is_the_same_origin(env: Any) -> None:
    env(**SECRETS)
    config(MINE, url="https://host:443")
    config(LOCAL, url="https://host")
    assert server_settings().password


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://login-node:8080", True),
        ("http://192.168.0.7", True),
        ("http://localhost.evil.org", True),
        ("https://login-node", False),
        ("http://localhost:8080", False),
        ("http://127.0.0.2", False),
        ("http://[::1]", False),
    ],
)
def test_a_secret_that_goes_out_unencrypted_is_warned_of(
    env: Any, secret: str, url: str, warned: bool
) -> None:
    env(**{secret: SECRETS[secret]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert server_settings(url).send_credentials
    assert ["UNENCRYPTED" in str(warning.message) for warning in caught] == [True] * warned


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("username", "al:ice"),
        ("username", "al\r\nX-Evil: 1"),
        ("password", "s3cret\n"),
        ("password", "s3cret\x00"),
        ("password", "s3cret\udcff"),
        ("cookie", "session=s3cret\r\nX-Evil: 1"),
        ("cookie", "session=s3crét"),
        ("password", b"s3cret"),
        ("username", True),
        ("timeout", 0),
        ("timeout", float("nan")),
        ("timeout", True),
        ("insecure", "perhaps"),
    ],
)
def test_what_can_not_be_sent_is_refused(setting: str, value: Any) -> None:
    arguments = {"password": "s3cret", setting: value}
    with pytest.raises(RefusedError, match=setting) as caught:
        server_settings(HOST, **arguments)
    assert "s3cr" not in told(caught.value)


# TLS


@pytest.mark.parametrize(("text", "parsed"), [("true", True), ("'ON'", True), ("1", True), ("'no'", False)])
def test_booleans_are_torcs(text: str, parsed: bool, env: Any) -> None:
    config(MINE, url=HOST, insecure=text)
    assert server_settings().insecure is parsed
    env(TORC_TLS_INSECURE=text.strip("'"))
    config(MINE, url=HOST)
    assert server_settings().insecure is parsed


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        ({"insecure": "'maybe'"}, r"insecure \(.*config.toml\) is true or false, not 'maybe'"),
        ({"insecure": "[]"}, "client.tls.insecure is true or false, not list"),
        ({"ca_cert": "true"}, "client.tls.ca_cert is text in quotes, not bool"),
        ({"ca_cert": "'gone.pem'"}, r"ca_cert \(.*\): can not read .*home/torc/gone.pem: No such file"),
        ({"ca_cert": "'/'"}, "ca_cert .*/"),
        ({"ca_cert": "'config.toml'"}, "holds no certificate"),
    ],
)
def test_tls_settings_that_make_no_sense_are_refused(tls: dict[str, str], problem: str) -> None:
    config(MINE, url=HOST, **tls)
    with pytest.raises(RefusedError, match=problem):
        server_settings()


def test_a_file_of_certificates_is_found_from_the_file_that_names_it(
    env: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(MINE, url=HOST, ca_cert="'../../ca.pem'")
    assert server_settings().ca_cert == str(certificate)
    env(TORC_TLS_CA_CERT="ca.pem")
    found = server_settings()
    monkeypatch.chdir("/")
    assert found.ca_cert == str(certificate)


@pytest.mark.parametrize("tls", [{"insecure": "true"}, {"ca_cert": "'ca.pem'"}])
def test_a_cloned_file_has_no_say_in_tls_of_a_server_that_the_user_named(
    tls: dict[str, str], certificate: Path
) -> None:
    config(LOCAL, url=HOST, **tls)
    assert server_settings().sources.keys() >= tls.keys()
    with pytest.warns(TorcFramesWarning, match=rf"{next(iter(tls))} .*torc.toml\): not used .*set TORC_TLS_"):
        found = server_settings(HOST)
    assert (found.insecure, found.ca_cert) == (False, None)


def test_a_cloned_file_may_say_that_certificates_are_checked(env: Any) -> None:
    config(LOCAL, insecure="false")
    config(MINE, url=HOST, insecure="true")
    assert not server_settings().insecure


def test_timeouts() -> None:
    assert (server_settings(HOST).timeout_s, server_settings(HOST).limit_s) == (60, 600)
    assert (server_settings(HOST, timeout=0.5).timeout_s, server_settings(HOST, timeout=900).limit_s) == (
        0.5,
        900,
    )


# secrets


def told(error: BaseException) -> str:
    """Return all that an error and what led to it could show."""
    text = "".join(traceback.format_exception(error, chain=True))
    while error.__context__ is not None:
        error = error.__context__
        text += f"{error} {error.args!r} {vars(error)!r}"
    return text


@given(
    before=st.text(max_size=30),
    after=st.text(max_size=30),
    where=st.sampled_from(["url", "password", "cookie"]),
)
def test_no_error_shows_a_secret(before: str, after: str, where: str) -> None:
    # That would make it the name of the host, or after a port, the path.
    assume(where != "url" or ("@" not in before and not re.match(r"[0-9]{0,5}[/?#\\]", before)))
    secret = f"{before}s3cret-word{after}"
    value = f"http://me:{secret}" if where == "url" else secret
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            shown = repr(server_settings(**{"url": HOST, "password": "pw", where: value}))
        except RefusedError as error:
            shown = told(error)
    shown += "".join(str(warning.message) for warning in caught)
    assert "-word" not in shown


def test_nothing_shows_or_pickles_a_secret(env: Any) -> None:
    env(TORC_API_URL="https://me:s3cret-url@host", TORC_COOKIE_HEADER="s3cret-cookie")
    found = server_settings(timeout=5)
    assert (found.password, found.cookie) == ("s3cret-url", "s3cret-cookie")
    for text in (repr(found), str(found), f"{found}", repr([found]), repr(pickle.dumps(found))):
        assert "s3cret" not in text
        assert "host" in text


def test_a_pickle_finds_the_credentials_where_it_is_loaded(env: Any) -> None:
    env(**SECRETS)
    found = server_settings(HOST, username="carol", timeout=5)
    pickled = pickle.dumps(found)
    assert pickle.loads(pickled) == found
    code = f"import pickle; s = pickle.loads({pickled!r}); print(s.url, s.username, s.password, s.timeout_s)"
    for password in ("other", ""):
        env(TORC_PASSWORD=password)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.split() == [HOST + V1, *(["carol", "other"] if password else ["None"] * 2), "5.0"]


def test_a_pickle_of_a_server_that_is_not_trusted_stays_so(env: Any) -> None:
    config(LOCAL, url=HOST)
    pickled = pickle.dumps(server_settings())
    env(**SECRETS)
    assert pickle.loads(pickled) == ServerSettings(HOST + V1, send_credentials=False)


# versions


@pytest.mark.parametrize(
    ("version", "api"),
    [("1.0.0 (unknown)", "0.23.0"), ("0.41.0", "0.23.0"), ("2.0.1-rc.1", "0.23.4"), ("v1.0.0", None)],
)
def test_the_interface_decides_whatever_the_release(version: str, api: str | None) -> None:
    more = f',"api_version":"{api}"' if api else ""
    reply = f'{{"version":"{version}"{more},"git_hash":"x"}}'
    assert check_version(reply.encode()) == version.partition(" ")[0].removeprefix("v")


def test_a_newer_interface_is_warned_of_and_tried() -> None:
    with pytest.warns(TorcFramesWarning, match=r"torc 1\.12\.3 with API 0\.40\.1, newer .* it is tried"):
        assert check_version(b'{"version":"1.12.3 (abc)","api_version":"0.40.1"}') == "1.12.3"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (
            b'{"version":"0.35.0","api_version":"0.21.0"}',
            "torc 0.35.0 with API 0.21.0, .*upgrade the server",
        ),
        (b'{"version":"0.1.0"}', "torc 0.1.0 with no API version, .*upgrade the server"),
        (b'{"version":"1.9.0","api_version":"1.0.0"}', "torc 1.9.0 with API 1.0.0, .*upgrade torc_frames"),
        (b'{"version":"10.0.0"}', "torc 10.0.0"),
        (b'{"version":"one"}', "'one' is no version"),
        (b'{"version":1}', "no torc-server answered"),
        (b"{}", "no torc-server answered"),
        (b"<html>", "no torc-server answered"),
    ],
)
def test_other_versions_are_refused_by_name(reply: bytes, problem: str) -> None:
    with pytest.raises(VersionError, match=problem):
        check_version(reply)
