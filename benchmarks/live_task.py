"""Campaigns that differ only in their rule of selection, and the frames that test them.

For :mod:`benchmarks.live`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCom
from ase.md.langevin import Langevin

from al_loop.calculator import FunctionCalculator
from al_loop.frame import Labelled
from al_loop.hashing import derive_seed
from al_loop.label.teacher import TeacherLabeller, TeacherOptions
from al_loop.structures import crystal
from al_loop.units import Array
from benchmarks.label_efficiency import BAND, BEARABLE
from benchmarks.labelling_rules import AUDIT_SHARE
from benchmarks.zeolite_pool import ELEMENTS, Frame, network

RULES = ("random", "dpgen", "ours")
TEMPERATURES = (300, 900, 1500)
"""K."""
CRYSTALS = {"alpha-quartz": (2, 2, 1), "alpha-cristobalite": (2, 2, 1)}
"""36 and 48 atoms."""
HALT = 3.0
"""Walkers stop above this multiple of the upper level. Random draws from all below the place where
DP-GEN's rule stops them: whatever a walk has that has not exploded."""
MIN_DISTANCE = {"O-Si": 1.2, "O-O": 1.7, "Si-Si": 2.0}
"""Å; closer frames are refused, whatever the rule."""
FRICTION = 0.02
"""Of the thermostat of the test frames, 1/fs."""


@dataclass(frozen=True)
class Size:
    """How much is done: labels an iteration, steps of a training and of a walker.

    ``copies``: disturbed copies of each crystal at the start; of each trajectory of test frames the
    first ``warm`` steps are left out, then ``tested`` frames are ``apart`` steps apart (1 fs).
    """

    seeds: int
    iterations: int
    batch: int
    steps: int
    md_steps: int
    copies: int
    members: int
    walkers: int
    warm: int
    tested: int
    apart: int

    @property
    def start(self) -> int:
        """Labels that all rules begin with."""
        return len(CRYSTALS) * (1 + self.copies)


QUICK = Size(
    seeds=1,
    iterations=2,
    batch=12,
    steps=6000,
    md_steps=400,
    copies=3,
    members=2,
    walkers=1,
    warm=300,
    tested=8,
    apart=50,
)
FULL = Size(
    seeds=3,
    iterations=8,
    batch=16,
    steps=20_000,
    md_steps=2000,
    copies=3,
    members=4,
    walkers=2,
    warm=2000,
    tested=20,
    apart=200,
)


def selection(rule: str, batch: int) -> dict[str, Any]:
    """Section ``select`` of a campaign that labels ``batch`` frames an iteration by a rule."""
    band = {"lower": BAND.lower, "upper": BAND.upper}
    audit = max(1, batch // AUDIT_SHARE)
    sections: dict[str, dict[str, Any]] = {
        "random": {
            "trust": {"lower": 1e-6, "upper": HALT * BAND.upper},
            "diversity": False,
            "batch": batch,
            "audit": 0,
        },
        "dpgen": {"trust": band, "diversity": False, "batch": batch, "audit": 0},
        "ours": {
            "trust": band,
            "bearable_error": BEARABLE,
            "batch": batch - audit,
            "audit": audit,
        },
    }
    return {**sections[rule], "min_distance": MIN_DISTANCE}


def campaign(rule: str, *, seed: int, teacher: Path, size: Size) -> dict[str, Any]:
    """A campaign; the same for each rule but for its name and ``select``."""
    return {
        "name": f"live-{rule}-{seed}",
        "elements": list(ELEMENTS),
        "seed": seed,
        "structures": {
            name: {
                "crystal": name,
                "supercell": list(supercell),
                "perturb": {"copies": size.copies, "rattle": 0.05, "strain": 0.02},
            }
            for name, supercell in CRYSTALS.items()
        },
        "train": {
            "members": size.members,
            "warm_start": False,
            "final_effort": 1.0,
            "options": network(size.steps),
        },
        "explore": {
            "sample_every": 10,
            "deviation_factor": HALT,
            "stages": [
                {
                    "from": list(CRYSTALS),
                    "temperatures": list(TEMPERATURES),
                    "steps": size.md_steps,
                    "walkers": size.walkers,
                }
            ],
        },
        "select": selection(rule, size.batch),
        "label": {"engine": "teacher", "options": {"model": str(teacher)}},
        "split": {"valid": 0.0, "test": 0.01},
        # A committee is never good enough here: all rules spend their iterations.
        "converge": {"candidate_fraction": 0.0, "audit_force_rmse": 1e-6},
        "budget": {"iterations": size.iterations},
        "resources": {"cores": 2},
    }


def sampled(
    predict: Callable[[Atoms], tuple[float, Array, Array]],
    atoms: Atoms,
    *,
    temperature: float,
    seed: int,
    size: Size,
) -> list[Labelled]:
    """Frames of Langevin dynamics (1 fs, K) under a potential, with its energy and forces.

    ``predict`` gives energy (eV), forces (atoms, 3) in eV/Å and virial (3, 3) in eV. A crystal
    begins with twice the kinetic energy: half of it goes into the lattice.
    """
    atoms = atoms.copy()
    atoms.set_constraint(FixCom())
    atoms.calc = FunctionCalculator(predict)
    random = np.random.default_rng(seed)
    width = np.sqrt(2.0 * units.kB * temperature * atoms.get_masses())[:, None]
    atoms.set_momenta(width * random.standard_normal((len(atoms), 3)))
    dynamics = Langevin(
        atoms,
        1.0 * units.fs,
        temperature_K=temperature,
        friction=FRICTION / units.fs,
        fixcm=False,
        rng=random,
    )
    dynamics.run(size.warm)
    frames = []
    for _ in range(size.tested):
        dynamics.run(size.apart)
        bare = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
        energy, forces, _ = predict(bare)
        frames.append(Labelled(bare, energy, forces, None))
    return frames


def frames_at(teacher: Path, name: str, temperature: int, size: Size) -> list[Frame]:
    """Test frames of a crystal at a temperature (K), by the teacher's own dynamics."""
    labeller = TeacherLabeller(TeacherOptions(model=teacher))
    atoms = in_order(crystal(name, supercell=CRYSTALS[name]))
    seed = derive_seed(0, "live", name, temperature)
    with tempfile.TemporaryDirectory() as scratch:

        def predict(now: Atoms) -> tuple[float, Array, Array]:
            label = labeller.label(now, Path(scratch))
            return label.energy, label.forces, np.zeros((3, 3))

        made = sampled(predict, atoms, temperature=temperature, seed=seed, size=size)
    return [Frame(f"{name} {temperature} K", i, one) for i, one in enumerate(made)]


def in_order(atoms: Atoms) -> Atoms:
    """Atoms in the order of ``ELEMENTS``."""
    return atoms[np.argsort([ELEMENTS.index(symbol) for symbol in atoms.symbols], kind="stable")]


def at_temperature(frames: Sequence[Frame], temperature: int) -> list[int]:
    """Indices of the test frames of a temperature."""
    return [i for i, one in enumerate(frames) if one.topology.endswith(f" {temperature} K")]
