"""DICOMweb servers without end or measure: every answer has a budget of bytes and of time."""

from __future__ import annotations

import gzip
import itertools
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from command import Answer, refused
from makers.packed_models import files, make_model
from pacs.hostile import Files, Request, dripping, endless, head, serving

from IODeepLib.disk.cache import Cache
from IODeepLib.errors import SourceError
from IODeepLib.sources import retries, whole_series
from IODeepLib.sources.archive import Entity, TransientError
from IODeepLib.sources.dicomweb import DicomwebArchive
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.settings import Server

MEGABYTE = 2**20
KIND = 'multipart/related; type="application/dicom"; boundary=XYZ'
PART = b"--XYZ\r\nContent-Type: application/dicom\r\n\r\n"
CHUNKED = head(Transfer_Encoding="chunked")
ANSWER = {
    "0020000D": {"vr": "UI", "Value": ["1.2"]},
    "0020000E": {"vr": "UI", "Value": ["1.2.3"]},
    "00080018": {"vr": "UI", "Value": ["1.2.3.4"]},
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)
    monkeypatch.setattr(TransientError, "tries", 1)


def archive(source: str, timeout: float = 10) -> DicomwebArchive:
    return DicomwebArchive(Server(source, timeout=timeout))


DRIPS = {
    "status": dripping(b"HTTP/1.1 200 OK"),
    "header": itertools.chain([b"HTTP/1.1 200 OK\r\n"], dripping(b"X")),
    "headers": itertools.chain([b"HTTP/1.1 200 OK\r\n"], dripping(b"X: y\r\n", 0.03)),
    "another answer to come": dripping(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": itertools.chain([head(Content_Length="100000")], dripping(b" ")),
    "body without a length": itertools.chain([head()], dripping(b" ")),
    "chunk": itertools.chain([CHUNKED, b"10000\r\n"], dripping(b" ")),
    "length of a chunk": itertools.chain([CHUNKED], dripping(b"0")),
    "many chunks": itertools.chain([CHUNKED], dripping(b"1\r\n \r\n")),
    "compressed": itertools.chain([head(Content_Encoding="gzip")], dripping(gzip.compress(b""))),
}


@pytest.mark.parametrize("answer", DRIPS.values(), ids=DRIPS)
def test_a_search_that_drips(answer: Iterable[bytes]) -> None:
    with serving(lambda request: answer) as server:
        with pytest.raises(SourceError, match="has not come to an end") as raised:
            archive(server.source, timeout=0.1).find_series({"StudyInstanceUID": "1.2"})
        assert not isinstance(raised.value, TransientError)


@pytest.mark.parametrize("begin", [b"", PART, PART + bytes(128) + b"DICM"])
def test_an_object_that_drips(tmp_path: Path, begin: bytes) -> None:
    answer = itertools.chain([head(kind=KIND), begin], dripping(b"x"))
    with (
        serving(lambda request: answer) as server,
        pytest.raises(SourceError, match="has not come to an end"),
    ):
        archive(server.source, timeout=0.1).retrieve(Entity("1", "2", "3"), list)


def test_a_slow_line_is_waited_for(tmp_path: Path) -> None:
    content = json.dumps([ANSWER] * 100).encode()
    pieces = [head(), *(content[i : i + 100] for i in range(0, len(content), 100))]

    def slowly(request: Request) -> Iterator[bytes]:
        if request.query.get("offset") == "0":
            yield from pieces
        else:
            yield head("204 No Content")

    with serving(slowly) as server:
        found = archive(server.source, timeout=0.5).find_series({"StudyInstanceUID": "1.2"})
    assert len(found.entities) == 1


BOMB = gzip.compress(bytes(64 * MEGABYTE))
ENDLESS = {
    "JSON": lambda: itertools.chain([head()], endless(b"[[1],")),
    "white space": lambda: itertools.chain([head()], endless(b" ")),
    "JSON, chunked": lambda: itertools.chain(
        [CHUNKED], endless(b"3e8\r\n" + b"[" * 1000 + b"\r\n")
    ),
    "line before a chunk": lambda: itertools.chain([CHUNKED], endless(b"1")),
    "header": lambda: itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], endless(b"x")),
    "headers": lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], endless(b"X: y\r\n")),
    "other answers to come": lambda: endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "status": lambda: endless(b"HTTP/1.1 200 OK"),
    "gzip bomb": lambda: [head(Content_Encoding="gzip"), BOMB],
    "gzip bombs": lambda: itertools.chain([head(Content_Encoding="gzip")], endless(BOMB)),
    "deflate bomb": lambda: [head(Content_Encoding="deflate"), zlib.compress(bytes(64 * MEGABYTE))],
    "gzip of nothing": lambda: itertools.chain(
        [head(Content_Encoding="gzip"), gzip.compress(b"")[:10]], endless(b"\0\0\0\xff\xff")
    ),
    "another coding": lambda: [head(Content_Encoding="br"), b"x"],
    "nested too deeply": lambda: [head(), b"[" * 10**6],
    "numbers too long": lambda: [head(), b"[" + b"1" * 10**6 + b"]"],
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_a_search_without_measure(answer: Callable[[], Iterable[bytes]]) -> None:
    with serving(lambda request: answer()) as server:
        web = archive(server.source)
        tracemalloc.start()
        try:
            with pytest.raises(SourceError):
                web.find_series({"StudyInstanceUID": "1.2"})
            assert tracemalloc.get_traced_memory()[1] < 100 * MEGABYTE
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pages_without_end(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("IODeepLib.sources.dicomweb.archive.MOST_ANSWERS", 20 * size)
    numbers = itertools.count(1)

    def page(request: Request) -> Iterator[bytes]:
        uids = [f"1.2.{next(numbers)}" for _ in range(size)]
        yield (
            head()
            + json.dumps(
                [ANSWER | {"0020000E": {"vr": "UI", "Value": [uid]}} for uid in uids]
            ).encode()
        )

    with serving(page) as server:
        with pytest.raises(SourceError, match=f"more than {20 * size} answers"):
            archive(server.source).find_series({"StudyInstanceUID": "1.2"})
        assert len(server.requests) == 21


@pytest.mark.parametrize(
    ("given", "warning"), [(3, '299 pacs: "There are 5 additional results"'), (1000, "")]
)
def test_a_first_page_that_is_not_all(given: int, warning: str) -> None:
    """The server passes over the offset, and says or shows that it has more."""
    answers = [ANSWER | {"00080018": {"vr": "UI", "Value": [f"1.{n}"]}} for n in range(given)]
    whole = head(Warning=warning) + json.dumps(answers).encode()
    with (
        serving(lambda request: [whole]) as server,
        pytest.raises(SourceError, match=f"the first {given} instances only"),
    ):
        archive(server.source).find_instances({"StudyInstanceUID": "1.2"})


def padded(path: Path, folder: Path, size: int) -> Path:
    """A DICOM file that is longer than it should be: trailing padding (PS3.10 section 7.2)."""
    copy = folder / "padded.dcm"
    padding = b"\xfc\xff\xfc\xff" + b"OB\0\0" + size.to_bytes(4, "little") + bytes(size)
    copy.write_bytes(path.read_bytes() + padding)
    return copy


@pytest.mark.parametrize("place", [0, 1], ids=["card", "weights"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_objects_longer_than_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, coding: str
) -> None:
    for module in ("cards", "weights"):
        for name in ("MOST_CARD_BYTES", "MOST_BESIDE_PAYLOAD"):
            monkeypatch.setattr(f"IODeepLib.sources.{module}.{name}", 100_000, raising=False)
    model = make_model(tmp_path)
    good = Files(files(model))
    good.paths = list(files(model))
    good.paths[place] = padded(good.paths[place], tmp_path, 10 * MEGABYTE)

    def compressed(request: Request) -> Iterable[bytes]:
        answer = b"".join(good(request))
        if coding == "identity":
            return [answer]
        start, _, body = answer.partition(b"\r\n\r\n")
        return [start + b"\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(body)]

    with serving(compressed) as server:
        source = PacsSource(archive(server.source), Cache(tmp_path / "c"))
        with pytest.raises(SourceError, match="bytes of one object"):
            source.fetch(source.models().models[0])
    assert len(list((tmp_path / "c").rglob("*.dcm"))) == place
    assert not [path for path in (tmp_path / "c").rglob("*") if path.name.startswith(".")]


def test_what_is_compressed_unasked_is_expanded(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    good = Files(files(model))

    def compressed(request: Request) -> Iterable[bytes]:
        start, _, body = b"".join(good(request)).partition(b"\r\n\r\n")
        return [start + b"\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(body)]

    with serving(compressed) as server:
        source = PacsSource(archive(server.source), Cache(tmp_path / "c"))
        [found] = source.models().models
        assert not source.fetch(found).missing_parts


def test_a_series_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_series, "MOST_INSTANCES", 50)
    model = make_model(tmp_path)
    good = Files(files(model)[:1], count=1)

    def more_and_more(request: Request) -> Iterable[bytes]:
        if request.kind != "whole":
            return good(request)
        part = PART + files(model)[0].read_bytes() + b"\r\n"
        return itertools.chain([head(kind=KIND)], itertools.repeat(part))

    with serving(more_and_more) as server:
        source = PacsSource(archive(server.source), Cache(tmp_path / "c"))
        with pytest.raises(SourceError, match="more than 50 instances"):
            source.objects(model.card.study_instance_uid, tmp_path / "o")


@pytest.mark.parametrize(
    "body", [b"nothing", b"--XYZ--", PART + b"\r\n--XYZ--", b"x" * 100_000 + PART]
)
def test_objects_that_are_none(tmp_path: Path, body: bytes, iodeep: Callable[..., Answer]) -> None:
    model = make_model(tmp_path)
    good = Files(files(model)[:1], count=1)

    def answer(request: Request) -> Iterable[bytes]:
        return [head(kind=KIND) + body] if request.kind in ("whole", "one") else good(request)

    with serving(answer) as server:
        uid = model.card.study_instance_uid
        refused(iodeep("pull", uid, server.source, "--out", tmp_path / "o"), 5)
    assert not (tmp_path / "o").exists()
