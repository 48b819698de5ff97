"""What iodeep.toml says of the service is read, and a mistake is answered with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from IODeepLib.errors import UsageError
from IODeepLib.service.settings import Priority, Product, ServiceSettings, Which, service_settings
from IODeepLib.service.tasks import Look, read_json, write_json
from IODeepLib.sources.settings import read_settings

HEAD = '[service]\nsource = "pacs"\n'


def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> ServiceSettings:
    path = tmp_path / "iodeep.toml"
    path.write_text(content)
    monkeypatch.setenv("IODEEP_CONFIG", str(path))
    return service_settings(read_settings())


def test_the_least_that_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    found = read(tmp_path, monkeypatch, HEAD + "[service.polling]\n")
    assert (found.models_source, found.workers, found.quiet(["CT"])) == ("pacs", 1, 60)
    assert found.place.name == "service"
    (rule,) = found.rules
    assert (rule.models, rule.applies_to, rule.priority) == (Which.BEST, None, Priority.MEDIUM)
    assert rule.store == (Product.SEG, Product.SR)
    assert rule.minutes == (0, 0)


def test_all_that_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = f"""{HEAD}
models = "archive"
folder = "{tmp_path}/place"
quiet_seconds = 30
quiet_seconds_of = {{ CT = 10, MR = 120 }}
workers = 2
threads = 4
memory_gb = 8
minutes = 30
[service.changes]
server = "orthanc"
every = 1
[service.polling]
days = 3
[[service.rules]]
name = "night"
applies_to = {{ modalities = ["CT"], planes = ["AXIAL"], slices = {{ min = 20 }} }}
models = ["liver", "kidney@1.0.0"]
trusted = true
store = ["seg", "sr", "map", "picture"]
priority = "LOW"
hours = "19:00-07:30"
[[service.rules]]
models = "regions"
priority = "HIGH"
"""
    found = read(tmp_path, monkeypatch, content)
    night, regions = found.rules
    assert night.models == ("liver", "kidney@1.0.0")
    assert night.minutes == (1140, 450)
    assert regions.models is Which.REGIONS
    assert regions.priority.rank > Priority.MEDIUM.rank > night.priority.rank
    assert found.quiet(["CT"]) == 10
    assert found.quiet(["CT", "MR", "PT"]) == 120
    assert found.quiet(["CT", "PT"]) == 30
    assert found.place == tmp_path / "place"
    task = Look(found, "1.2.3", "images")  # so it goes to the process that looks at a study
    write_json(tmp_path / "task.json", task)
    assert read_json(tmp_path / "task.json", Look) == task


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no [service]"),
        (HEAD, "service (line 1): nothing that starts a job"),
        ("[service]\n[service.polling]\n", "service.source (line 1)"),
        (HEAD + "sauce = 1\n[service.polling]\n", "service.sauce (line 3)"),
        (HEAD + "workers = 0\n[service.polling]\n", "service.workers (line 3): 0"),
        (HEAD + "[service.polling]\nevery = 0\n", "service.polling.every (line 4): 0"),
        (
            HEAD + "quiet_seconds_of = { ct = 1 }\n[service.polling]",
            "service.quiet_seconds_of.ct (line 3): ct; wanted: a modality",
        ),
        (
            HEAD + '[service.polling]\n[[service.rules]]\n[[service.rules]]\nhours = "7-19"\n',
            'service.rules[1].hours (line 6): "7-19"; wanted: text of the form 19:00',
        ),
        (
            HEAD + '[service.polling]\n[[service.rules]]\nmodels = "bst"\n',
            "service.rules[0].models (line 5)",
        ),
        (
            HEAD + "[service.polling]\n[[service.rules]]\napplies_to = { planes = ['AXIAL'] }\n",
            "service.rules[0].applies_to.modalities (line 5)",
        ),
        (
            HEAD + "[service.polling]\n[[service.rules]]\nstore = ['sr']\n",
            "service.rules[0].store (line 5): no 'seg'",
        ),
        (HEAD + "[service.polling\n", "line 3"),
        (HEAD + "[service.dimse]\nport = 0\n", "service.dimse.port (line 4): 0; wanted: 1 to"),
        (HEAD + "[service.dimse]\naet = 'TOO LONG FOR A TITLE'\n", "service.dimse.aet (line 4)"),
        (
            HEAD + "[service.dimse]\nhost = '0.0.0.0'\n",
            "service.dimse.host (line 4): 0.0.0.0, which others reach, and nobody who may call",
        ),
        (HEAD + "[service.dimse]\nkey = 'key.pem'\n", "service.dimse.key (line 4): no cert"),
        (
            HEAD + "[service.dimse]\n[[service.dimse.callers]]\naet='A'\naddresses=['10.0.0']\n",
            "service.dimse.callers[0].addresses[0] (line 6): 10.0.0; wanted: an address",
        ),
        (
            HEAD + "[service.dimse]\n[[service.dimse.callers]]\naet='A'\nport=104\n",
            "service.dimse.callers[0] (line 4): only one of host and port",
        ),
        (HEAD + "[service.dimse]\nstore = false\n", "nothing that starts a job"),
        (HEAD + "[service.ups]\n", "service.ups (line 3): no way to ask for work"),
        (HEAD + "[service.hl7]\nhost = '192.168.1.7'\n", "service.hl7.host (line 4)"),
        (HEAD + "[service.hl7]\naddresses = ['x']\n", "service.hl7.addresses[0] (line 4): x"),
        (
            HEAD + '[service.polling]\n[service.audit]\nserver = "audit:514"\n',
            'service.audit.server (line 5): "audit:514"; wanted: text of the form tls://',
        ),
        (
            HEAD + '[service.polling]\n[service.audit]\nserver = "udp://a:514"\nca = "x"\n',
            "service.audit.ca (line 6): nothing for udp://a:514",
        ),
    ],
)
def test_mistakes(
    content: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, monkeypatch, content)
    assert words in str(error.value)
    assert str(tmp_path / "iodeep.toml") in str(error.value)
    assert "\n" not in str(error.value)
