from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.d3 import D3, correction
from al_loop.errors import EngineMissing
from al_loop.explore import Committee, Walker
from al_loop.explore.ase_md import AseExplorer, AseOptions
from al_loop.units import EV_PER_A3_IN_GPA

from .contract import EVERYTHING, ExplorerContract, Predict
from .lj_trainer.lj_trainer import lennard_jones

D3_OF_PBE = D3(functional="pbe", damping="bj", cutoff=15.0, cn_cutoff=10.0)


class TestAseExplorer(ExplorerContract):
    temperature = 60.0
    steps = 60
    sample_every = 5
    pressure = 1.0

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


class TestAseExplorerWithDispersion(TestAseExplorer):
    """Deviations and forces are the members' own; what moves the atoms is the sum."""

    @pytest.fixture
    def committee(self, lj_committee: Committee) -> Committee:
        return replace(lj_committee, dispersion=D3_OF_PBE)

    def added_virial(self, frame: Atoms) -> np.ndarray:
        return correction(frame, D3_OF_PBE).virial

    def test_the_sum_moves_the_atoms(
        self, explorer: AseExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        walker = self.walker(steps=20, ensemble="npt")
        (with_d3,) = self.run(explorer, committee, tmp_path / "a", (walker, solid))
        bare = replace(committee, dispersion=None)
        (without,) = self.run(explorer, bare, tmp_path / "b", (walker, solid))
        added = correction(without.frames[0], D3_OF_PBE)
        pressure = np.trace(added.virial) / 3 / solid.get_volume() * EV_PER_A3_IN_GPA
        assert with_d3.pressure[0] - without.pressure[0] == pytest.approx(pressure, abs=1e-9)
        assert abs(pressure) > 0.05
        assert with_d3.frames[-1].get_volume() < without.frames[-1].get_volume()
