"""The REST API: every answer is as its own document says, and what is hostile is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from web_client import Client

from IODeepLib import __version__
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.kept import Row
from IODeepLib.service.states import State
from IODeepLib.service.studies import Studies
from IODeepLib.service.tasks import write_json

JOB = Job(study="1.2.3", series="1.2.3.4", content="abc", model="2.25.7", label="liver@1.0.0")
Made = Callable[..., Client]


def add(hands: Hands, *jobs: Job) -> None:
    with hands.database.transaction() as execute:
        Jobs(hands.database).add(execute, jobs)


def test_one_job(client: Made, hands: Hands, jobs: dict[State, Job]) -> None:
    done = jobs[State.DONE]
    write_json(hands.place.kept / f"{done.uid}.json", [Row("liver", 12.5, 30.0), Row("x", None)])
    found = client().get(f"/api/v1/jobs/{done.uid}").json()
    assert (found["uid"], found["state"], found["ups_state"]) == (done.uid, "done", "COMPLETED")
    assert found["label"] == done.label  # as it is: a program is not commanded by it
    assert [one["uid"] for one in found["outputs"]] == ["2.25.92"]
    assert [(row["name"], row["volume_ml"]) for row in found["measured"]] == [
        ("liver", 12.5),
        ("x", None),
    ]


def test_all_jobs_in_pages(client: Made, hands: Hands) -> None:
    made = [replace(JOB, model=f"2.25.{number}") for number in range(25)]
    add(hands, *made)
    hands.database.ask("UPDATE jobs SET state = 'failed' WHERE model < '2.25.2'")
    program = client()
    for query, count in (("", 25), ("&state=failed", 12), ("&state=waiting", 13)):
        seen: list[str] = []
        cursor = ""
        while cursor is not None:
            path = f"/api/v1/jobs?limit=4{query}" + (f"&cursor={cursor}" if cursor else "")
            page = program.get(path).json()
            seen += [one["uid"] for one in page["jobs"]]
            cursor = page["next"]
            assert len(page["jobs"]) == 4 or cursor is None
        assert len(seen) == len(set(seen)) == count, query


def test_the_newest_jobs_come_first(client: Made, hands: Hands) -> None:
    for number in range(3):
        add(hands, replace(JOB, model=f"2.25.{number}"))
    found = client().get("/api/v1/jobs").json()["jobs"]
    assert [one["model"] for one in found] == ["2.25.2", "2.25.1", "2.25.0"]


def test_what_is_ordered_is_done(
    client: Made, hands: Hands, jobs: dict[State, Job], bell: threading.Event
) -> None:
    page = client()
    uid = jobs[State.FAILED].uid
    new = page.post(f"/api/v1/jobs/{uid}/again").json()
    assert (new["state"], new["former"], new["ups_state"]) == ("waiting", uid, "SCHEDULED")
    assert bell.is_set()
    former = page.get(f"/api/v1/jobs/{uid}").json()
    assert (former["state"], former["later"]) == ("failed", new["uid"])
    answer = page.post(f"/api/v1/jobs/{uid}/again")
    assert (answer.status_code, new["uid"] in answer.json()["found"]) == (409, True)
    uid = jobs[State.CHOICE].uid
    answer = page.post(f"/api/v1/jobs/{uid}/choose", json={"model": "kidney@1.0.0"})
    assert (answer.status_code, "hepar@2.0.0 (2.25.8)" in answer.json()["wanted"]) == (409, True)
    answer = page.post(f"/api/v1/jobs/{uid}/choose", json={"model": "hepar@2.0.0"})
    assert (answer.json()["state"], answer.json()["model"]) == ("waiting", "2.25.8")
    uid = jobs[State.RUNNING].uid
    canceled = page.post(f"/api/v1/jobs/{uid}/cancel").json()
    assert (canceled["state"], canceled["reason"]) == ("canceled", "a person canceled it")
    uid = jobs[State.DONE].uid
    assert page.post(f"/api/v1/jobs/{uid}/cancel").json()["state"] == "done"
    assert page.post(f"/api/v1/jobs/{uid}/again").status_code == 409


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/jobs/1.2.3", 404),
        ("/api/v1/jobs/..%2f..%2fetc%2fpasswd", 404),
        ("/api/v1/jobs/'%20OR%201=1--", 400),
        ("/api/v1/jobs/" + "1" * 65, 400),
        ("/api/v1/jobs/1..2", 400),
        ("/api/v1/jobs/%00", 400),
        ("/api/v1/jobs?state=waiting'%20OR%20'1'='1", 400),
        ("/api/v1/jobs?state=", 400),
        ("/api/v1/jobs?limit=0", 400),
        ("/api/v1/jobs?limit=-5", 400),
        ("/api/v1/jobs?limit=1000000000000000000000", 400),
        ("/api/v1/jobs?limit=1e3", 400),
        ("/api/v1/jobs?cursor=-1", 400),
        ("/api/v1/jobs?cursor=1.2.3", 400),
        ("/api/v1/jobs?cursor=1.2;DROP%20TABLE%20jobs", 400),
        ("/api/v1/studies?cursor=%25", 400),
        ("/api/v1/studies/9.9.9", 404),
        ("/api/v1/studies/a", 400),
        ("/api/v1/nothing", 404),
        ("/api/v2/jobs", 404),
    ],
)
def test_what_is_no_good_is_refused(
    path: str, status: int, client: Made, jobs: dict[State, Job]
) -> None:
    answer = client().get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"found", "wanted", "next"}
    assert all(answer.json().values())


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"model": 1}', b'{"model": "' + b"x" * 300 + b'"}', b"\xff\xfe"],
)
def test_bodies_that_are_no_good(body: bytes, client: Made, jobs: dict[State, Job]) -> None:
    uid = jobs[State.CHOICE].uid
    headers = {"Content-Type": "application/json"}
    answer = client().post(f"/api/v1/jobs/{uid}/choose", content=body, headers=headers)
    assert answer.status_code == 400
    assert len(answer.text) < 1000


def test_other_methods(client: Made, jobs: dict[State, Job]) -> None:
    answer = client().delete(f"/api/v1/jobs/{jobs[State.DONE].uid}")
    assert (answer.status_code, answer.json()["wanted"]) == (405, "another method")


def test_studies(client: Made, hands: Hands, jobs: dict[State, Job]) -> None:
    with hands.database.transaction() as execute:
        for uid in ("1.2.4", "1.2.5"):
            Studies(hands.database).seen(execute, uid)
    first = client().get("/api/v1/studies?limit=2").json()
    assert [one["uid"] for one in first["studies"]] == ["1.2.3", "1.2.4"]
    rest = client().get(f"/api/v1/studies?limit=2&cursor={first['next']}").json()
    assert ([one["uid"] for one in rest["studies"]], rest["next"]) == (["1.2.5"], None)
    whole = client().get("/api/v1/studies/1.2.3").json()
    assert {one["uid"] for one in whole["jobs"]} == {job.uid for job in jobs.values()}


def test_models_whom_they_are_of_and_what_they_read(client: Made) -> None:
    (model,) = client().get("/api/v1/models").json()["models"]
    assert (model["name"], model["version"], model["modalities"]) == ("small", "1.0.0", ["MR"])
    assert (model["trust"], model["may_run"], model["retired"]) == ("unsigned", True, "")


def test_the_service_itself(client: Made, jobs: dict[State, Job]) -> None:
    found = client().get("/api/v1/service").json()
    assert found["versions"]["IODeep"] == __version__
    assert set(found["jobs"].values()) == {1}
    assert found["studies"]["waiting"] == 1
    assert 0 < found["disk_free_bytes"] < found["disk_total_bytes"]


def test_a_pacs_that_does_not_answer(client: Made) -> None:
    answer = client().post("/api/v1/studies/1.2.3")
    assert answer.status_code == 502
    assert "cannot be reached" in answer.json()["found"]


def test_the_document_has_all_routes_and_no_page(client: Made) -> None:
    document = client().get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {path.split("/")[3] for path in document["paths"]} == {
        "jobs",
        "studies",
        "models",
        "service",
    }
    for methods in document["paths"].values():
        for said in methods.values():
            assert said["summary"]
            assert said["security"]
            assert "default" in said["responses"]
