"""Sessions that stay open: the same one for the same files, and no more than there is room for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from makers.packed_models import files, make_model
from makers.small_studies import small_model, small_study

from IODeepLib.errors import CancelledError
from IODeepLib.machine import interruptible
from IODeepLib.network import session as sessions
from IODeepLib.network.kept import KeptSessions
from IODeepLib.network.runtime import open_session
from IODeepLib.pipeline import run
from IODeepLib.series import find_series
from IODeepLib.sources.folder import find_model


def test_a_session_is_opened_once_for_each_way_to_run_it(tmp_path: Path) -> None:
    model, kept = make_model(tmp_path), KeptSessions()
    first = open_session(model, threads=1, kept=kept)
    assert open_session(model, threads=1, kept=kept) is first
    assert open_session(find_model(tmp_path), threads=1, kept=kept) is first
    assert open_session(model, threads=2, kept=kept) is not first
    assert open_session(model, threads=1) is not first
    kept.close()
    assert open_session(model, threads=1, kept=kept) is not first


def test_files_that_were_touched_are_opened_again(tmp_path: Path) -> None:
    model, kept = make_model(tmp_path), KeptSessions()
    first = open_session(model, kept=kept)
    for path in files(model):
        os.utime(path, ns=(1, 1))
    assert open_session(find_model(tmp_path), kept=kept) is not first


def test_there_is_room_for_so_many(tmp_path: Path) -> None:
    models = [small_model(tmp_path / name, name) for name in ("one", "two", "three")]
    size = sum(part.length for part in models[0].card.manifest.parts)
    kept = KeptSessions(most_bytes=2 * size)
    one, two, three = (open_session(model, kept=kept) for model in models)
    assert open_session(models[2], kept=kept) is three
    assert open_session(models[1], kept=kept) is two
    assert open_session(models[0], kept=kept) is not one  # it was used longest ago
    assert open_session(models[1], kept=kept) is two
    assert open_session(models[2], kept=kept) is not three
    none = KeptSessions(most_bytes=size - 1)
    assert open_session(models[0], kept=none) is not open_session(models[0], kept=none)


def test_each_run_has_its_own_question_and_its_own_watcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interruptible, "ASK_EVERY", 0)
    model, kept = make_model(tmp_path), KeptSessions()
    feeds = {"image": np.zeros((1, 1, 8, 8, 8), np.float32)}
    seen: list[object] = []
    open_session(model, kept=kept, watch=seen.append, cancelled=lambda: False).run(feeds)
    assert len(seen) == 1
    again = open_session(model, kept=kept)
    again.run(feeds)
    assert len(seen) == 1
    heavy = {"image": np.zeros((1, 1, 128, 128, 128), np.float32)}
    with pytest.raises(CancelledError):
        open_session(model, kept=kept, cancelled=lambda: True).run(heavy)
    again = open_session(model, kept=kept)
    assert np.array_equal(again.run(feeds)[0], open_session(model).run(feeds)[0])


def test_what_was_tried_to_be_rewritten_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[int, ...]] = []
    monkeypatch.setattr(sessions, "rewritten", lambda *arguments: tried.append(arguments[-2]))
    session = open_session(make_model(tmp_path), providers="cpu")
    for shape in ((1, 1, 8, 8, 8), (1, 1, 16, 16, 16), (1, 1, 8, 8, 8)):
        session.rewrite(shape)
    assert tried == [(1, 1, 8, 8, 8), (1, 1, 16, 16, 16)]


def test_results_are_those_of_new_sessions(tmp_path: Path) -> None:
    model, kept = small_model(tmp_path), KeptSessions()
    for seed in range(2):
        (series,) = find_series(small_study(seed).write(tmp_path / f"{seed}"))
        found, alone = (run(series, model, sessions=one).segmentation for one in (kept, None))
        assert np.array_equal(found.array, alone.array)
