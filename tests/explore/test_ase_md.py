from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import EngineMissing
from al_loop.explore import Committee, Walker
from al_loop.explore.ase_md import AseExplorer, AseOptions

from .contract import EVERYTHING, ExplorerContract, Predict
from .lj_trainer.lj_trainer import lennard_jones


class TestAseExplorer(ExplorerContract):
    temperature = 60.0
    steps = 60
    sample_every = 5

    @pytest.fixture
    def explorer(self) -> AseExplorer:
        return AseExplorer(AseOptions(tdamp=50.0, pdamp=300.0))

    @pytest.fixture
    def committee(self, lj_committee: Committee) -> Committee:
        return lj_committee

    @pytest.fixture
    def predict(self, committee: Committee) -> Predict:
        def evaluate(member: int, atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
            copy = atoms.copy()
            copy.calc = lennard_jones(committee.models[member])
            virial = -copy.get_stress(voigt=False) * copy.get_volume()
            return copy.get_forces(), virial

        return evaluate

    @pytest.fixture
    def solid(self, argon: Atoms) -> Atoms:
        return argon

    def test_velocities_have_the_temperature_at_the_start(
        self, explorer: AseExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker(steps=5), solid))
        assert walk.temperature[0] == pytest.approx(self.temperature, rel=0.4)

    def test_an_element_without_potential_is_refused(
        self, explorer: AseExplorer, committee: Committee, tmp_path: Path
    ) -> None:
        xenon = Atoms("Xe2", positions=[[0, 0, 0], [4, 0, 0]], cell=[9, 9, 9], pbc=True)
        with pytest.raises(EngineMissing, match="Xe"):
            self.run(explorer, committee, tmp_path, (self.walker(), xenon))

    def test_the_start_is_not_changed(
        self, explorer: AseExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        before = solid.copy()
        walker: Walker = self.walker(ensemble="npt", steps=10)
        self.run(explorer, committee, tmp_path, (walker, solid), limits=EVERYTHING)
        assert solid == before
        assert solid.calc is None
