"""Getting in: users, tokens, certificates, private authorities; and no word of a secret."""

from __future__ import annotations

import json
import logging
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
import trustme
from command import Answer, refused
from cryptography.hazmat.primitives import serialization
from keyring.backend import KeyringBackend
from keyrings.alt.file import PlaintextKeyring
from makers.packed_models import files, make_model
from pacs import servers
from pacs.proxy import Fault, answer, proxy
from pacs.servers import Orthanc

from IODeepLib.sources.find import source_of
from IODeepLib.sources.settings import Server, read_settings

SECRET = "correct-horse-battery"  # noqa: S105


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def guarded(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an Orthanc that wants HTTPS, a client certificate, and user and password.

    Orthanc itself asks for the password. TLS is spoken before it, as in front of most servers:
    Debian's Orthanc crashes when it has to do that.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    folder = tmp_path_factory.mktemp("guarded")
    users = {"anna": SECRET}
    with (
        servers.orthanc(folder, AuthenticationEnabled=True, RegisteredUsers=users) as server,
        proxy(server.http_port, lambda number: None, context) as guard,
    ):
        yield guard.port


@pytest.fixture
def settings(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Writes iodeep.toml with one server, named pacs."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    mine = authority.issue_cert("client@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))
    monkeypatch.setenv("PACS_SECRET", SECRET)

    def write(**keys: object) -> None:
        path = tmp_path / "config" / "iodeep" / "iodeep.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        path.write_text("\n".join(["[servers.pacs]", *lines]))

    return write


def all_keys(guarded: int, tmp_path: Path) -> dict[str, str]:
    return {
        "url": f"dicomweb+https://127.0.0.1:{guarded}/dicom-web",
        "ca": f"{tmp_path}/ca.pem",
        "certificate": f"{tmp_path}/me.pem",
        "user": "anna",
        "password": "env:PACS_SECRET",
    }


def test_with_everything_that_it_wants(
    guarded: int, settings: Callable[..., None], tmp_path: Path
) -> None:
    settings(**all_keys(guarded, tmp_path))
    source = source_of("pacs")
    sent = files(make_model(tmp_path))
    source.store(sent)
    [model] = source.models().models
    assert not source.fetch(model).missing_parts
    # Whoever gives the address instead of the name is let in as well.
    for url in (all_keys(guarded, tmp_path)["url"], all_keys(guarded, tmp_path)["url"] + "/"):
        assert len(source_of(url).models().models) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca": None}, "certificate verify failed"),
        ({"certificate": None}, "do not trust each other"),
        ({"user": None, "password": None}, "answered 401"),
        ({"user": "otto"}, "answered 401"),
    ],
)
def test_without_one_of_them(
    guarded: int,
    settings: Callable[..., None],
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    changes: dict[str, str | None],
    words: str,
) -> None:
    keys = all_keys(guarded, tmp_path) | changes
    settings(**{key: value for key, value in keys.items() if value is not None})
    refused(iodeep("list", "pacs"), 5, words)


def test_a_token(orthanc: Orthanc, settings: Callable[..., None], tmp_path: Path) -> None:
    source_of(orthanc.source).store(files(make_model(tmp_path)))
    gate = Fault(
        answer=answer("401 Unauthorized"), unless=f"Authorization: Bearer {SECRET}".encode()
    )
    with proxy(orthanc.http_port, lambda number: gate) as guard:
        settings(url=f"dicomweb+http://127.0.0.1:{guard.port}/dicom-web", token="env:PACS_SECRET")
        assert len(source_of("pacs").models().models) == 1
        assert guard.answers == 0


@pytest.fixture
def in_keyring(tmp_path: Path) -> Iterator[Callable[[KeyringBackend], None]]:
    """Makes another keyring the user's; at first it is one in a file, which is empty."""
    former = keyring.get_keyring()
    plain = PlaintextKeyring()
    plain.file_path = str(tmp_path / "keyring")
    keyring.set_keyring(plain)
    yield keyring.set_keyring
    keyring.set_keyring(former)


def test_a_keyring(
    guarded: int,
    settings: Callable[..., None],
    tmp_path: Path,
    in_keyring: Callable[[KeyringBackend], None],
    iodeep: Callable[..., Answer],
) -> None:
    settings(**all_keys(guarded, tmp_path) | {"password": "keyring:hospital"})
    refused(iodeep("list", "pacs"), 2, "nothing for 'hospital' and 'anna'", "keyring set hospital")
    keyring.set_password("hospital", "anna", "another")
    refused(iodeep("list", "pacs"), 5, "answered 401")
    keyring.set_password("hospital", "anna", SECRET)
    assert iodeep("list", "pacs").status == 0


class Locked(PlaintextKeyring):
    """As the system's is while nobody types its password."""

    def get_password(self, service: str, username: str) -> str:
        raise keyring.errors.KeyringLocked(f"{SECRET} is locked")


@pytest.mark.parametrize("backend", [Locked, keyring.backends.fail.Keyring])
def test_a_keyring_that_fails(
    settings: Callable[..., None],
    in_keyring: Callable[[KeyringBackend], None],
    iodeep: Callable[..., Answer],
    backend: type[KeyringBackend],
) -> None:
    in_keyring(backend())
    settings(url="dicomweb+http://127.0.0.1:1/d", token="keyring:hospital")
    answer = iodeep("list", "pacs", "--verbose")
    assert answer.status == 2
    assert "a keyring that fails" in answer.err
    assert "env:VARIABLE" in answer.err
    assert SECRET not in answer.err


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"user": "anna", "password": SECRET}, "wanted: 'env:VARIABLE' or 'keyring:SERVICE'"),
        ({"token": f"env:NOT_{SECRET}"}, "no environment variable"),
        ({"token": "keyring:pacs"}, "pip install keyring"),
        (
            {"pasword": "env:PACS_SECRET"},
            "pasword: a key that is not known here; wanted: one of url, ",
        ),
        ({"timeout": "long"}, "servers.pacs.timeout: str; wanted: a number"),
        ({"timeout": True}, "servers.pacs.timeout: bool; wanted: a number"),
        ({"timeout": 0}, "servers.pacs.timeout: 0; wanted: 0.1 to 86400"),
        ({"timeout": -1.5}, "servers.pacs.timeout: -1.5; wanted"),
        ({"timeout": 1e10}, "servers.pacs.timeout: 10000000000.0; wanted"),
        ({"user": "anna"}, "a user without a password"),
        ({"password": "env:PACS_SECRET"}, "a password without a user"),
        ({"password": 12345}, "servers.pacs.password: int; wanted: a text"),
        ({"token": [SECRET]}, "servers.pacs.token: list; wanted: a text"),
        ({"aet": [SECRET]}, "servers.pacs.aet: list; wanted: a text"),
        ({"tls": True}, "servers.pacs.tls: nothing for dicomweb+...; wanted: another protocol"),
        ({"aet": "ME"}, "servers.pacs.aet"),
        ({"url": "dimse://A@h:1", "tls": "yes"}, "pacs.tls: str; wanted: true or false"),
        ({"url": "dimse://A@h:1", "receive_port": 0}, "receive_port: 0; wanted: 1 to 65535"),
        ({"url": "dimse://A@h:1", "receive_port": 99999}, "wanted: 1 to 65535"),
        ({"url": "dimse://A@h:1", "token": "env:PACS_SECRET"}, "pacs.token: nothing for dimse:"),
        ({"ca": "/no/such.pem"}, "no file /no/such.pem"),
        ({"url": ""}, "the address"),
        ({"url": "dicomweb+https://"}, "the address"),
    ],
)
def test_settings_that_are_wrong(
    settings: Callable[..., None],
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    keys: dict[str, object],
    words: str,
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    settings(**{"url": "dicomweb+http://127.0.0.1:1"} | keys)
    refused(iodeep("list", "pacs"), 2, words)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"[[servers]]\npassword = '{SECRET}'\n", "servers: list; wanted: a table"),
        (f"[[servers.pacs]]\npassword = '{SECRET}'\n", "servers.pacs: list; wanted: a table"),
        (f"servers = '{SECRET}'\n", "servers: str; wanted: a table"),
        (f"[servers]\npacs = '{SECRET}'\n", "servers.pacs: str; wanted: a table"),
        (
            f"[servers.pacs]\nurl = 'dimse://A@h:1'\nuser = {{password = '{SECRET}'}}\n",
            "servers.pacs.user: dict; wanted: a text",
        ),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    found: str,
) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "mine.toml"))
    answer = iodeep("list", "pacs")
    refused(answer, 2, "mine.toml", found)
    assert SECRET not in answer.err


def test_settings_without_an_address(
    tmp_path: Path, iodeep: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text("[servers.pacs]\n[servers.other]\nurl = 'dimse://A@h:1'\n")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "mine.toml"))
    refused(iodeep("list", "pacs"), 2, "servers.pacs.url: nothing; wanted: 'dicomweb+https://")
    assert read_settings().server("other") == Server("dimse://A@h:1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[server.pacs]", "server: a key that is not known here; wanted: one of servers, cache"),
        ("servers = 5", "servers: 5; wanted: a table"),
        ("[servers]\npacs = 5", "servers.pacs: 5; wanted: a table"),
    ],
)
def test_tables_that_are_wrong(
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    words: str,
) -> None:
    (tmp_path / "mine.toml").write_text(content)
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "mine.toml"))
    refused(iodeep("list", "pacs"), 2, f"mine.toml: {words}")


def test_secrets_are_not_shown() -> None:
    server = Server("dimse://A@h:1", user="anna", password=SECRET, token=SECRET)
    assert "anna" in repr(server)
    assert SECRET not in repr(server) and SECRET not in str(server.__rich_repr__())


@pytest.mark.parametrize(("size", "found"), [("nan", "NaN"), ("inf", "Infinity"), ("-1", "-1")])
def test_a_cache_of_no_size(
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    size: str,
    found: str,
) -> None:
    (tmp_path / "mine.toml").write_text(f"[cache]\nmax_gb = {size}\n")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "mine.toml"))
    refused(iodeep("cache"), 2, "mine.toml", f"cache.max_gb: {found}; wanted: 0 to 1000000")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"certificate": "me.pem"}, "a key that is encrypted"),
        ({"certificate": "mine.pem", "key": "me.pem"}, "a key that is encrypted"),
        ({"certificate": "mine.pem"}, "with its key"),
        ({"key": "me.pem"}, "a key without a certificate"),
        ({"certificate": "noise.pem"}, "noise.pem"),
        ({"ca": "noise.pem"}, "noise.pem"),
    ],
)
def test_certificates_that_are_wrong(
    settings: Callable[..., None],
    authority: trustme.CA,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    keys: dict[str, str],
    words: str,
) -> None:
    """They are found out before a passphrase is asked for, or a handshake tried again."""
    mine = authority.issue_cert("client@example.org")
    key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(SECRET.encode()),
    )
    settings(
        url="dicomweb+https://127.0.0.1:1/d",
        **{key: str(tmp_path / name) for key, name in keys.items()},
    )
    certificate = mine.cert_chain_pems[0].bytes()
    (tmp_path / "mine.pem").write_bytes(certificate)
    (tmp_path / "me.pem").write_bytes(encrypted + certificate)
    (tmp_path / "noise.pem").write_bytes(bytes(range(256)))
    refused(iodeep("list", "pacs"), 2, "servers.pacs", words)


@pytest.mark.parametrize("secret", [SECRET, f"{SECRET}/@:8", f"104/{SECRET}"])
@pytest.mark.parametrize("url", ["dicomweb+http://anna:{}@h/d", "dimse://A:{}@h:104"])
def test_passwords_in_addresses(
    iodeep: Callable[..., Answer], settings: Callable[..., None], url: str, secret: str
) -> None:
    settings(url=url.format(secret))
    for words in (url.format(secret), "pacs"):
        answer = iodeep("list", words)
        refused(answer, 2, "a password in an address", "iodeep.toml")
        assert SECRET not in answer.err


@pytest.mark.parametrize(
    ("place", "words"),
    [(f"{SECRET}@h/d", "a user or a password"), (f"h/d?token={SECRET}", "an address with '?'")],
)
def test_other_secrets_in_addresses(
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    words: str,
) -> None:
    (tmp_path / "mine.toml").write_text("")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "mine.toml"))
    answer = iodeep("list", f"dicomweb+https://{place}")
    refused(answer, 2, words)
    assert SECRET not in answer.err
    assert ("mine.toml" in answer.err) == ("user" in words)


@pytest.mark.parametrize("path", ["", "/dicom-web", "/a%40b"])
def test_a_port_is_no_password(path: str) -> None:
    assert source_of(f"dicomweb+http://127.0.0.1:8042{path}").name.endswith(f":8042{path}")


def test_what_netrc_has_is_not_sent(
    tmp_path: Path, iodeep: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have something for every server; only iodeep.toml says who gets which secret."""
    (tmp_path / "netrc").write_text(f"default login anna password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    nothing = Fault(answer=answer("200 OK", b"[]", "application/json"), unless=b"Authorization")
    with proxy(servers.free_port(), lambda number: nothing) as guard:
        listed = iodeep("list", f"dicomweb+http://127.0.0.1:{guard.port}/dicom-web")
        assert listed.out == "no models\n"


def test_other_addresses_are_not_followed(
    settings: Callable[..., None], iodeep: Callable[..., Answer]
) -> None:
    head = "HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\nLocation: "
    asked_elsewhere = []
    with (
        proxy(1, asked_elsewhere.append) as elsewhere,
        proxy(1, lambda number: Fault(answer=moved)) as guard,
    ):
        there = f"http://127.0.0.1:{elsewhere.port}/d"
        moved = f"{head}{there}?from=here\r\n\r\n".encode()
        settings(url=f"dicomweb+http://127.0.0.1:{guard.port}/d", token="env:PACS_SECRET")
        refused(iodeep("list", "pacs"), 5, "answered 301", f"it is at {there};")
    assert not asked_elsewhere


@pytest.mark.parametrize("port", ["1", "no-port"])
def test_a_proxy_with_a_password(
    settings: Callable[..., None],
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    port: str,
) -> None:
    monkeypatch.setattr("IODeepLib.sources.retries._sleep", lambda seconds: None)
    monkeypatch.setenv("HTTP_PROXY", f"http://anna:{SECRET}@127.0.0.1:{port}")
    monkeypatch.delenv("http_proxy", raising=False)
    settings(url="dicomweb+http://pacs.example.org/d")
    answer = iodeep("list", "pacs", "--verbose")
    assert answer.status == 5
    assert SECRET not in answer.err
    assert f"the proxy 127.0.0.1:{port} does not lead to http://pacs.example.org/d" in answer.err


def test_https_where_http_is_spoken(orthanc: Orthanc, iodeep: Callable[..., Answer]) -> None:
    with proxy(orthanc.http_port, lambda number: None) as between:
        address = f"https://127.0.0.1:{between.port}/dicom-web"
        answer = iodeep("list", f"dicomweb+{address}")
        refused(answer, 5, f"{address} does not speak TLS", "check http or https")
        assert between.connections == 1


def test_no_word_of_a_secret(
    guarded: int,
    settings: Callable[..., None],
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_model(tmp_path)
    monkeypatch.setattr("IODeepLib.sources.retries._sleep", lambda seconds: None)
    caplog.set_level(logging.DEBUG)
    keys = all_keys(guarded, tmp_path)
    said = ""
    for changes in (
        {},
        {"user": "otto"},
        {"url": keys["url"][:-4] + "nowhere"},
        {"token": "env:PACS_SECRET"},
        {"url": "dicomweb+http://127.0.0.1:1/d"},
    ):
        settings(**keys | changes)
        for call in (
            ["list", "pacs"],
            ["push", tmp_path / "packed", "pacs"],
            ["pull", "1.2", "pacs", "--out", tmp_path / "o"],
        ):
            for verbose in ([], ["--verbose"], ["--json"]):
                answer = iodeep(*call, *verbose)
                said += answer.out + answer.err
    said += caplog.text + repr(source_of("pacs")) + repr(vars(source_of("pacs")))
    import base64

    for form in (SECRET, base64.b64encode(f"anna:{SECRET}".encode()).decode()):
        assert form not in said
    assert "answered 401" in said
    assert "urllib3" in caplog.text
    assert "Traceback" in said
