"""A service whose PACS nobody asks, and its port for other application entities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pacs.servers import free_port

from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.listeners import listeners_of
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.settings import ServiceSettings
from IODeepLib.sources.settings import Settings, read_settings
from IODeepLib.text.records import parse

Serving = Callable[..., Any]


@pytest.fixture
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "iodeep.toml").write_text("")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))
    return read_settings()


@pytest.fixture
def serving(tmp_path: Path, no_settings: Settings) -> Serving:
    """Serves as long as a block goes on; it gives the hands and the port."""

    @contextmanager
    def served(ups: dict[str, Any] | None = None, **dimse: Any) -> Iterator[tuple[Hands, int]]:
        port = free_port()
        table = {
            "source": f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web",
            "folder": str(tmp_path / "service"),
            "polling": {},
            "dimse": {"port": port, "timeout": 5, **dimse},
        }
        if ups is not None:
            table["ups"] = ups
        settings: ServiceSettings = parse(ServiceSettings, table, exact=True)
        hands = hands_for(settings, pacs_of(settings)).of("dimse")
        listener = listeners_of(no_settings, settings)[0]
        try:
            listener.start(hands, lambda: None)
            yield hands, port
        finally:
            listener.stop()

    return served
