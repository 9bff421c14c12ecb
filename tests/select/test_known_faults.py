"""Faults of DP-GEN 0.13 and dpgen2 0.1 that this selection must not have."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_loop.campaign.stages import TrustLevels
from al_loop.frame import frame_hash
from al_loop.select import (
    ACCURATE,
    CANDIDATE,
    FAILED,
    Evidence,
    Rule,
    calibrate,
    choose_batch,
    classify,
    make_filter,
    stranded_systems,
)

from .pools import make_pool

FORCE = TrustLevels(lower=0.1, upper=0.3)
VIRIAL = TrustLevels(lower=0.01, upper=0.05)


def anything(_: Atoms) -> str | None:
    return None


def test_one_nan_row_neither_stops_the_iteration_nor_is_selected() -> None:
    deviation = np.array([0.2, math.nan, 0.15, 0.05])
    codes = classify(deviation, levels=FORCE)
    assert codes.tolist() == [CANDIDATE, FAILED, CANDIDATE, ACCURATE]
    pool = make_pool("walk", codes.tolist())
    batch = choose_batch([pool], batch=9, audit=9, accept=anything, known=set(), seed=1)
    assert sorted(pick.sample for pick in batch.picks) == [0, 2, 3]


def test_calibrated_levels_choose_the_right_frames_beside_a_nan() -> None:
    """dpgen2's adaptive level sorts NaN among the numbers and returns other frames."""
    known = np.linspace(0.01, 1.0, 60)
    count = len(known)
    levels = [
        calibrate(
            Evidence(
                deviation, known, 2 * known, ["a"] * count, np.zeros(count, int), np.ones(count)
            ),
            Rule(bearable=0.2, fixed=FORCE),
        ).levels("a")
        for deviation in (known, np.where(np.arange(count) == 30, math.nan, known))
    ]
    samples = np.array([0.05, math.nan, 0.6, math.inf, 0.3])
    for level in levels:
        codes = classify(samples, levels=level)
        assert codes.tolist() == [ACCURATE, FAILED, CANDIDATE, FAILED, CANDIDATE]


def test_a_virial_in_band_does_not_rescue_a_force_deviation_of_50() -> None:
    codes = classify(
        np.array([50.0]),
        levels=FORCE,
        virial_deviation=np.array([0.02]),
        virial_levels=VIRIAL,
    )
    assert codes.tolist() == [FAILED]


def test_a_batch_does_not_shrink_when_a_filter_removes_frames() -> None:
    pool = make_pool("walk", [CANDIDATE] * 40)
    odd = {frame_hash(atoms) for atoms in pool.frames[::2]}
    batch = choose_batch(
        [pool],
        batch=20,
        audit=0,
        accept=lambda atoms: "odd" if frame_hash(atoms) in odd else None,
        known=set(),
        seed=1,
    )
    assert len(batch.picks) == 20


def test_a_system_above_the_upper_level_starts_from_its_earliest_sane_frames() -> None:
    first = make_pool("first", [FAILED] * 6, dropped=[0])
    second = make_pool("second", [FAILED] * 6)
    fine = make_pool("fine", [FAILED, CANDIDATE])
    insane = frame_hash(second.frames[0])
    (found,) = stranded_systems(
        {"lost": [first, second], "fine": [fine], "empty": []},
        each=3,
        accept=lambda atoms: "odd" if frame_hash(atoms) == insane else None,
        known={frame_hash(second.frames[1])},
    )
    assert [(p.walker, p.sample) for p in found.picks] == [
        ("first", 1),
        ("first", 2),
        ("second", 2),
    ]
    for pick in found.picks:
        pool = {"first": first, "second": second}[pick.walker]
        assert pick.frame == frame_hash(pool.frames[pick.position])
    assert found.note == (
        "lost: all 12 samples are above the upper trust level, or were not reached, and none is "
        "a candidate; "
        "3 of its earliest frames are labelled"
    )


def test_a_system_without_a_sane_frame_is_told_of_as_well() -> None:
    (found,) = stranded_systems(
        {"lost": [make_pool("walk", [FAILED] * 3)]}, each=2, accept=lambda _: "odd", known=set()
    )
    assert found.picks == ()
    assert "look at its starting structure" in found.note


def test_a_million_deviations_take_little_memory() -> None:
    deviation = np.random.default_rng(1).exponential(0.1, 1_000_000)
    deviation[::1000] = math.nan
    tracemalloc.start()
    codes = classify(deviation, levels=FORCE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16e6  # bytes; the deviations themselves have 8e6
    assert np.bincount(codes).sum() == 1_000_000
    assert (codes[::1000] == FAILED).all()


@pytest.mark.parametrize("density", [None, (1.5, 3.5)])
def test_a_frame_of_192_atoms_passes_the_filter(
    density: tuple[float, float] | None,
) -> None:
    """How fast: benchmarks/selection.py."""
    atoms = bulk("Si", "diamond", a=5.431, cubic=True).repeat((2, 3, 4))
    atoms.symbols[::3] = "O"
    check = make_filter(min_distance={"O-O": 2.0, "O-Si": 1.3, "Si-Si": 2.0}, density=density)
    assert len(atoms) == 192
    assert check(atoms) is None
    atoms.positions[1] = atoms.positions[0]
    assert check(atoms) is not None
