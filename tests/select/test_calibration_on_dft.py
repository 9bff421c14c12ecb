"""The coverage that is promised is held by a committee on real DFT forces of zeolites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign.stages import TrustLevels
from al_loop.explore.deviation import atomic_deviations
from al_loop.frame import Labelled
from al_loop.jobfolder import Clock
from al_loop.select import Evidence, Rule, calibrate
from al_loop.train.interface import TrainingTask
from al_loop.train.linear import LinearOptions, LinearTrainer

ZEOLITES = Path(__file__).parents[2].parent / "shared" / "data" / "si-zeo22"
ELEMENTS = ("O", "Si")
TOPOLOGIES = ("sod", "edi", "dft", "sbn", "att")
EACH = 60
KNOWN = 50
SPLITS = 200
ALPHA = 0.1

pytestmark = pytest.mark.skipif(not ZEOLITES.is_dir(), reason="labels of zeolites are not here")


@dataclass(frozen=True)
class Seen:
    """Of each frame: the committee's deviation, its error, and the largest force; eV/Å."""

    deviation: np.ndarray
    error: np.ndarray
    force: np.ndarray


def frames(topology: str, count: int, *, offset: int) -> list[Labelled]:
    """So many frames, evenly over the trajectory; another offset gives others."""
    with np.load(ZEOLITES / f"{topology}.npz", allow_pickle=False) as data:
        places = np.linspace(0, len(data["energies"]) - 2, count).astype(int) + offset
        symbols = [str(symbol) for symbol in data["symbols"]]
        return [
            Labelled(
                Atoms(symbols, data["positions"][i], cell=data["cells"][i], pbc=True),
                float(data["energies"][i]),
                data["forces"][i].astype(np.float64),
                None,
            )
            for i in places
        ]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Four linear members, trained on 20 frames of sodalite, asked about all topologies."""
    trainer = LinearTrainer(LinearOptions())
    known = frames("sod", 20, offset=1)
    members = []
    for seed in range(4):
        folder = tmp_path_factory.mktemp("member")
        task = TrainingTask(ELEMENTS, seed, known, valid=[], parent=None, effort=1.0)
        made = trainer.train(task, folder, Clock())
        members.append(trainer.predictor(folder / made.model, ELEMENTS))
    deviation, error, force = [], [], []
    for frame in (one for name in TOPOLOGIES for one in frames(name, EACH, offset=0)):
        forces = np.stack([member.predict(frame.atoms)[1] for member in members])
        deviation.append(atomic_deviations(forces).max())
        error.append(np.linalg.norm(forces.mean(axis=0) - frame.forces, axis=1).max())
        force.append(np.linalg.norm(frame.forces, axis=1).max())
    return Seen(np.array(deviation), np.array(error), np.array(force))


def evidence(seen: Seen, chosen: np.ndarray) -> Evidence:
    count = len(chosen)
    return Evidence(
        deviation=seen.deviation[chosen],
        error=seen.error[chosen],
        force=seen.force[chosen],
        group=["SiO2"] * count,
        iteration=np.zeros(count, dtype=np.int64),
        weight=np.ones(count),
    )


def test_as_many_errors_are_covered_as_promised_and_not_many_more(seen: Seen) -> None:
    """A fresh frame is below the k-th of n scores with k / (n + 1), whatever the committee is."""
    generator = np.random.default_rng(0)
    rule = Rule(bearable=1.0, fixed=TrustLevels(lower=0.1, upper=0.3), alpha=ALPHA)
    covered = []
    for _ in range(SPLITS):
        order = generator.permutation(len(seen.error))
        pooled = calibrate(evidence(seen, order[:KNOWN]), rule).pooled
        assert pooled is not None
        fresh = order[KNOWN:]
        covered.append(np.mean(seen.error[fresh] <= pooled.ratio * seen.deviation[fresh]))
    expected = math.ceil((KNOWN + 1) * (1 - ALPHA)) / (KNOWN + 1)
    scatter = np.std(covered, ddof=1) / math.sqrt(SPLITS)
    assert abs(np.mean(covered) - expected) < 4 * scatter
    assert expected >= 1 - ALPHA


@pytest.mark.parametrize("quantile", [0.3, 0.6])
def test_of_the_frames_called_accurate_no_more_are_missed_than_allowed(
    seen: Seen, quantile: float
) -> None:
    generator = np.random.default_rng(1)
    bearable = float(np.quantile(seen.error, quantile))
    rule = Rule(bearable=bearable, fixed=TrustLevels(lower=0.1, upper=0.3), alpha=ALPHA)
    missed, accurate = [], 0
    for _ in range(SPLITS):
        order = generator.permutation(len(seen.error))
        levels = calibrate(evidence(seen, order[:KNOWN]), rule).levels("SiO2")
        fresh = order[KNOWN:]
        called = fresh[seen.deviation[fresh] < levels.lower]
        accurate += len(called)
        missed.append(np.sum(seen.error[called] > bearable) / max(1, len(called)))
    scatter = np.std(missed, ddof=1) / math.sqrt(SPLITS)
    assert np.mean(missed) <= ALPHA + 3 * scatter
    assert accurate > 0
