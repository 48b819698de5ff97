"""Networks that somebody made on purpose: refused before ONNX Runtime sees them, or ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pydicom
import pytest
from command import Answer, refused
from fuzzing.moments import COMMAND, DEMO
from google.protobuf.message import DecodeError
from makers import hostile_networks as hostile
from makers.packed_models import altered, make_model, with_architecture, with_recipe
from makers.recipes import LIVER, label
from onnx import helper

from IODeepLib.errors import InputError, ModelError
from IODeepLib.machine import memory
from IODeepLib.model_object import Model, read_card, write_model
from IODeepLib.model_object.networks import MAX_ARCHITECTURE_BYTES
from IODeepLib.model_object.private_dictionary import Element, block_of
from IODeepLib.network.runtime import open_session
from IODeepLib.onnx_file import ExternalData, OnnxFile
from IODeepLib.onnx_file.schema import ENUMS, MESSAGES
from IODeepLib.recipe import read_recipe
from IODeepLib.text.json_text import MAX_JSON_CHARACTERS
from IODeepLib.text.records import MOST_ITEMS

GENEROUS = 60  # seconds; what hangs does so for hours


@pytest.fixture
def demo(tmp_path: Path) -> Model:
    """The demonstration network, packed in the folder `models`."""
    return write_model(
        DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), tmp_path / "models"
    )


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime is not asked."""

    def fail(*_: object, **__: object) -> None:
        pytest.fail("it came to ONNX Runtime")

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)


def test_what_hostile_networks_are_made_of_is_good() -> None:
    assert OnnxFile(hostile.network().SerializeToString(), "network").tensors == ()
    assert OnnxFile(hostile.in_initializer(hostile.OUR_PLACE), "network").tensors[0].external
    assert OnnxFile(hostile.with_node(hostile.constant(hostile.OUR_PLACE)), "n").tensors[0].external
    assert OnnxFile(hostile.in_initializer(hostile.inline(hostile.RAW)), "n").tensors[0].inline


# --- a card hands its own paths and addresses to ONNX Runtime -------------------------------


@pytest.mark.parametrize("name", hostile.AMBIGUOUS)
def test_what_two_readers_may_read_in_two_ways(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be read as an ONNX model"):
        OnnxFile(hostile.AMBIGUOUS[name], "network")


def test_protobuf_takes_most_of_it() -> None:
    """Or else nothing would be shown: it merges, or takes the last one, or passes over it."""
    taken = []
    for name, content in hostile.AMBIGUOUS.items():
        with suppress(DecodeError):
            onnx.load_from_string(content)
            taken.append(name)
    assert len(taken) >= len(hostile.AMBIGUOUS) - 3
    merged = onnx.load_from_string(hostile.AMBIGUOUS["a tensor given twice"])
    [entries] = [
        {e.key: e.value for e in node.attribute[0].t.external_data}
        for node in merged.graph.node
        if node.op_type == "Constant"
    ]
    assert entries["location"] == hostile.FOREIGN


@pytest.mark.parametrize("name", hostile.PLACES)
@pytest.mark.parametrize("place", ["initializer", "Constant"])
def test_places_that_are_not_ours(name: str, place: str, demo: Model, no_session: None) -> None:
    tensor = hostile.PLACES[name]
    content = (
        hostile.in_initializer(tensor)
        if place == "initializer"
        else hostile.with_node(hostile.constant(tensor))
    )
    with pytest.raises(ModelError):
        open_session(with_architecture(demo, content))


@pytest.mark.parametrize("name", hostile.ELSEWHERE)
def test_wherever_a_tensor_may_stand(name: str, demo: Model, no_session: None) -> None:
    onnx.load_from_string(hostile.ELSEWHERE[name])  # it is one
    with pytest.raises(ModelError, match=r"in another file|looks for 'w' in '/etc/passwd'"):
        open_session(with_architecture(demo, hostile.ELSEWHERE[name]))


@pytest.mark.parametrize("name", hostile.FORBIDDEN)
def test_operators_that_do_not_compute(name: str, demo: Model, no_session: None) -> None:
    with pytest.raises(ModelError, match="custom operators"):
        open_session(with_architecture(demo, hostile.FORBIDDEN[name]))


def test_a_function_does_not_hide_such_an_operator() -> None:
    made = onnx.load_from_string(hostile.FORBIDDEN["a file with a program"])
    body = [helper.make_node("Relu", ["a"], ["b"])]
    opset = [helper.make_opsetid("", 17)]
    made.functions.append(
        helper.make_function("com.microsoft", "EPContext", ["a"], ["b"], body, opset)
    )
    with pytest.raises(ModelError, match=r"EPContext of com\.microsoft"):
        OnnxFile(made.SerializeToString(), "network")


def test_settings_for_onnx_runtime_are_refused() -> None:
    made = hostile.network()
    made.metadata_props.add(key="ort_config", value='{"session_options": {"enable_profiling": 1}}')
    with pytest.raises(ModelError, match="'ort_config' in its metadata"):
        OnnxFile(made.SerializeToString(), "network")


def test_what_is_checked_is_what_is_loaded(demo: Model) -> None:
    """ONNX Runtime takes a file with "ORTM" in its fifth place for one in a format of its own."""
    made = hostile.network()
    made.producer_name = "ORTM" + "a" * 50
    content = made.SerializeToString()
    assert content[4:8] == b"ORTM"
    with pytest.raises(Exception, match="ORT model"):
        onnxruntime.InferenceSession(content)
    session = open_session(with_architecture(demo, content))
    image = np.ones((1, 1, 2, 2, 2), np.float32)
    assert session.run({"image": image})[0].shape == (1, 3, 2, 2, 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda place: place._replace(location=hostile.FOREIGN),
        lambda place: place._replace(location=hostile.MEMORY),
        lambda place: place._replace(location="../" + place.location),
        lambda place: place._replace(offset=0),
        lambda place: place._replace(offset=place.offset + 2**32),
        lambda place: place._replace(length=place.length + 2**32),
    ],
)
def test_what_goes_to_onnx_runtime_is_read_once_more(
    change: Callable[[ExternalData], ExternalData],
    demo: Model,
    no_session: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if the rewriting failed."""
    real = OnnxFile.rewritten

    def faulty(self: OnnxFile, places: dict, typed: tuple = ()) -> list:
        changed = {name: change(place) for name, place in places.items()}
        return real(self, changed, typed)

    monkeypatch.setattr(OnnxFile, "rewritten", faulty)
    with pytest.raises(ModelError, match=r"would read|bytes elsewhere"):
        open_session(demo)


CARDS = {
    **{
        name: hostile.AMBIGUOUS[name]
        for name in ("a tensor given twice", "a graph given twice", "an operator given twice")
    },
    "an address in memory": hostile.in_initializer(hostile.PLACES["an address in memory"]),
    "a sparse initializer": hostile.ELSEWHERE["a sparse initializer"],
    "a file with a program": hostile.FORBIDDEN["a file with a program"],
    "a loop of 2 ** 62": hostile.loop(2**62).SerializeToString(),
    "functions that double 40 times": hostile.nested_functions(40).SerializeToString(),
    "a petabyte": hostile.enormous("Expand").SerializeToString(),
}


@pytest.mark.parametrize("name", CARDS)
def test_the_command_refuses_such_a_card(
    name: str, demo: Model, tmp_path: Path, iodeep: Callable[..., Answer], no_session: None
) -> None:
    with_architecture(demo, CARDS[name])
    out = tmp_path / "results" / "out"
    answer = iodeep("run", DEMO / "mr_t1", "--models", tmp_path / "models", "--out", out)
    refused(answer, 4, "brain-tissue-t1-demo")
    assert not list(out.parent.iterdir())


def test_the_fields_are_those_of_onnx() -> None:
    """The table of the strict reader against the descriptors of the package `onnx`."""
    scalars = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 9: "string"}
    scalars[12] = "bytes"
    special = {"Tensor.Segment": "Segment", "TensorShape.Dimension": "Dimension"}

    def name(full: str) -> str:
        words = full.removeprefix("onnx.").replace("Proto", "")
        if words.startswith("Type."):
            return words.removeprefix("Type.") + "Type"
        return special.get(words, words)

    def described(message) -> dict[str, dict[int, str]]:
        table = {}
        for field in message.fields:
            kind = scalars.get(field.type, "")
            if field.type == field.TYPE_MESSAGE:
                kind = name(field.message_type.full_name)
            elif field.type == field.TYPE_ENUM:
                kind = field.enum_type.name
                assert max(field.enum_type.values_by_number) == ENUMS[kind]
            repeated = field.is_repeated
            oneof = field.containing_oneof is not None
            table[field.number] = "*" * repeated + "?" * oneof + kind
        found = {name(message.full_name): table}
        for inner in message.nested_types:
            found |= described(inner)
        return found

    theirs: dict[str, dict[int, str]] = {}
    for message in onnx.ModelProto.DESCRIPTOR.file.message_types_by_name.values():
        theirs |= described(message)
    assert theirs == MESSAGES


# --- small, and endless ---------------------------------------------------------------------


@pytest.mark.parametrize("name", hostile.ENDLESS)
def test_what_would_never_end_is_refused(name: str) -> None:
    make, words = hostile.ENDLESS[name]
    content = make().SerializeToString()
    assert len(content) < 50_000
    with pytest.raises(ModelError, match=words):
        OnnxFile(content, "network")


@pytest.mark.parametrize("make", hostile.ENORMOUS)
def test_a_petabyte_that_stands_in_the_network(make: str, demo: Model, no_session: None) -> None:
    content = hostile.enormous(make).SerializeToString()
    with pytest.raises(ModelError, match=r"tensors of a size that stands in .* need 112589"):
        open_session(with_architecture(demo, content))


@pytest.mark.parametrize(
    ("free", "notes"), [(10**12, 0), (1_500_000, 1), (None, 0)], ids=["room", "little", "unknown"]
)
def test_what_has_room_is_opened(
    free: int | None, notes: int, demo: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = helper.make_node("Expand", ["one", "sizes"], ["much"])
    mean = helper.make_node("ReduceMean", ["much"], ["added"], keepdims=0)
    constants = {"one": np.ones((1, 1), np.float32), "sizes": np.array([500, 500])}
    content = hostile.network([node, mean], constants).SerializeToString()
    monkeypatch.setattr(memory, "free_memory", lambda: free)
    session = open_session(with_architecture(demo, content))
    assert len(session.notes) == notes


def test_loops_and_functions_that_networks_have_are_run(demo: Model) -> None:
    """While loops are exported with the largest number of steps, and a condition."""
    for made in (
        hostile.loop(1000),
        hostile.loop(2**63 - 1, condition=False),
        hostile.nested_functions(10),
        hostile.nested_functions(50, 1),
    ):
        session = open_session(with_architecture(demo, made.SerializeToString()))
        image = np.ones((1, 1, 2, 2, 2), np.float32)
        np.testing.assert_array_equal(session.run({"image": image})[0], np.full((1, 3, 2, 2, 2), 2))


# --- the network runs where it can be ended -------------------------------------------------


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *((name, signal.SIGINT) for name in hostile.LONG),
        ("a loop while true", signal.SIGTERM),
        ("one long node", signal.SIGTERM),
    ],
)
def test_ctrl_c_ends_any_network(
    name: str, number: signal.Signals, demo: Model, tmp_path: Path
) -> None:
    with_architecture(demo, hostile.LONG[name]().SerializeToString())
    out = tmp_path / "results" / "out"
    call = [*COMMAND, "run", DEMO / "mr_t1", "--models", tmp_path / "models", "--out", out]
    environment = os.environ | {"TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + GENEROUS
    while not computing(process.pid):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=GENEROUS)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "iodeep: canceled; nothing is left half written"
    assert not list(out.parent.iterdir())
    assert not list(tmp_path.glob(".iodeep*"))


def computing(process: int) -> bool:
    """Whether the thread in which networks run has computed for half a second."""
    ticks = []
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            name, fields = (task / "comm").read_text(), (task / "stat").read_text().rsplit(")")[-1]
        except OSError:
            continue
        if task.name != str(process) and name:
            ticks.append(sum(map(int, fields.split()[11:13])))
    return max(ticks, default=0) > 50


CANCEL = """
import os, sys, time
from IODeepLib.machine.interruptible import left_behind
from IODeepLib.errors import CancelledError
from IODeepLib.pipeline import run
from IODeepLib.series import find_series
from IODeepLib.sources.folder import find_model
models, images = sys.argv[1:]
begun = time.monotonic()
try:
    run(find_series(images)[0], find_model(models), cancelled=lambda: time.monotonic() > begun + 3)
except CancelledError:
    print("cancelled", "left" if left_behind() else "ended", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("name", hostile.LONG)
def test_a_callback_ends_any_network(name: str, demo: Model, tmp_path: Path) -> None:
    """In a program of somebody else, which then goes on: what does not end, it is told of."""
    with_architecture(demo, hostile.LONG[name]().SerializeToString())
    call = [sys.executable, "-c", CANCEL, tmp_path / "models", DEMO / "mr_t1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        call, capture_output=True, text=True, env=environment, timeout=GENEROUS, check=True
    )
    assert done.stdout in ("cancelled ended\n", "cancelled left\n"), done.stderr
    if "loop" in name:
        assert done.stdout == "cancelled ended\n"


# --- cards that are too much ----------------------------------------------------------------


def _long(key: str, count: int) -> Callable[[dict[str, Any]], None]:
    def change(recipe: dict[str, Any]) -> None:
        places: dict[str, tuple[dict[str, Any], Any]] = {
            "labels": (recipe["output"], [label(i + 1) for i in range(count)]),
            "after": (recipe, [{"step": "fill_holes"}] * count),
            "channels": (recipe["input"], [{"name": f"c{i}"} for i in range(count)]),
            "intensity": (recipe["input"], [{"step": "min_max"}] * count),
            "anatomic_regions": (recipe["applies_to"], [LIVER] * count),
            "modalities": (recipe["applies_to"], ["CT"] * count),
        }
        holder, value = places[key]
        holder[key] = value

    return change


@pytest.mark.parametrize(
    "key", ["labels", "after", "channels", "intensity", "anatomic_regions", "modalities"]
)
def test_a_card_of_30000_of_something_is_one_problem(
    key: str, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    for name in ("good", "long"):
        (tmp_path / name).mkdir()
        model = make_model(tmp_path / name)
    recipe = json.loads(model.card.recipe_json)
    _long(key, 20_000 if key == "labels" else 30_000)(recipe)
    text = json.dumps(recipe, separators=(",", ":"))
    assert len(text) < MAX_JSON_CHARACTERS
    with suppress(InputError):  # its only model may be a problem already
        with_recipe(model, text)
    answer = iodeep("list", tmp_path, "--json")
    assert answer.status == 0
    document = json.loads(answer.out)
    assert [model["path"] for model in document["models"]] == [
        str(tmp_path / "good" / "packed" / "card.dcm")
    ]
    [problem] = [p["error"] for p in document["problems"] if p["path"].endswith("card.dcm")]
    assert f"000 values; wanted: at most {MOST_ITEMS}" in problem


def test_an_architecture_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    model = make_model(tmp_path)

    def claim(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        block[Element.ARCHITECTURE_LENGTH].value = MAX_ARCHITECTURE_BYTES + 1

    assert model.card.path is not None
    altered(model.card.path, claim)
    with pytest.raises(ModelError, match="has an architecture of 67108865 bytes"):
        read_card(model.card.path)
