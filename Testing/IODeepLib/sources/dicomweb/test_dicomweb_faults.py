"""DICOMweb over a bad network, and servers that answer badly: a result or one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Answer, refused
from makers.packed_models import files, make_model
from pacs.proxy import Fault, Proxy, answer, proxy
from pacs.servers import Orthanc

from IODeepLib.errors import IODeepError, SourceError
from IODeepLib.model_object import verify
from IODeepLib.sources import retries
from IODeepLib.sources.find import source_of
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.settings import Server

Through = Callable[[Callable[[int], Fault | None]], str]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)


@pytest.fixture
def through(orthanc: Orthanc) -> Iterator[Through]:
    """Gives the SOURCE of Orthanc behind a bad network."""
    running: list[Proxy] = []

    def behind(fault: Callable[[int], Fault | None]) -> str:
        running.append(Proxy(orthanc.http_port, fault))
        return f"dicomweb+http://127.0.0.1:{running[-1].port}/dicom-web"

    yield behind
    for one in running:
        one.close()


def test_only_what_is_missing_is_fetched_after_a_break(
    orthanc: Orthanc, through: Through, tmp_path: Path
) -> None:
    model = make_model(tmp_path, parts=3)
    source_of(orthanc.source).store(files(model))
    sizes = [path.stat().st_size for path in files(model)]
    # In the middle of the second part; a connection for this part alone would break as well.
    enough = sizes[0] + sizes[1] + sizes[2] // 2
    assert enough < sizes[2]
    broken = source_of(through(lambda n: Fault(answered=enough)))
    [found] = broken.models().models
    with pytest.raises(SourceError, match="broke"):
        broken.fetch(found)
    there = list((tmp_path / "cache").rglob("weights/*/*.dcm"))
    assert len(there) in (1, 2)
    before = [path.stat().st_mtime_ns for path in there]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith(".")]
    verify(source_of(orthanc.source).fetch(found))
    assert [path.stat().st_mtime_ns for path in there] == before


ANSWERS = {
    "500": (answer("500 Internal Server Error"), 10, "answered 500"),
    "503": (answer("503 Service Unavailable"), 10, "answered 503"),
    "401": (answer("401 Unauthorized"), 1, "wanted: a user, token or certificate"),
    "403": (answer("403 Forbidden"), 1, "answered 403"),
    "404": (answer("404 Not Found"), 1, "answered 404"),
    "302": (answer("302 Found\r\nLocation: http://127.0.0.1:9/login"), 1, "answered 302"),
    "login page": (answer("200 OK", b"<html>Log in</html>", "text/html"), 1, "text/html"),
    "no JSON": (answer("200 OK", b"[{", "application/dicom+json"), 1, "another kind"),
    "JSON of another kind": (
        answer("200 OK", b"[1, 2]", "application/dicom+json"),
        1,
        "another kind",
    ),
    "no HTTP": (b"\x02\x00 nonsense\r\n\r\n", 10, "broke"),
}


@pytest.mark.parametrize(("given", "tries", "words"), ANSWERS.values(), ids=ANSWERS)
def test_bad_answers_to_a_search(
    orthanc: Orthanc,
    iodeep: Callable[..., Answer],
    given: bytes,
    tries: int,
    words: str,
) -> None:
    with proxy(orthanc.http_port, lambda number: Fault(answer=given)) as bad:
        pacs = f"dicomweb+http://127.0.0.1:{bad.port}/dicom-web"
        refused(iodeep("list", pacs), 5, words)
        assert bad.answers == tries


MULTIPART = "multipart/related; type=application/dicom; boundary=XYZ"


def part(content: bytes) -> bytes:
    return b"--XYZ\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n"


BODIES = {
    "login page": (lambda card, other: answer("200 OK", b"<html>", "text/html"), "text/html"),
    "empty": (lambda card, other: answer("200 OK", b"--XYZ--", MULTIPART), "without"),
    "cut": (lambda card, other: answer("200 OK", part(card)[:-700], MULTIPART), "breaks off"),
    "no end": (lambda card, other: answer("200 OK", part(card), MULTIPART), "breaks off"),
    "nonsense": (
        lambda card, other: answer("200 OK", part(b"nonsense") + b"--XYZ--", MULTIPART),
        "no DICOM file",
    ),
    "another object": (
        lambda card, other: answer("200 OK", part(other) + b"--XYZ--", MULTIPART),
        "sent the instance",
    ),
}


@pytest.mark.parametrize(("body", "words"), BODIES.values(), ids=BODIES)
def test_bad_objects_never_reach_the_cache(
    orthanc: Orthanc,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    body: Callable[[bytes, bytes], bytes],
    words: str,
) -> None:
    model = make_model(tmp_path)
    source_of(orthanc.source).store(files(model))
    card, weights = (path.read_bytes() for path in files(model))
    given = body(card, weights)
    fault = Fault(answer=given, unless=b"SeriesNumber=1")  # searching goes well
    with proxy(orthanc.http_port, lambda number: fault) as bad:
        refused(iodeep("list", f"dicomweb+http://127.0.0.1:{bad.port}/dicom-web"), 5, words)
    there = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert {path.parent.name for path in there} == {"locks"}


def test_altered_weights_never_reach_the_cache(orthanc: Orthanc, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    source_of(orthanc.source).store(files(model))
    [found] = source_of(orthanc.source).models().models
    weights = bytearray(files(model)[1].read_bytes())
    weights[model.weights()[0].payload.offset + 1000] ^= 1
    given = answer("200 OK", part(bytes(weights)) + b"--XYZ--", MULTIPART)
    with proxy(orthanc.http_port, lambda number: Fault(answer=given)) as bad:
        source = source_of(f"dicomweb+http://127.0.0.1:{bad.port}/dicom-web")
        with pytest.raises(SourceError, match="whose SHA-256 is"):
            source.fetch(found)
    assert not list((tmp_path / "cache").rglob("weights/*/*.dcm"))


STORING = {
    "413": (answer("413 Payload Too Large"), "objects of this size"),
    "refused": (
        answer(
            "409 Conflict",
            json.dumps(
                {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0x0110]}}]}}
            ).encode(),
            "application/dicom+json",
        ),
        "failure reason 0110",
    ),
    "out of resources": (
        answer(
            "409 Conflict",
            json.dumps(
                {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}]}}
            ).encode(),
            "application/dicom+json",
        ),
        "failure reason A700",
    ),
    "bad request": (answer("400 Bad Request"), "does not take weights-1.dcm (400 Bad Request)"),
    "took it, and lost it": (answer("200 OK", b"{}", "application/dicom+json"), "does not have"),
}


@pytest.mark.parametrize(("given", "words"), STORING.values(), ids=STORING)
def test_bad_answers_to_storing(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer], given: bytes, words: str
) -> None:
    make_model(tmp_path)
    fault = Fault(answer=given, unless=b"GET ")
    with proxy(orthanc.http_port, lambda number: fault) as bad:
        pacs = f"dicomweb+http://127.0.0.1:{bad.port}/dicom-web"
        refused(iodeep("push", tmp_path / "packed", pacs), 5, words)


def test_a_server_that_stalls_is_given_up(orthanc: Orthanc, tmp_path: Path) -> None:
    from IODeepLib.disk.cache import Cache
    from IODeepLib.sources.dicomweb import DicomwebArchive

    with proxy(orthanc.http_port, lambda number: Fault(answered=20, stall=True)) as bad:
        url = f"dicomweb+http://127.0.0.1:{bad.port}/dicom-web"
        source = PacsSource(DicomwebArchive(Server(url, timeout=0.2)), Cache(tmp_path))
        with pytest.raises(IODeepError, match=r"has said nothing for 0\.2 seconds"):
            source.models()
        assert bad.connections == 2
