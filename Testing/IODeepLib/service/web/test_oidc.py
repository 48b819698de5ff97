"""People sign in where OpenID Connect knows them: what is not proved there opens nothing."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from makers.oidc_provider import CLIENT, SECRET, Provider, new_key
from msgspec.structs import replace as changed
from pacs.servers import free_port
from served import served
from web_client import OWN, Client

from IODeepLib.service.web.settings import Oidc, Role, WebSettings

ROLES = {"readers": "look", "chiefs": "administer"}
# The provider speaks no TLS here; to read whom it could believe takes a while.
BROWSER = httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
READER = {"groups": ["staff", "readers"]}


@pytest.fixture(scope="module")
def _running() -> Iterator[Provider]:
    port = free_port()
    provider = Provider(f"http://127.0.0.1:{port}", new_key())
    with served(provider.app, port):
        yield provider


@pytest.fixture
def provider(_running: Provider) -> Provider:
    """One that says what is right, of a reader."""
    fresh = replace(Provider(_running.issuer, _running.key), claims=dict(READER))
    vars(_running).update(vars(fresh))
    return _running


@pytest.fixture
def settings(provider: Provider) -> WebSettings:
    oidc = Oidc(provider.issuer, CLIENT, ROLES, client_secret=SECRET)
    return WebSettings(address=OWN, oidc=oidc)


def left(client: Client) -> str:
    """Where a browser is sent to sign in."""
    answer = client.get("/login/oidc", headers={"Accept": "text/html"})
    assert answer.status_code == 302, answer.text
    assert "SameSite=lax" in answer.headers["set-cookie"]
    return answer.headers["location"]


def came_back(client: Client, where: str) -> httpx2.Response:
    """What a browser gets that was at the provider."""
    back = urlsplit(BROWSER.get(where).headers["location"])
    return client.get(f"{back.path}?{back.query}", headers={"Accept": "text/html"})


@pytest.mark.parametrize(
    ("claims", "claim", "role"),
    [
        ({"groups": ["staff", "readers"]}, "groups", Role.LOOK),
        ({"groups": ["chiefs", "readers"]}, "groups", Role.ADMINISTER),
        ({"groups": "readers"}, "groups", Role.LOOK),
        ({"realm_access": {"roles": ["chiefs"]}}, "realm_access.roles", Role.ADMINISTER),
    ],
)
def test_who_is_in_a_group_has_its_role(
    claims: dict[str, object],
    claim: str,
    role: Role,
    provider: Provider,
    settings: WebSettings,
    client: Callable[..., Client],
) -> None:
    provider.claims = claims
    assert settings.oidc is not None
    browser = client(changed(settings, oidc=changed(settings.oidc, claim=claim)))
    assert "/login/oidc" in browser.get("/login").text
    where = left(browser)
    asked = parse_qs(urlsplit(where).query)
    assert asked["redirect_uri"] == [f"{OWN}/login/back"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["nonce"]
    answer = came_back(browser, where)
    assert answer.status_code == 200
    assert "SameSite=strict" in answer.headers["set-cookie"]
    shown = browser.get("/", headers={"Accept": "text/html"})
    assert shown.status_code == 200
    assert "jane" in shown.text
    assert ("Look at a study now" in shown.text) == role.covers(Role.RUN)


@pytest.mark.parametrize(
    "change",
    [
        {"claims": READER | {"aud": "another"}},
        {"claims": READER | {"aud": ["another", "a third"]}},
        {"claims": READER | {"aud": None}},
        {"claims": READER | {"iss": "http://127.0.0.1:1"}},
        {"claims": READER | {"exp": int(time.time()) - 60}},
        {"claims": READER | {"exp": None}},
        {"claims": READER | {"nonce": "another"}},
        {"claims": READER | {"nonce": None}},
        {"signed_by": "none"},
        {"signed_by": "HS256"},
        {"signs_with": new_key()},
        {"signs_with": new_key(), "header": {"kid": "unknown"}},
        {"header": {"alg": "none"}},
        {"header": {"alg": "PS512"}},
        {"answer": {"id_token": None}},
        {"answer": {"id_token": "a.b.c"}},
        {"answer": {"id_token": 5}},
        {"metadata": {"issuer": "https://another"}},
        {"claims": {"groups": []}},
        {"claims": {"groups": ["Readers", 5, None]}},
        {"claims": {"groups": {"readers": True}}},
        {"claims": {"roles": ["readers"]}},
    ],
)
def test_what_proves_nothing_opens_nothing(
    change: dict[str, object],
    provider: Provider,
    settings: WebSettings,
    client: Callable[..., Client],
) -> None:
    browser = client(settings)
    where = left(browser)
    vars(provider).update(change)
    answer = came_back(browser, where)
    assert answer.status_code == 403
    assert "iodeep_session" not in browser.cookies
    assert browser.get("/", headers={"Accept": "text/html"}).status_code == 303


def test_who_did_not_leave_from_here_does_not_come_back(
    provider: Provider, settings: WebSettings, client: Callable[..., Client]
) -> None:
    """Somebody sends another one a link with a code of their own."""
    attacker, browser = client(settings), client(settings)
    link = urlsplit(BROWSER.get(left(attacker)).headers["location"])
    path = f"{link.path}?{link.query}"
    assert browser.get(path).status_code == 403
    where = left(browser)
    assert browser.get(path).status_code == 403
    assert came_back(browser, where).status_code == 403  # there was one way back
    where = left(browser)
    back = urlsplit(BROWSER.get(where).headers["location"])
    assert browser.get(f"{back.path}?{back.query}").status_code == 200
    assert browser.get(f"{back.path}?{back.query}").status_code == 403
    assert browser.get("/login/back?error=access_denied").status_code == 403


def test_a_provider_that_is_away(client: Callable[..., Client]) -> None:
    oidc = Oidc(f"http://127.0.0.1:{free_port()}", CLIENT, ROLES)
    answer = client(WebSettings(address=OWN, oidc=oidc)).get("/login/oidc")
    assert answer.status_code == 502
    assert "does not answer" in answer.json()["found"]
