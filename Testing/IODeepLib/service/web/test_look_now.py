"""Somebody wants a study looked at now: it is, whether anything in it has changed or not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from makers.small_studies import small_study
from msgspec.structs import replace
from pacs.servers import Orthanc
from web_client import OWN, Client

from IODeepLib.service.hands import hands_for
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.looks import look_at_next
from IODeepLib.service.settings import service_settings
from IODeepLib.service.states import State
from IODeepLib.service.web.app import app_for
from IODeepLib.service.web.settings import WebSettings
from IODeepLib.sources.settings import Settings


def test_a_study_is_looked_at_when_somebody_asks(
    configured: Callable[..., Settings], pacs: Orthanc, tmp_path: Path
) -> None:
    settings = replace(service_settings(configured()), quiet_seconds=10_000)
    hands, bell = hands_for(settings, pacs_of(settings)).of("test"), threading.Event()
    client = Client(app_for(hands, WebSettings(), bell.set), base_url=OWN)
    stack = small_study()
    folder, study = stack.write(tmp_path / "study"), str(stack.study)
    assert client.post(f"/api/v1/studies/{study}").status_code == 404
    assert client.get("/api/v1/studies").json()["studies"] == []
    hands.source.store(sorted(folder.iterdir()))
    answer = client.post(f"/api/v1/studies/{study}")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert bell.is_set()
    assert look_at_next(hands)  # it does not wait until it is quiet
    assert [job.state for job in hands.jobs.of_study(study)] == [State.WAITING]
    hands.database.ask("DELETE FROM jobs")
    assert not look_at_next(hands)
    assert client.post(f"/api/v1/studies/{study}").status_code == 202
    assert look_at_next(hands)
    assert len(hands.jobs.of_study(study)) == 1
