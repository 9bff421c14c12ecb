"""The rules that the benchmark compares, and the number it takes from their curves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign.stages import TrustLevels
from al_loop.select import Environments
from benchmarks.labelling_rules import RULES, View, labels_needed, mean_curve

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "label_efficiency.py"
LEVELS = TrustLevels(lower=0.2, upper=1.0)


def view() -> View:
    """Of 30 frames in two trajectories: 10 accurate, 15 candidates, 5 failed; frame 12 is odd."""
    generator = np.random.default_rng(3)
    frames = [
        Atoms("OSi", generator.random((2, 3)) * 3, cell=[4.0] * 3, pbc=True) for _ in "x" * 30
    ]
    deviation = [np.array([0.05, d]) for d in [0.1] * 10 + [0.5] * 15 + [1.5] * 5]
    features = [generator.normal(0.0, 0.1, (2, 4)) for _ in frames]
    features[12][1] += 50.0
    return View(
        frames,
        ["sod" if i % 2 else "edi" for i in range(30)],
        np.arange(30) * 10,
        deviation,
        features,
        [Environments(generator.normal(0.0, 0.1, (2, 4)), frames[0].numbers.astype(np.int64))],
    )


def test_dpgen_takes_candidates_and_no_more_than_there_are() -> None:
    chosen = RULES["dpgen"](view(), LEVELS, 20, 1)
    assert sorted(chosen) == list(range(10, 25))


def test_ours_takes_the_odd_atom_first_and_audits_accurate_frames() -> None:
    chosen = RULES["ours"](view(), LEVELS, 8, 1)
    assert chosen[0] == 12
    assert len(set(chosen)) == 8
    assert all(10 <= i < 25 for i in chosen[:7])
    assert chosen[7] < 10


def test_the_other_rules_give_different_frames() -> None:
    for rule in ("random", "deviation"):
        assert len(set(RULES[rule](view(), LEVELS, 5, 1))) == 5
    assert sorted(RULES["deviation"](view(), LEVELS, 5, 1)) == list(range(25, 30))


def test_cur_finds_the_frame_that_is_unlike_the_others() -> None:
    pytest.importorskip("skmatter")
    chosen = RULES["cur"](view(), LEVELS, 3, 1)
    assert chosen[0] == 12
    assert len(set(chosen)) == 3


def test_labels_needed_lies_between_two_points_of_the_curve() -> None:
    assert labels_needed([20, 40, 80], [0.4, 0.3, 0.1], 0.2) == pytest.approx(60.0)
    assert labels_needed([20, 40, 80], [0.4, 0.3, 0.1], 0.3) == pytest.approx(40.0)
    assert labels_needed([20, 40, 80], [0.4, 0.3, 0.1], 0.5) == pytest.approx(20.0)


def test_the_mean_curve_ends_where_the_shortest_run_ends() -> None:
    runs = [([20, 40, 78], [0.4, 0.2, 0.1]), ([20, 40, 60], [0.2, 0.2, 0.2])]
    labels, error = mean_curve(runs, [20, 40, 80])
    assert labels == [20, 40, 60]
    assert error == pytest.approx([0.3, 0.2, (0.2 - 0.1 * 20 / 38 + 0.2) / 2])


def test_an_error_that_a_curve_never_reaches_is_not_extrapolated() -> None:
    assert labels_needed([20, 40], [0.4, 0.3], 0.2) is None


def test_a_curve_that_goes_back_is_refused() -> None:
    with pytest.raises(ValueError, match="growing"):
        labels_needed([20, 20], [0.4, 0.3], 0.2)


def test_a_folder_without_the_pool_is_named(tmp_path: Path) -> None:
    command = [sys.executable, BENCHMARK, "--data", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"{tmp_path / 'sod.npz'} is not there" in run.stderr
