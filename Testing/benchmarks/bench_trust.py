"""Signed cards listed, and judged by a trust list, against the same cards without signatures."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import Bench, Row, alternate, fresh, ratio, seconds
from made import network_of, recipe

sys.path.append(str(Path(__file__).parents[1]))  # where the tests' certificates are
_SETTINGS = """[trust]
policy = "require"

[[trust.certificates]]
name = "radiology"
certificate = "radiology.pem"
"""


def rows(bench: Bench) -> Iterator[Row]:
    """All of them."""
    from makers.certificates import made
    from makers.signed_objects import sign

    from IODeepLib.model_object import write_model

    count = bench.sizes.cards
    plain, signed = bench.folder / "unsigned", bench.folder / "signed"
    plain.mkdir()
    network = network_of(bench.folder / "small.onnx", 10**5, 16)
    for i in range(count):
        model = write_model(network, recipe(f"model-{i}"), bench.folder / "one")
        shutil.move(model.card.path, plain / f"{i}.dcm")
        shutil.rmtree(bench.folder / "one")
    shutil.copytree(plain, signed)
    publisher = made("CN=Radiology,O=Hospital")
    sign(sorted(signed.iterdir()), bench.folder / "keys", publisher)
    settings = bench.folder / "trust.toml"
    settings.write_text(_SETTINGS)
    publisher.write(bench.folder / "radiology.pem")
    ours, peer = alternate(
        lambda: fresh("bench_trust:listed", str(signed), str(settings), count),
        lambda: fresh("bench_trust:listed", str(plain), str(settings), 0),
        bench.sizes.pairs,
    )
    for which, when in enumerate(("first time", "again in the same process")):
        times = [one[which] for one in ours], [one[which] for one in peer]
        yield ratio(f"list {count} signed cards, {when}", "the same, unsigned", times, 2)


def listed(folder: str, settings: str, trusted: int) -> tuple[float, float]:
    """Listing twice in a new process, the import not counted; so many of them are trusted."""
    os.environ["IODEEP_CONFIG"] = settings
    os.environ["IODEEP_MEMORY"] = settings + ".memory"
    from IODeepLib.sources.folder import find_models

    times = seconds(lambda: find_models(folder)), seconds(lambda: find_models(folder))
    found = sum(bool(m.trust and m.trust.is_trusted) for m in find_models(folder).models)
    if found != trusted:
        raise RuntimeError(f"{found} trusted cards, wanted: {trusted}")
    return times
