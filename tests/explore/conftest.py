"""Fixtures of the explore tests: a Lennard-Jones committee that needs no engine but ASE."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_loop.explore import Committee

LJ_PACKAGE = Path(__file__).parent / "lj_trainer"


@pytest.fixture(scope="session")
def lj_package() -> Iterator[Path]:
    """Folder of an installed package with the trainer ``lj``; on ``sys.path`` meanwhile."""
    sys.path.insert(0, str(LJ_PACKAGE))
    yield LJ_PACKAGE
    sys.path.remove(str(LJ_PACKAGE))


@pytest.fixture
def lj_committee(tmp_path: Path, lj_package: Path) -> Committee:
    """Three members for argon (epsilon in eV, sigma in Å)."""
    folder = tmp_path / "models"
    folder.mkdir()
    models = []
    for k, (epsilon, sigma) in enumerate([(0.0104, 3.40), (0.0110, 3.42), (0.0100, 3.38)]):
        models.append(folder / f"member{k}.json")
        models[-1].write_text(json.dumps({"epsilon": epsilon, "sigma": sigma}))
    return Committee(model_format="lj", trainer="lj", elements=("Ar",), models=tuple(models))


@pytest.fixture
def argon() -> Atoms:
    """Solid argon in a cell that is neither orthogonal nor in LAMMPS' orientation."""
    atoms = bulk("Ar", "fcc", a=5.3) * (2, 2, 2)
    atoms.rattle(0.02, rng=np.random.default_rng(3))
    return atoms
