"""Wrong labels among right ones are found by the errors of those that were trained on them."""

from __future__ import annotations

import numpy as np
import pytest

from al_loop.train import find_suspects
from al_loop.units import Array


def errors(n: int, seed: int) -> tuple[Array, Array, Array]:
    """Errors of a committee on right labels: they grow with the forces of a frame."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.uniform(np.log(0.3), np.log(6.0), size=n))
    force = (0.03 + 0.05 * scale) * np.exp(rng.normal(scale=0.2, size=n))
    energy = 0.004 * scale * rng.normal(size=n) + 0.01
    return force, scale, energy


@pytest.mark.parametrize("n", [40, 200, 1000])
def test_right_labels_are_hardly_ever_suspected(n: int) -> None:
    counts = [len(find_suspects(*errors(n, seed))) for seed in range(20)]
    assert sum(counts) <= 0.001 * 20 * n + 1


@pytest.mark.parametrize("n", [40, 200, 1000])
def test_a_calm_frame_with_the_error_of_a_melt_is_suspected(n: int) -> None:
    """Its error alone is nothing special: it is among those of frames like it."""
    force, scale, energy = errors(n, 3)
    calm = int(np.argmin(scale))
    force[calm] = np.max(force)
    found = find_suspects(force, scale, energy)
    assert list(found) == [calm]
    assert found[calm].force_ratio > 3.0
    assert found[calm].force_error == force[calm]


def test_an_energy_alone_may_give_a_label_away() -> None:
    force, scale, energy = errors(200, 4)
    energy[17] -= 0.4
    found = find_suspects(force, scale, energy)
    assert list(found) == [17]
    assert found[17].energy_error == energy[17]


def test_a_few_labels_are_not_judged() -> None:
    force, scale, energy = errors(39, 5)
    force[0] = 100.0
    assert find_suspects(force, scale, energy) == {}


def test_perfect_labels_are_no_outliers() -> None:
    zeros = np.zeros(50)
    assert find_suspects(zeros, zeros, zeros) == {}
