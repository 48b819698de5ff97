"""A service with a page and an API, of which each test says who may reach it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from makers.small_studies import small_model
from pacs.servers import free_port
from web_client import OWN, Client

from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs, Output
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.settings import Polling, ServiceSettings
from IODeepLib.service.states import State
from IODeepLib.service.studies import Studies
from IODeepLib.service.web.app import app_for
from IODeepLib.service.web.settings import Role, Token, WebSettings

HOSTILE = "<script>alert(1)</script>\u202e'\" OR 1=1 --"
TOKENS = tuple(Token(role.value, f"token-of-{role.value}-0123", role) for role in Role)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model whose title is an attack."""
    folder = tmp_path_factory.mktemp("models of the page")
    small_model(folder, title=HOSTILE)
    return folder


@pytest.fixture
def hands(tmp_path: Path, model_folder: Path) -> Hands:
    """A service with nothing in its queue, and a PACS that does not answer."""
    settings = ServiceSettings(
        source=f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web",
        models=str(model_folder),
        folder=str(tmp_path / "service"),
        polling=Polling(),
    )
    return hands_for(settings, pacs_of(settings)).of("web")


@pytest.fixture
def bell() -> threading.Event:
    """Rung where there may be something to do."""
    return threading.Event()


@pytest.fixture
def client(hands: Hands, bell: threading.Event) -> Callable[..., Client]:
    """Clients of the app with these settings: open to this machine, or with tokens."""

    def made(settings: WebSettings | None = None) -> Client:
        return Client(app_for(hands, settings or WebSettings(), bell.set), base_url=OWN)

    return made


@pytest.fixture
def closed(client: Callable[..., Client]) -> Client:
    """A client of an app that lets in who has a token."""
    return client(WebSettings(tokens=TOKENS))


@pytest.fixture
def jobs(hands: Hands) -> dict[State, Job]:
    """A job in each state, in the queue; texts of them are attacks."""
    base = Job(study="1.2.3", series="1.2.3.4", label=HOSTILE, rule=HOSTILE)
    found = {}
    for number, state in enumerate(State):
        job = replace(base, model=f"2.25.{number + 1}", content=f"{number}", series=f"1.2.{number}")
        if state is State.CHOICE:
            choices = (("2.25.7", HOSTILE), ("2.25.8", "hepar@2.0.0"))
            job = replace(job, model="", label="", choices=choices, state=state, reason=HOSTILE)
        found[state] = job
    with hands.database.transaction() as execute:
        Jobs(hands.database).add(execute, found.values())
        Studies(hands.database).seen(execute, "1.2.3")
    for state, job in found.items():
        hands.database.ask(
            "UPDATE jobs SET state = :state, reason = :why, message = :why, fraction = 0.4"
            " WHERE uid = :uid",
            {"state": state, "why": HOSTILE, "uid": job.uid},
        )
    ended = {"now": "2026-11-28T01:02:03.004+00:00"}
    hands.database.ask("UPDATE jobs SET ended = :now WHERE state IN ('done', 'failed')", ended)
    output = Output("segmentation.dcm", "1.2.840.10008.5.1.4.1.1.66.4", "2.25.91", "2.25.92")
    hands.database.ask(
        "INSERT INTO outbox (job, position, name, sop_class, series, uid, stored)"
        " VALUES (:job, 0, :name, :sop_class, :series, :uid, NULL)",
        {"job": found[State.DONE].uid, **output._asdict()},
    )
    return {state: hands.jobs.job(job.uid) for state, job in found.items()}
