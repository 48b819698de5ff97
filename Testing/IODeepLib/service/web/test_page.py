"""The page: everybody sees what goes on, and nothing on it commands a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from web_client import BROWSER, Client

from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.kept import Row
from IODeepLib.service.states import State
from IODeepLib.service.tasks import write_json
from IODeepLib.service.web import page as page_module

HTML = {"Accept": "text/html"}
PNG = b"\x89PNG\r\n\x1a\n and the rest"
Made = Callable[..., Client]


class Parsed(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def parsed(client: Client, path: str = "/") -> Parsed:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200
    return Parsed(answer.text)


PAGES = ["/", "/jobs", "/jobs?state=failed", "/models", "/jobs/{choice}", "/jobs/{failed}", "/x"]


@pytest.mark.parametrize("path", PAGES)
def test_what_comes_from_elsewhere_is_text(
    path: str, client: Made, jobs: dict[State, Job], hands: Hands
) -> None:
    """Labels, reasons, rules and titles of networks are attacks here; as a path is."""
    for job in jobs.values():
        write_json(hands.place.kept / f"{job.uid}.json", [Row("<img src=x onerror=a()>", 1.0)])
    path = path.format(choice=jobs[State.CHOICE].uid, failed=jobs[State.FAILED].uid)
    found = Parsed(client().get(path + "", headers=HTML).text)
    scripts = [one.get("src") for one in found.all("script")]
    assert [one.partition("?")[0] for one in map(str, scripts)] == ["/static/page.js"] * (
        path == "/"
    )
    assert all(str(one["src"]).startswith("/jobs/") for one in found.all("img"))
    assert not [n for _, attributes in found.tags for n in attributes if n.startswith("on")]
    assert not [a for _, a in found.tags if "style" in a]
    assert "\u202e" not in found.text
    assert path == "/x" or "<script>alert(1)</script>" in found.text


def test_all_that_goes_on(client: Made, jobs: dict[State, Job], hands: Hands) -> None:
    done = jobs[State.DONE]
    write_json(hands.place.kept / f"{done.uid}.json", [Row("liver", 1520.25, 160.0)])
    (hands.place.kept / f"{done.uid}.png").write_bytes(PNG)
    found = parsed(client())
    for words in ("Needs a choice", "Running", "Failed", "Done", "Queue", "Throughput", "Versions"):
        assert words in found.text
    assert "1520.2 mL" in found.text
    assert [one["value"] for one in found.all("progress")] == ["0.4"]
    assert [one["value"] for one in found.all("option")] == ["2.25.7", "2.25.8"]
    assert {one["action"] for one in found.all("form")} == {
        f"/jobs/{jobs[State.FAILED].uid}/again",
        f"/jobs/{jobs[State.CHOICE].uid}/choose",
        "/look",
    }
    assert [one["src"] for one in found.all("img")] == [f"/jobs/{done.uid}/picture.png"]
    picture = client().get(f"/jobs/{done.uid}/picture.png")
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")


def test_a_queue_with_nothing_in_it(client: Made) -> None:
    found = parsed(client())
    assert "Nothing waits." in found.text
    assert "Nothing runs." in found.text
    assert "In the last 24 hours: 0 jobs done, 0 failed." in found.text
    classes = [str(one["class"]).split() for one in found.all("li")]
    assert all("none" in one for one in classes)


def test_an_image_of_one_job(client: Made, jobs: dict[State, Job]) -> None:
    text = parsed(client(), f"/jobs/{jobs[State.DONE].uid}").text
    for words in ("COMPLETED", "1.2.3", "2.25.92", "not stored yet"):
        assert words in text


def test_models(client: Made) -> None:
    text = parsed(client(), "/models").text
    for words in ("small", "1.0.0", "unsigned", "MR", "Runs here"):
        assert words in text


def test_a_person_has_it_done(
    client: Made, jobs: dict[State, Job], hands: Hands, bell: threading.Event
) -> None:
    person = client()
    uid = jobs[State.FAILED].uid
    answer = person.form(f"/jobs/{uid}/again")
    new = hands.jobs.job(uid).later
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{new}")
    assert hands.jobs.job(new).state is State.WAITING
    assert bell.is_set()
    for path, other in ((f"/jobs/{uid}", new), (f"/jobs/{new}", uid)):
        shown = parsed(person, path)
        assert f"/jobs/{other}" in {one.get("href") for one in shown.all("a")}
        assert f"/jobs/{uid}/again" not in {one.get("action") for one in shown.all("form")}
    assert f"/jobs/{uid}" not in {one.get("href") for one in parsed(person).all("a")}
    uid = jobs[State.CHOICE].uid
    assert person.form(f"/jobs/{uid}/choose", model="2.25.8").status_code == 303
    assert hands.jobs.job(uid).label == "hepar@2.0.0"
    uid = jobs[State.RUNNING].uid
    assert person.form(f"/jobs/{uid}/cancel").status_code == 303
    assert hands.jobs.job(uid).state is State.CANCELED


def test_what_cannot_be_done_is_said(client: Made, jobs: dict[State, Job]) -> None:
    person = client()
    for path, status, words in (
        (f"/jobs/{jobs[State.DONE].uid}/again", 409, "one that failed or was canceled"),
        ("/jobs/1.2.3/again", 404, "no job 1.2.3"),
        ("/jobs/a/again", 400, "a UID"),
    ):
        answer = person.form(path)
        assert answer.status_code == status
        assert words in Parsed(answer.text).text
    for study, status in (("", 400), ("a", 400), ("1.2.3", 502)):
        assert person.form("/look", study=study).status_code == status


@pytest.mark.parametrize("csrf", [None, "", "guessed", "\udc80", "of another"])
def test_forms_that_are_not_ours(csrf: str | None, client: Made, jobs: dict[State, Job]) -> None:
    person = client()
    person.get("/", headers=HTML)
    uid = jobs[State.FAILED].uid
    if csrf == "of another":
        other = client()
        csrf = str(parsed(other).all("input")[0]["value"])
    fields = {} if csrf is None else {"csrf": csrf.encode("utf-8", "surrogateescape")}
    answer = person.post(f"/jobs/{uid}/again", data=fields, headers=BROWSER)
    assert answer.status_code == 403
    assert "a form that is not of this page" in answer.text
    many = "&".join(f"a{number}=1" for number in range(10_000))
    assert person.post(f"/jobs/{uid}/again", content=many, headers=BROWSER).status_code == 403
    assert client().post(f"/jobs/{uid}/again", headers=BROWSER).status_code == 303  # to sign in


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/..%2fqueue/picture.png",
        "/jobs/../../queue.db",
        "/jobs/1.2.3/picture.png",
        "/jobs/%2e%2e/picture.png",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/app.py",
        "/static/%00",
        "/static/",
    ],
)
def test_no_path_leads_elsewhere(path: str, client: Made, hands: Hands) -> None:
    (hands.place.folder / "queue.png").write_bytes(PNG)
    answer = client().get(path)
    assert answer.status_code in (400, 404)
    assert PNG not in answer.content
    assert b"def app_for" not in answer.content


def test_its_own_files(client: Made) -> None:
    there = {path.name for path in (Path(page_module.__file__).parent / "static").iterdir()}
    assert there == set(page_module._FILES)
    for name, kind in page_module._FILES.items():
        answer = client().get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert b"//" not in answer.content.replace(b"http://www.w3.org", b"").replace(b"// ", b"")


def test_lists_of_any_length(client: Made, jobs: dict[State, Job], hands: Hands) -> None:
    monkey = page_module._SHOWN
    found = parsed(client(), "/jobs")
    assert len(jobs) < monkey
    for job in jobs.values():
        assert f"/jobs/{job.uid}" in {one.get("href") for one in found.all("a")}
    for state in State:
        found = parsed(client(), f"/jobs?state={state.value}")
        listed = {str(one.get("href")) for one in found.all("a")}
        assert {one for one in listed if one.count(".") > 1} == {f"/jobs/{jobs[state].uid}"}
