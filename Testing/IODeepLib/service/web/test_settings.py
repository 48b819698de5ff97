"""What iodeep.toml says of page and API: nothing that is not safe is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace as changed

from IODeepLib.errors import UsageError
from IODeepLib.service.addresses import is_loopback
from IODeepLib.service.listeners import listeners_of
from IODeepLib.service.settings import ServiceSettings, service_settings
from IODeepLib.service.tasks import Look, read_json, write_json
from IODeepLib.service.web.listener import WebListener
from IODeepLib.service.web.secrets import with_secrets
from IODeepLib.service.web.settings import Role, WebSettings
from IODeepLib.sources.settings import Settings, read_settings
from IODeepLib.text.foreign import printable

HEAD = '[service]\nsource = "pacs"\n[service.polling]\n[service.web]\n'
BEARER = '[[service.web.tokens]]\nname = "a"\ntoken = "env:A"\n'
WORD = "0123456789abcdef-A"
OIDC = '[service.web.oidc]\nissuer = "https://login"\nclient_id = "i"\nroles = { a = "look" }\n'
OPEN = 'host = "0.0.0.0"\naddress = "https://iodeep.example.org"\ncertificate = "{pem}"\n'


def read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> tuple[Settings, ServiceSettings]:
    path = tmp_path / "iodeep.toml"
    path.write_text(HEAD + more)
    monkeypatch.setenv("IODEEP_CONFIG", str(path))
    settings = read_settings()
    return settings, service_settings(settings)


def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str) -> WebSettings:
    found = read(tmp_path, monkeypatch, more)[1].web
    assert found is not None
    return found


def test_by_default_only_this_machine_reaches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = web(tmp_path, monkeypatch, "")
    assert is_loopback(found.host)
    assert found.is_open
    assert not found.over_tls
    assert found.names == {"127.0.0.1", "::1", "localhost"}
    for host in ("::1", "127.1.2.3", "localhost"):
        assert web(tmp_path, monkeypatch, f'host = "{host}"\n').host == host


def test_all_that_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", WORD)
    monkeypatch.setenv("S", "of the client")
    more = 'port = 8443\nproxy = "10.0.0.1"\nhosts = ["IODEEP"]\n'
    more = f'host = "0.0.0.0"\naddress = "https://iodeep.example.org:8443"\n{more}{BEARER}'
    settings, service = read(
        tmp_path, monkeypatch, f'{more}role = "run"\n{OIDC}client_secret = "env:S"\n'
    )
    found = service.web
    assert found is not None
    assert settings.path is not None
    assert found.names == {"127.0.0.1", "::1", "localhost", "iodeep", "iodeep.example.org"}
    assert found.over_tls
    assert not found.is_open
    task = Look(service, "1.2.3", "images")  # what goes to another process has no secret in it
    write_json(tmp_path / "task.json", task)
    assert read_json(tmp_path / "task.json", Look) == task
    assert WORD not in (tmp_path / "task.json").read_text()
    assert found.oidc is not None
    known = with_secrets(settings.path, found)
    assert (known.tokens[0].token, known.tokens[0].role) == (WORD, Role.RUN)
    assert known.oidc is not None
    assert known.oidc == changed(found.oidc, client_secret="of the client")
    assert WORD not in f"{known!r} {printable(WORD)}"
    assert "of the client" not in repr(known)


def test_roles_cover_those_before_them() -> None:
    covered = [[role.covers(other) for other in Role] for role in Role]
    assert covered == [[True, False, False], [True, True, False], [True, True, True]]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('host = "0.0.0.0"\n', "service.web.host (line 5): 0.0.0.0, for everybody"),
        ('host = "192.168.1.2"\n', "service.web.host (line 5): 192.168.1.2, for everybody"),
        ('host = "iodeep.example.org"\n', "for everybody who reaches it; wanted: who may"),
        ('host = "10.0.0.1"\n' + BEARER, "service.web.host (line 5): 10.0.0.1, without TLS"),
        (OIDC, "service.web.oidc (line 5): no address"),
        ('proxy = "127.0.0.1"\n', "service.web.proxy (line 5): a proxy, for everybody"),
        ('proxy = "127.0.0.1"\n' + BEARER, "service.web.proxy (line 5): no address"),
        ('key = "k.pem"\n', "service.web.key (line 5): a key without a certificate"),
        (
            'host = "0.0.0.0"\ncertificate = "c.pem"\n' + BEARER,
            "service.web.host (line 5): 0.0.0.0, without an address",
        ),
        ('address = "https://iodeep"\n', "(line 5): https://iodeep; wanted: http://NAME"),
        ('address = "http://a:b@iodeep"\n', "service.web.address (line 5)"),
        ('address = "http://iodeep/path"\n', "service.web.address (line 5)"),
        ('address = "iodeep"\n', "service.web.address (line 5)"),
        ("port = 0\n", "service.web.port (line 5): 0; wanted: 1 to 65535"),
        ("prot = 1\n", "service.web.prot (line 5)"),
        (BEARER + 'role = "god"\n', 'service.web.tokens[0].role (line 8): "god"'),
        (OIDC.replace("https", "http"), "service.web.oidc.issuer (line 6): http://login"),
        (OIDC.replace("a =", "").replace('"look"', ""), "service.web.oidc.roles (line 8): no role"),
        (OIDC.replace("look", "see"), "service.web.oidc.roles.a (line 8): see; wanted: look or"),
    ],
)
def test_what_is_not_safe_is_refused(
    more: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, monkeypatch, more)
    assert words in str(error.value)
    assert str(tmp_path / "iodeep.toml") in str(error.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (BEARER.replace("env:A", WORD), "something else than a place"),
        (BEARER.replace("env:A", "env:MISSING"), "no environment variable MISSING"),
        (
            BEARER.replace("env:A", "env:SHORT"),
            "service.web.tokens[0].token (line 7): a token that",
        ),
        (BEARER.replace("env:A", "env:LINES"), "has signs that no header holds"),
        (BEARER + BEARER, "service.web.tokens[1].token (line 10): the token of somebody else"),
        (
            OPEN.replace("{pem}", "nothing.pem") + BEARER,
            "service.web.certificate (line 7): nothing",
        ),
        (OPEN.replace("{pem}", "{other}") + BEARER, "service.web.certificate (line 7): "),
    ],
)
def test_secrets_and_certificates_are_tried_before_anything_listens(
    more: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"A": WORD, "SHORT": "abc", "LINES": f"{WORD}\n"}.items():
        monkeypatch.setenv(name, value)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "without_key.pem")
    settings, service = read(
        tmp_path, monkeypatch, more.replace("{other}", str(tmp_path / "without_key.pem"))
    )
    with pytest.raises(UsageError) as error:
        listeners_of(settings, service)
    assert words in str(error.value)
    assert WORD not in str(error.value)


def test_who_asks_for_it_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, service = read(tmp_path, monkeypatch, "")
    (listener,) = listeners_of(settings, service)
    assert isinstance(listener, WebListener)
    listener.stop()  # it never started
    path = tmp_path / "iodeep.toml"
    path.write_text(HEAD.replace("[service.web]\n", ""))
    settings = read_settings()
    assert listeners_of(settings, service_settings(settings)) == []
