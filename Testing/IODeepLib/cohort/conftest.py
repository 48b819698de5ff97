"""A model that finds a liver and a spleen."""

from __future__ import annotations

import pytest
from makers.cohorts import organ_model

from IODeepLib.model_object import Model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """It."""
    return organ_model(tmp_path_factory.mktemp("model") / "organs")
