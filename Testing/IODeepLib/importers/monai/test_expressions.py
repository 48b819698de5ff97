"""Expressions of MONAI's configs: known forms are read, nothing is ever run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from IODeepLib.errors import ModelError
from IODeepLib.importers.monai.expressions import Stored, Unread, read

NETWORK = {"_target_": "UNet"}
CONFIG = {
    "network_def": NETWORK,
    "device": Unread("torch.device('cuda')"),
    "root": "/bundle",
    "highres": False,
    "displayable::highres": True,
    "displayable#highres": True,
    "size": [96, 96, 64],
    "first": ["a"],
    "second": ["b"],
    "search": Stored("models/search.pt"),
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("@network_def.to(@device)", NETWORK),
        ("copy.deepcopy(@network_def)", NETWORK),
        ("@root + '/models/' + 'model.pt'", "/bundle/models/model.pt"),
        ("[1.5, 1.5, 2] if @displayable#highres else [3.0, 3, 3]", [1.5, 1.5, 2]),
        ("'a' if not @displayable::highres else 'b'", "b"),
        ("@highres", False),
        ("len(@size)", 3),
        ("@size[-1]", 64),
        ("@first + @second", ["a", "b"]),
        ("torch.float32", "float32"),
        ("np.uint8", "uint8"),
        ("monai.utils.CommonKeys.IMAGE", "image"),
        ("-1", -1),
        ("{'a': (1, None)}", {"a": [1, None]}),
        ("None", None),
        ("torch.load(@root + '/a.pt', map_location=torch.device('cuda'))", Stored("/bundle/a.pt")),
        ("torch.from_numpy(@search['node_a'])", Stored("models/search.pt", "node_a")),
    ],
)
def test_known_forms(text: str, wanted: Any) -> None:
    found = read(text, CONFIG.__getitem__)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {path}')",
        "open('{path}', 'w')",
        "[open('{path}', 'w') for _ in (1,)]",
        "(lambda: open('{path}', 'w'))()",
        "().__class__.__base__.__subclasses__()",
        "@root.replace(open('{path}', 'w').name, '')",
        "@network_def.to(open('{path}', 'w')).__class__",
        "getattr(torch, 'ones')",
        "torch.float32.__class__",
        "monai.data.load_decathlon_datalist(@root)",
        "2 ** 10 ** 10",
        "'a' * 10 ** 10",
        "@size + '/models'",
        "@root if @device else @root",
        "@size[@root]",
        "'$' + 'a'",
        "f'{{@root}}'",
        "import os",
        "(" * 1000 + ")" * 1000,
        "-" * 100_000 + "1",
        "'\\ud800'.encode()",
        "x := 1",
        "iodeep_reference_7",
        "",
    ],
)
def test_everything_else_is_left_unread(text: str, tmp_path: Path) -> None:
    path = tmp_path / "made"
    text = text.replace("{path}", str(path))
    assert read(text, CONFIG.__getitem__) == Unread(text)
    assert not path.exists()


def test_what_grows_without_end_is_refused() -> None:
    with pytest.raises(ModelError, match="more than 10000 characters"):
        read("@a + @a", {"a": "x" * 9_999}.__getitem__)


@given(st.text("@#:$'\"[](){}.,+-*/ abimportlnx019_\n\\", max_size=60))
def test_any_text_gives_a_value_or_is_left_unread(text: str) -> None:
    found = read(text, lambda name: name)
    assert isinstance(found, (str, int, float, list, dict, Unread, Stored, type(None)))
