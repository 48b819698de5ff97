"""Secrets: in no message, log line or result, whoever repeats them and in whatever form."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from command import DEMO, Answer, refused, without_times
from makers.packed_models import files, make_model
from pacs.hostile import Files, Request, head, serving

from IODeepLib.sources import retries
from IODeepLib.sources.archive import TransientError
from IODeepLib.text.foreign import keep_secret, printable, printable_lines

TOKEN, PASSWORD = "S3cret-Token_1234567890.abc/+=", "pÄss w0rd/+&%:S3cret"
BASIC = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
PIECES = ("1234567890", "w0rd")  # of all forms
FORMS = (TOKEN, PASSWORD, BASIC, quote(PASSWORD, safe=""), quote(TOKEN, safe=""))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)
    monkeypatch.setattr(TransientError, "tries", 2)
    caplog.set_level(logging.INFO)  # as --verbose does


@pytest.fixture(params=["token", "password"])
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Writes iodeep.toml with a server `pacs`, which gets one of the secrets."""
    monkeypatch.setenv("PACS_TOKEN", TOKEN)
    monkeypatch.setenv("PACS_PASSWORD", PASSWORD)
    keys = {
        "token": 'token = "env:PACS_TOKEN"',
        "password": 'user = "anna"\npassword = "env:PACS_PASSWORD"',
    }[request.param]

    def write(url: str) -> None:
        path = tmp_path / "config" / "iodeep" / "iodeep.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[servers.pacs]\nurl = "{url}"\n{keys}\n', "utf-8")

    return write


def sent(request: Request) -> str:
    """The secret as the server gets it, in the clear."""
    kind, _, value = (
        request.head.partition("Authorization: ")[2].partition("\r\n")[0].partition(" ")
    )
    if kind == "Bearer":
        return value
    return base64.b64decode(value).decode().partition(":")[2]


def latin(text: str) -> str:
    """As it comes through a header."""
    return text.encode().decode("latin-1")


def uid(value: str) -> dict[str, object]:
    return {"vr": "UI", "Value": [value]}


def answer_with(**values: str) -> bytes:
    tags = {"study": "0020000D", "series": "0020000E", "sop": "00080018", "modality": "00080060"}
    found = {tag: uid(values.get(name, "1.2.3")) for name, tag in tags.items()}
    return head() + json.dumps([found]).encode()


ECHOES: dict[str, Callable[[str], bytes]] = {
    "reason": lambda s: head(f"500 {latin(s)}"),
    "reason that is final": lambda s: head(f"400 {latin(s)}"),
    "reason with the header": lambda s: head(f"403 Bearer {latin(s)}"),
    "reason in base 64": lambda s: head(f"403 {base64.b64encode(f'anna:{s}'.encode()).decode()}"),
    "reason, quoted": lambda s: head(f"400 {quote(s, safe='')}"),
    "reason, in capitals": lambda s: head(f"400 {latin(s.upper())}"),
    "location": lambda s: head("302 Found", Location=f"http://elsewhere/{latin(s)}"),
    "location with a user": lambda s: head("301 M", Location=f"http://a:{quote(s, safe='')}@h/"),
    "media type": lambda s: head(kind=f"text/{latin(s)}"),
    "content coding": lambda s: head(Content_Encoding=latin(s)),
    "header that is none": lambda s: f"HTTP/1.1 200 OK\r\n{latin(s)}\r\n\r\n".encode("latin-1"),
    "status that is none": lambda s: f"HTTP/1.1 {latin(s)}\r\n\r\n".encode("latin-1"),
    "no HTTP": lambda s: f"{latin(s)}\r\n\r\n".encode("latin-1"),
    "JSON that is none": lambda s: head() + f"[{s}".encode(),
    "study": lambda s: answer_with(study=s),
    "series": lambda s: answer_with(series=s),
    "instance, long": lambda s: answer_with(sop="1" * 50 + s),
    "modality": lambda s: answer_with(modality=s),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_server_that_repeats_it(
    settings: Callable[..., None],
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    caplog: pytest.LogCaptureFixture,
    echo: Callable[[str], bytes],
) -> None:
    make_model(tmp_path)
    got: list[str] = []

    def respond(request: Request) -> Iterator[bytes]:
        got.append(sent(request))
        yield echo(got[-1])

    said = ""
    with serving(respond) as server:
        settings(server.source)
        for call in (
            ("list", "pacs"),
            ("pull", "1.2.3", "pacs", "--out", tmp_path / "o"),
            ("push", tmp_path / "packed", "pacs"),
            ("select", "pacs", "--study", "1.2.3", "--models", tmp_path / "packed"),
        ):
            for more in ((), ("--verbose",), ("--json",)):
                answer = iodeep(*call, *more)
                said += answer.out + answer.err
    assert set(got) & {TOKEN, PASSWORD}  # it did get it
    for text in (said, printable_lines(caplog.text)):
        for form in (*FORMS, *PIECES):
            assert form.casefold() not in text.casefold()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n ", "\t", "\0", " x", "\x1b[1m", "é"])
def test_a_secret_that_no_header_can_hold(
    iodeep: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """As `TOKEN=$(cat file)` does not give it, but a container's secret does."""
    path = tmp_path / "config" / "iodeep" / "iodeep.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        '[servers.pacs]\nurl = "dicomweb+http://127.0.0.1:1/d"\ntoken = "env:PACS_TOKEN"\n'
    )
    if "\0" in end:
        monkeypatch.setattr("os.environ", {**__import__("os").environ, "PACS_TOKEN": TOKEN + end})
    else:
        monkeypatch.setenv("PACS_TOKEN", TOKEN + end)
    for more in ((), ("--verbose",)):
        answer = iodeep("list", "pacs", *more)
        assert answer.status == 2
        assert "servers.pacs.token: a secret with other characters" in answer.err
        assert TOKEN not in answer.err + answer.out


def test_a_redirect_carries_nothing_elsewhere(
    settings: Callable[..., None], iodeep: Callable[..., Answer]
) -> None:
    with serving(lambda request: [head("204 No Content")]) as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/d"
        for status in ("301 M", "302 F", "303 S", "307 T", "308 P"):
            with serving(lambda request: [head(status, Location=location)]) as server:  # noqa: B023
                settings(server.source)
                refused(iodeep("list", "pacs"), 5, status[:3], location)
        assert not elsewhere.requests


def test_it_is_in_no_result(
    settings: Callable[..., None], tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    model = make_model(tmp_path)
    with serving(Files(files(model))) as server:
        settings(server.source)
        for verb in (("list", "pacs"), ("pull", model.label, "pacs", "--out", tmp_path / "o")):
            answer = iodeep(*verb, "--json")
            assert answer.status == 0
            for form in FORMS:
                assert form not in answer.out + answer.err
    for path in [*(tmp_path / "o").rglob("*"), *(tmp_path / "cache").rglob("*")]:
        for form in FORMS:
            assert path.is_dir() or form.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("hunter2", "a hunter2 b", "a *** b"),
        ("hunter2", "xHUNTER2x", "x***x"),
        ("a b", "?q=a%20b&r=a+b", "?q=***&r=***"),
        ("ab", "ab abc cab 'ab'", "*** abc cab '***'"),
        ("pa.ss", "pa.ss paXss", "*** paXss"),
        ("tab\there", r"'tab\there'", "'***'"),
        ("longer", "longerlonger", "******"),
        ("", "nothing", "nothing"),
    ],
)
def test_what_is_hidden(secret: str, text: str, shown: str) -> None:
    keep_secret(secret)
    assert printable(text) == printable_lines(text) == shown


def test_the_longer_one_goes_first() -> None:
    keep_secret("secret")
    keep_secret("secret-of-anna")
    assert printable("secret-of-anna") == "***"


@pytest.mark.parametrize("words", ["anna:{}@pacs.example.org/d", "anna:{}@h:8042", "a:{}@"])
def test_an_address_without_its_scheme(iodeep: Callable[..., Answer], words: str) -> None:
    secret = "S3cret-1234567890"  # noqa: S105
    answer = iodeep("list", words.format(secret))
    refused(answer, 2, "a user or a password in an address")
    assert secret not in answer.err


def test_a_password_that_is_a_word_alters_no_result(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    """It is hidden in what is said; what cards and images hold stays what it is."""
    call = ["run", DEMO / "mr_t1", "--models", packed, "--out"]
    assert iodeep(*call, tmp_path / "before").status == 0
    for password in ("brain", "Gray", "t1", "MR", "2.25", "IODeep"):
        keep_secret(password, "somebody")
    assert iodeep(*call, tmp_path / "after").status == 0
    for name in ("segmentation.dcm", "report.dcm", "result.json"):
        before, after = (tmp_path / which / name for which in ("before", "after"))
        assert without_times(before.read_bytes()) == without_times(after.read_bytes()), name
