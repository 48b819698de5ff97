"""Models that fit equally well: said to be equal, and nobody's guess."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Answer, refused
from makers import networks
from makers.recipes import BRAIN, LIVER, label, recipe
from makers.series import Stack

from IODeepLib.errors import NoModelFitsError, UsageError
from IODeepLib.model_object import Model, write_model
from IODeepLib.selection import Selection, select
from IODeepLib.series import ImageSeries, find_series

COMMAND = [sys.executable, "-m", "IODeepLib.cli"]
HEAD = {"value": "69536005", "scheme": "SCT", "meaning": "Head"}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A small MR series of a brain."""
    stack = Stack(np.zeros((6, 16, 16), np.int16), common={"BodyPartExamined": "BRAIN"})
    return stack.write(tmp_path / "images")


@pytest.fixture
def series(images: Path) -> ImageSeries:
    """It, read."""
    return find_series(images)[0]


def brain(name: str, **changes: Any) -> dict[str, Any]:
    """A recipe for any MR of the brain."""
    applies_to = {"anatomic_regions": [BRAIN], **changes.pop("applies_to", {})}
    output = {"channels": 16, "labels": [label(1)]}
    return {"name": name, "applies_to": applies_to, "output": output, **changes}


def by(publisher: str) -> dict[str, str]:
    """The card of a publisher."""
    return {"publisher": publisher, "intended_use": "Tests.", "licence": "MIT"}


def packed(folder: Path, *recipes: dict[str, Any]) -> list[Model]:
    """The same network under each recipe."""
    network = networks.save(networks.conv(3, layers=2), folder / "network.onnx")
    return [
        write_model(network, recipe(**changes), folder / "models" / str(number))
        for number, changes in enumerate(recipes)
    ]


NINE = [brain(f"net-{letter}") for letter in "ihgfedcba"]
# What is there, the labels of those that are as good as the best, and the places of all.
TIES: dict[str, tuple[list[dict[str, Any]], list[str], list[int | None]]] = {
    "nine of one rank": (
        NINE,
        [f"net-{letter}@1.0.0" for letter in "abcdefghi"],
        [1] * 9,
    ),
    "other labels": (
        [brain("b", output={"channels": 16, "labels": [label(1, "Liver", LIVER)]}), brain("a")],
        ["a@1.0.0", "b@1.0.0"],
        [1, 1],
    ),
    "as many requirements, but others": (
        [
            brain("a", applies_to={"patient_sex": "F"}),
            brain("b", applies_to={"patient_age": {"min": 18}}),
        ],
        ["a@1.0.0", "b@1.0.0"],
        [1, 1],
    ),
    "with older versions": (
        [brain("b", version="2.0.0"), brain("b"), brain("a"), brain("a", version="1.1.0")],
        ["a@1.1.0", "b@2.0.0"],
        [1, 1, 1, 1],
    ),
    "of two publishers": (
        [brain("a", card=by("North")), brain("a", card=by("South"))],
        ["a@1.0.0", "a@1.0.0"],
        [1, 1],
    ),
    "one version with two contents": (
        [brain("a", title="One"), brain("a", title="Two")],
        ["a@1.0.0", "a@1.0.0"],
        [1, 1],
    ),
    "two before a third and one that does not fit": (
        [
            brain("liver", applies_to={"anatomic_regions": [LIVER]}),
            brain("z-any", applies_to={"anatomic_regions": []}),
            brain("b"),
            brain("a"),
        ],
        ["a@1.0.0", "b@1.0.0"],
        [1, 1, 3, None],
    ),
}
# What is no tie, the best of them, and why.
NO_TIES: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "the only one": ([brain("a")], "a@1.0.0", ""),
    "versions": ([brain("a"), brain("a", version="1.10.0")], "a@1.10.0", ""),
    "a version published twice": ([brain("a"), brain("a")], "a@1.0.0", ""),
    "more specific": (
        [brain("b", applies_to={"slices": {"min": 2}}), brain("a")],
        "b@1.0.0",
        "a@1.0.0 requires less: 5 of its criteria are met, 6 of this one's",
    ),
    "nearer": (
        [brain("b"), brain("a", applies_to={"anatomic_regions": [HEAD]})],
        "b@1.0.0",
        "its anatomic region is nearer than that of a@1.0.0",
    ),
    "surer": (
        [brain("b"), brain("a", applies_to={"conditions": [LIVER], "patient_age": {"min": 1}})],
        "b@1.0.0",
        "for a@1.0.0 more is unknown (condition)",
    ),
}


@pytest.fixture
def selection(series: ImageSeries, tmp_path: Path) -> Callable[..., Selection]:
    """Selects among the recipes for the series; the order that they come in plays no part."""

    def make(recipes: Sequence[dict[str, Any]], turned: bool = False) -> Selection:
        models = packed(tmp_path, *recipes)
        return select(series, models[::-1] if turned else models)

    return make


@pytest.fixture(autouse=True)
def adult(monkeypatch: pytest.MonkeyPatch) -> None:
    """All images are of a woman of 40 years."""
    made = Stack.image
    more = {"PatientAge": "040Y", "PatientSex": "F"}
    monkeypatch.setattr(Stack, "image", lambda self, i, **a: made(self, i, **more, **a))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("recipes", "labels", "places"), TIES.values(), ids=TIES)
def test_equals_are_said_and_none_is_taken(
    selection: Callable[..., Selection],
    recipes: list[dict[str, Any]],
    labels: list[str],
    places: list[int | None],
    turned: bool,
) -> None:
    ranked = selection(recipes, turned)
    assert [c.model.label for c in ranked.equals] == labels
    assert list(ranked.places) == places
    assert ranked.advantage == ""
    with pytest.raises(UsageError, match=f"^{len(labels)} models fit .* equally well") as error:
        _ = ranked.best
    for candidate in ranked.equals:
        assert candidate.model.label in str(error.value)
        if len(set(labels)) == 1:
            assert candidate.model.card.study_instance_uid in str(error.value)


@pytest.mark.parametrize(("recipes", "best", "why"), NO_TIES.values(), ids=NO_TIES)
def test_what_is_no_tie(
    selection: Callable[..., Selection], recipes: list[dict[str, Any]], best: str, why: str
) -> None:
    ranked = selection(recipes)
    assert [c.model.label for c in ranked.equals] == [best]
    assert ranked.best is ranked.equals[0]
    assert ranked.advantage == why


def test_nothing_fits_and_nothing_is_equal(selection: Callable[..., Selection]) -> None:
    ranked = selection([brain(n, applies_to={"modalities": ["CT"]}) for n in "ab"])
    assert ranked.equals == ()
    assert ranked.places == (None, None)
    with pytest.raises(NoModelFitsError):
        _ = ranked.best


def test_a_run_asks_which_of_nine(
    images: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    packed(tmp_path, *NINE, brain("net-c", version="0.9.0"))
    call = ["run", images, "--models", tmp_path / "models", "--out", tmp_path / "out"]
    names = [f"net-{letter}@1.0.0" for letter in "abcdefghi"]
    refused(iodeep(*call), 2, "9 models fit", "--model", *names)
    assert not (tmp_path / "out").exists()

    ranked = iodeep("select", images, "--models", tmp_path / "models", "--json")
    (document,) = json.loads(ranked.out)
    by_uid = {c["card_sop_instance_uid"]: c for c in document["candidates"]}
    assert [by_uid[uid]["name"] for uid in document["best"]] == [n[:5] for n in names]
    assert {c["place"] for c in document["candidates"]} == {1}
    said = iodeep("select", images, "--models", tmp_path / "models").out
    assert "9 models fit equally well" in said
    assert ", ".join(names) in said

    answer = iodeep(*call, "--model", "net-c", "--json")
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["provenance"]["version"] == "1.0.0", "the newest, as always"


def test_the_best_of_several_is_run_and_it_is_said_why(
    images: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    packed(tmp_path, brain("a"), brain("b", applies_to={"patient_age": {"min": 18}}))
    call = ["run", images, "--models", tmp_path / "models", "--out", tmp_path / "out"]
    answer = iodeep(*call)
    assert answer.status == 0, answer.err
    assert "b@1.0.0 on" in answer.out
    assert "chosen because: a@1.0.0 requires less" in answer.out


@pytest.mark.parametrize(
    ("typed", "status", "chosen"),
    [
        ("2\n", 0, "net-b"),
        ("0\nx\n10\n\x0b9\n9\n", 0, "net-i"),
        ("\n", 2, None),
        ("\x04", 2, None),  # end of input
        ("\x03", 130, None),  # Ctrl-C
    ],
)
def test_a_choice_on_a_terminal(
    images: Path, tmp_path: Path, typed: str, status: int, chosen: str | None
) -> None:
    packed(tmp_path, *NINE)
    ours, theirs = pty.openpty()
    call = [*COMMAND, "run", images, "--models", tmp_path / "models", "--out", tmp_path / "out"]
    process = subprocess.Popen(
        [*call, "--json"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )
    os.close(theirs)
    shown = b""
    while b"Which one?" not in shown:
        shown += os.read(ours, 10_000)
    os.write(ours, typed.encode())
    try:
        while chunk := os.read(ours, 10_000):
            shown += chunk
    except OSError:  # Linux: nobody has the other end any more
        pass
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == status, shown
    assert all(f"net-{letter}@1.0.0" in shown.decode() for letter in "abcdefghi")
    assert (tmp_path / "out").exists() == (status == 0)
    if chosen is not None:
        assert json.loads(out)["provenance"]["name"] == chosen


def test_two_models_on_two_volumes(
    images: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    packed(tmp_path, brain("a"), brain("b"))
    Stack(np.zeros((6, 16, 16), np.int16), common={"BodyPartExamined": "BRAIN"}).write(
        images / "other"
    )
    call = ["run", images, "--models", tmp_path / "models", "--out", tmp_path / "out"]
    words = ["2 volumes", "2 models: a@1.0.0; b@1.0.0", "--series", "--model"]
    refused(iodeep(*call), 2, *words)
