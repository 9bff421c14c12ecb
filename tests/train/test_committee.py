"""The committee that other rooms' tests borrow."""

from __future__ import annotations

import numpy as np
import pytest

from al_loop.train.deepmd import DeepmdTrainer
from tests.committee import TinyCommittee, tiny_committee  # noqa: F401

pytestmark = pytest.mark.engine


def test_members_differ_but_agree_on_the_crystal(
    tiny_committee: TinyCommittee,  # noqa: F811
) -> None:
    forces = [
        DeepmdTrainer.predictor(model, tiny_committee.elements).predict(tiny_committee.crystal)[1]
        for model in tiny_committee.models
    ]
    deviation = np.sqrt(np.square(np.std(forces, axis=0)).sum(axis=1)).max()
    assert 0 < deviation < 1.0  # eV/Å
