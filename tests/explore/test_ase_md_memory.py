"""What the ASE explorer holds of a long walk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from al_loop.explore import KeepRule, Limits, Walk, Walker
from al_loop.explore.ase_md.sampler import Sampler
from al_loop.explore.reduce import COMPLETED, reduce_samples

SAMPLES = 1500


class Spring(Calculator):  # type: ignore[misc]
    """Two atoms on a spring of 3.8 Å; eV/Å2."""

    implemented_properties = ("energy", "forces")

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def calculate(
        self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes
    ) -> None:
        away = np.diff(atoms.positions, axis=0)
        longer = np.linalg.norm(away) - 3.8
        pull = self.strength * longer * away / np.linalg.norm(away)
        self.results = {"energy": self.strength * longer**2 / 2, "forces": np.vstack([pull, -pull])}


def sampled(keep: KeepRule, *, hottest: bool = False) -> tuple[Walk, int]:
    """A walk of two atoms at random distances, and the most configurations held on its way."""
    walker = Walker.at(
        "w", ensemble="nvt", temperature=300.0, steps=SAMPLES - 1, sample_every=1, seed=5
    )
    limits = Limits(deviation=1e9)
    atoms = Atoms("Ar2", positions=[[0, 0, 0], [3.8, 0, 0]], cell=[12.0] * 3, pbc=True)
    members = [Spring(strength) for strength in (0.10, 0.14)]
    atoms.calc = members[0]
    sampler = Sampler(atoms, members, limits=limits, keep=keep, seed=walker.seed)
    distances = np.random.default_rng(1).uniform(3.8, 4.8, SAMPLES)  # they differ by 0 to 0.02 eV/Å
    most = 0
    for step, distance in enumerate(distances):
        atoms.positions[1, 0] = distance
        if hottest and step == SAMPLES - 1:
            atoms.set_velocities([[1.0, 0, 0], [-1.0, 0, 0]])
        sampler.take(step)
        most = max(most, len(sampler.state()["index"])) if step % 50 == 0 else most
    samples = sampler.samples()
    reduction = reduce_samples(samples, walker=walker, limits=limits, keep=keep, ending=COMPLETED)
    walk = sampler.walk(walker, reduction)
    for index, frame in zip(walk.kept, walk.frames, strict=True):
        assert frame.get_distance(0, 1, mic=True) == pytest.approx(distances[index])
    return walk, most


def test_memory_does_not_grow_with_the_walk() -> None:
    lower, upper = 0.004, 0.016
    keep = KeepRule(lower=lower, upper=upper, accurate=4, candidates=40, earliest=3)
    walk, most = sampled(keep)
    deviation = walk.max_force_deviation
    candidate = (deviation >= lower) & (deviation < upper)
    assert len(walk.step) == SAMPLES
    assert candidate.sum() > 500
    assert (deviation < lower).sum() > 150
    assert (deviation >= upper).sum() > 150
    assert most < 300
    assert 20 <= candidate[walk.kept].sum() <= 40
    assert (deviation[walk.kept] < lower).sum() == 4
    assert walk.last is not None


def test_a_walk_that_is_cut_at_its_last_sample_has_all_that_it_keeps() -> None:
    """The last sample, unphysical, would have halved what is kept of those before."""
    for limit in (20, 400):
        keep = KeepRule(lower=0.0, upper=9.0, accurate=0, candidates=limit)
        walk, _ = sampled(keep, hottest=True)
        assert (walk.stop, len(walk.step)) == ("temperature", SAMPLES - 1)
        assert limit / 2 <= len(walk.frames) <= limit
        assert walk.last is not None
