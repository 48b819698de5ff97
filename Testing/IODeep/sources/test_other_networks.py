"""Models that Kaapana stored are told from everything else."""

from __future__ import annotations

from pathlib import Path

from IODeepSlicer.sources import other_networks
from makers import first_generation, kaapana

from IODeepLib.model_object import Model


def test_they_are_recognized(tmp_path: Path, network: Model) -> None:
    kaapana.write(tmp_path, kaapana.zipped({"plans.json": b"{}"}), 60)
    first_generation.write(tmp_path / "net.dcm")
    parts = sorted(str(path) for path in tmp_path.iterdir() if path.name != "net.dcm")
    others = [str(tmp_path / "net.dcm"), str(network.card.path)]
    [(files, name)] = other_networks.kaapanaNetworks([*others, *parts])
    assert files == parts
    assert name == f"{kaapana.NAME} (liver,spleen, {len(parts)} parts)"
    assert other_networks.kaapanaNetworks(others) == []


def test_the_message_says_what_to_do() -> None:
    assert "iodeep import kaapana" in other_networks.whatToDo()
