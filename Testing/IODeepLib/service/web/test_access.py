"""Who may do what: by token, by role, on the page and by the API."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from web_client import BROWSER, OWN, Client, bearer

from IODeepLib.service.audit.spool import Spool
from IODeepLib.service.audit.trail import Trail, trail_of
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.settings import Audit
from IODeepLib.service.states import State
from IODeepLib.service.web.app import app_for
from IODeepLib.service.web.settings import Role, Token, WebSettings

HTML = {"Accept": "text/html"}
TOKENS = tuple(Token(role.value, f"token-of-{role.value}-0123", role) for role in Role)
LOOK = ["/api/v1/jobs", "/api/v1/studies", "/api/v1/service", "/api/v1/models", "/metrics"]
Made = Callable[..., Client]


def token(role: Role) -> str:
    return f"token-of-{role.value}-0123"


@pytest.mark.parametrize("path", LOOK)
def test_who_has_no_token_sees_nothing(path: str, closed: Client) -> None:
    wrong = ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {token(Role.LOOK)}", "Bearer \xfc"]
    for value in wrong:
        answer = closed.get(path, headers={"Authorization": value.encode("latin-1")})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert closed.get(path).status_code == 401
    assert closed.get(path, headers=bearer(token(Role.LOOK)[:-1])).status_code == 401
    for role in Role:
        assert closed.get(path, headers=bearer(token(role))).status_code == 200


@pytest.mark.parametrize(
    ("what", "state", "least"),
    [
        ("again", State.FAILED, Role.RUN),
        ("choose", State.CHOICE, Role.RUN),
        ("cancel", State.RUNNING, Role.ADMINISTER),
    ],
)
def test_who_may_only_look_does_nothing(
    what: str, state: State, least: Role, closed: Client, jobs: dict[State, Job]
) -> None:
    path = f"jobs/{jobs[state].uid}/{what}"
    for role in Role:
        may = role.covers(least)
        if not may or role is least:
            answer = closed.post(
                f"/api/v1/{path}", json={"model": "2.25.8"}, headers=bearer(token(role))
            )
            assert answer.status_code == (200 if may else 403), role
    assert closed.post(f"/api/v1/{path}").status_code == 401


def test_who_has_ordered_what_is_told_to_the_audit_server(
    hands: Hands, jobs: dict[State, Job], tmp_path: Path
) -> None:
    """And nothing of what came to nothing."""
    trail = Trail(Audit("udp://localhost:514"), Spool(tmp_path / "audit"), tmp_path / "lock")
    app = app_for(replace(hands, trail=trail), WebSettings(tokens=TOKENS), lambda: None)
    program = Client(app, base_url=OWN)
    for what, state, status in (
        ("again", State.FAILED, 200),
        ("again", State.FAILED, 409),
        ("choose", State.CHOICE, 200),
        ("cancel", State.RUNNING, 200),
        ("cancel", State.DONE, 200),
    ):
        path = f"/api/v1/jobs/{jobs[state].uid}/{what}"
        headers = bearer(token(Role.ADMINISTER))
        answer = program.post(path, json={"model": "2.25.8"}, headers=headers)
        assert answer.status_code == status
    said = [one.read_bytes() for one in sorted((tmp_path / "audit").iterdir())]
    assert [re.findall(rb'ActionCode="(.)"', one) for one in said] == [[b"C"], [b"U"], [b"U"]]
    for message in said:
        assert b'originalText="Procedure Record"' in message
        assert b'UserID="administer"' in message
        assert b'NetworkAccessPointID="testclient"' in message
        assert b'ParticipantObjectID="1.2.3"' in message


@pytest.mark.parametrize("role", list(Role))
def test_people_see_what_they_may_do(role: Role, closed: Client, jobs: dict[State, Job]) -> None:
    assert closed.sign_in(token(role)).status_code == 200
    overview = closed.get("/", headers=HTML).text
    running = closed.get(f"/jobs/{jobs[State.RUNNING].uid}", headers=HTML).text
    assert (f"/jobs/{jobs[State.FAILED].uid}/again" in overview) == role.covers(Role.RUN)
    assert ("/cancel" in running) == role.covers(Role.ADMINISTER)
    answer = closed.form(f"/jobs/{jobs[State.FAILED].uid}/again")
    assert answer.status_code == (303 if role.covers(Role.RUN) else 403)
    answer = closed.form(f"/jobs/{jobs[State.RUNNING].uid}/cancel")
    assert answer.status_code == (303 if role.covers(Role.ADMINISTER) else 403)


def test_signing_in_and_out(closed: Client, jobs: dict[State, Job]) -> None:
    for path in ("/", "/models", "/jobs", f"/jobs/{jobs[State.DONE].uid}"):
        answer = closed.get(path, headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert closed.get(f"/jobs/{jobs[State.DONE].uid}/picture.png").status_code == 401
    assert closed.sign_in("wrong").status_code == 403
    assert closed.get("/", headers=HTML).status_code == 303
    answer = closed.sign_in(token(Role.LOOK))
    cookie = answer.headers["set-cookie"]
    assert all(one in cookie for one in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "Secure" not in cookie  # there is no TLS here
    assert token(Role.LOOK) not in cookie
    assert closed.get("/", headers=HTML).status_code == 200
    former = dict(closed.cookies)
    # What opens the page opens no API, which has no forms with secrets of their own.
    assert closed.get("/api/v1/jobs").status_code == 401
    assert closed.form("/logout").headers["location"] == "/login"
    closed.cookies.update(former)
    assert closed.get("/", headers=HTML).status_code == 303


def test_a_form_to_sign_in_that_is_not_ours(closed: Client) -> None:
    """Somebody could have others sign in as themselves, and see what they do."""
    fields = {"token": token(Role.LOOK)}
    assert closed.post("/login", data=fields, headers=BROWSER).status_code == 403
    closed.get("/login")
    assert closed.post("/login", data=fields, headers=BROWSER).status_code == 403


def test_who_signs_in_gets_another_session(closed: Client) -> None:
    keys = set()
    for _ in range(3):
        closed.sign_in(token(Role.LOOK))
        keys.add(closed.cookies["iodeep_session"])
    assert len(keys) == 3


def test_cookies_go_by_tls_alone_where_there_is_tls(client: Made, closed: Client) -> None:
    tokens = closed.app.state.site.settings.tokens  # type: ignore[attr-defined]
    settings = WebSettings(proxy="127.0.0.1", address="https://iodeep.example.org", tokens=tokens)
    secure = client(settings)
    answer = secure.get("/login", headers={"Host": "iodeep.example.org"})
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"]


def test_where_nobody_said_who_may_this_machine_may(client: Made) -> None:
    open_ = client()
    assert open_.get("/api/v1/jobs").status_code == 200
    assert open_.get("/login").headers["location"] == "/"
    assert open_.get("/login/oidc").status_code == 404
    for name in ("X-Forwarded-For", "Forwarded"):  # a proxy lets others in that nobody spoke of
        assert open_.get("/", headers={name: "for=10.0.0.1"}).status_code == 403


def test_who_is_refused_is_told_to_the_audit_server(hands: Hands, jobs: dict[State, Job]) -> None:
    """By whom, from where, and what they wanted; not of whom."""
    settings = changed(hands.settings, audit=Audit(server="tcp://127.0.0.1:9"))
    audited = replace(hands, settings=settings, trail=trail_of(settings))
    app = app_for(audited, WebSettings(tokens=TOKENS), lambda: None)
    client = Client(app, base_url=OWN)
    client.get("/api/v1/studies/1.2.3", headers=bearer(token(Role.LOOK)))
    client.post("/api/v1/studies/1.2.3", headers=bearer(token(Role.LOOK)))
    client.get("/api/v1/studies/1.2.3", headers=bearer("wrong"))
    client.sign_in("wrong")
    said = [path.read_text() for path in sorted((hands.place.folder / "audit").iterdir())]
    assert ["look" in one for one in said] == [True, False, False]
    routes = [f"{how} /api/v1/studies/{{uid}}" for how in ("POST", "GET")]
    for one, what in zip(said, [*routes, "POST /login"], strict=True):
        assert "Use of Restricted Function" in one
        assert "testclient" in one
        wanted = re.search(r'"Alert Description" value="([^"]+)"', one)
        assert wanted is not None
        assert base64.b64decode(wanted[1]).decode() == what
        assert "1.2.3" not in one
    for _ in range(30):
        client.get("/api/v1/jobs")
    assert len(list((hands.place.folder / "audit").iterdir())) == 10  # that is enough for now


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.org"},
        {"Host": "evil.example.org:8080"},
        {"Host": "127.0.0.1.evil.example.org"},
        {"Host": "127.0.0.1@evil.example.org"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
)
def test_a_name_of_somebody_else(headers: dict[str, str], client: Made) -> None:
    for path in ("/", "/api/v1/jobs", "/healthz", "/static/page.css"):
        answer = client().get(path, headers=headers)
        assert answer.status_code == 400
        assert "service.web.hosts" in answer.json()["next"]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080"])
def test_our_own_names(host: str, client: Made) -> None:
    assert client().get("/api/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_elsewhere_has_nothing_done(
    headers: dict[str, str], client: Made, jobs: dict[State, Job]
) -> None:
    path = f"/api/v1/jobs/{jobs[State.FAILED].uid}/again"
    answer = client().post(path, headers=headers)
    assert (answer.status_code, answer.json()["found"]) == (403, "a page of another site")
    assert client().get("/api/v1/jobs", headers=headers).status_code == 200  # which it cannot read
    assert client().post(path, headers={"Origin": OWN}).status_code == 200


def test_what_every_answer_says_to_browsers(client: Made) -> None:
    for path in ("/", "/api/v1/jobs", "/healthz", "/metrics", "/static/page.js", "/nothing"):
        headers = client().get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == ("max-age=3600" if "static" in path else "no-store")
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
