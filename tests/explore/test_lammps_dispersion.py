"""LAMMPS with D3 on top of a committee: what moves the atoms has it, what is measured has not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.d3 import D3, correction
from al_loop.explore import Committee
from al_loop.explore.lammps import LammpsExplorer, nvt_example
from al_loop.lammps.cell import RestrictedCell
from al_loop.units import EV_PER_A3_IN_GPA

from .test_lammps import LammpsContract, run_by_hand

pytestmark = pytest.mark.engine

PBE = D3(functional="pbe", damping="bj", cutoff=15.0, cn_cutoff=10.0)
_COLUMNS = "pe pxx pyy pzz pxy pxz pyz"


class TestLammpsWithDispersion(LammpsContract):
    """The contract has deviations and forces compared with the members, which know no D3."""

    # These say nothing of D3, and take long.
    test_the_same_seed_gives_the_same_walk_and_another_one_does_not = None
    test_temperature_stays_near_its_target = None
    test_a_walker_that_explodes_is_a_result_and_disturbs_no_other = None
    test_a_trajectory_is_cut_where_the_deviation_passes_its_limit = None
    test_close_atoms_end_a_trajectory = None
    test_walks_arrive_one_by_one_and_nothing_large_stays = None

    @pytest.fixture
    def committee(self, deepmd_committee: Committee) -> Committee:
        return replace(deepmd_committee, dispersion=PBE)

    def added_virial(self, frame: Atoms) -> np.ndarray:
        return correction(frame, PBE).virial

    def test_pressures_are_of_the_sum(
        self, explorer: LammpsExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        walker = self.walker(steps=20)
        (with_d3,) = self.run(explorer, committee, tmp_path / "with", (walker, solid))
        bare = replace(committee, dispersion=None)
        (without,) = self.run(explorer, bare, tmp_path / "without", (walker, solid))
        added = np.trace(correction(solid, PBE).virial) / 3 / solid.get_volume() * EV_PER_A3_IN_GPA
        assert added < -1.0
        assert with_d3.pressure[0] - without.pressure[0] == pytest.approx(added, rel=1e-4)
        assert with_d3.max_force_deviation[0] == pytest.approx(
            without.max_force_deviation[0], rel=1e-6
        )

    @pytest.mark.parametrize("cutoffs", [(15.0, 10.0), (30.0, 20.0)])
    def test_what_an_exported_input_adds_is_what_s_dftd3_computes(
        self, committee: Committee, solid: Atoms, tmp_path: Path, cutoffs: tuple[float, float]
    ) -> None:
        d3 = PBE.model_copy(update={"cutoff": cutoffs[0], "cn_cutoff": cutoffs[1]})
        numbers = []
        for dispersion in (d3, None):
            folder = tmp_path / str(dispersion is None)
            folder.mkdir()
            files = nvt_example(
                str(committee.models[0]),
                solid,
                temperature=300.0,
                steps=0,
                elements=committee.elements,
                dispersion=dispersion,
            )
            script = files["in.lammps"].replace(
                "thermo_style    custom step temp press pe ke etotal density",
                f"thermo_style custom step {_COLUMNS} vol\nthermo_modify format float %.17g\n"
                "dump forces all custom 1 forces.dump id fx fy fz\n"
                "dump_modify forces sort id format float %.15g",
            )
            for name, text in {**files, "in.lammps": script}.items():
                (folder / name).write_text(text)
            numbers.append(read(run_by_hand(folder), folder / "forces.dump"))
        energy, pressure, forces = (a - b for a, b in zip(*numbers, strict=True))
        rotation = RestrictedCell.of(solid.cell.array).rotation
        ours = correction(solid, d3)
        assert energy == pytest.approx(ours.energy, rel=3e-6)
        assert forces @ rotation == pytest.approx(ours.forces, abs=1e-6)
        virial = rotation.T @ pressure @ rotation * solid.get_volume()
        assert virial == pytest.approx(ours.virial, rel=1e-5, abs=1e-4)


def read(output: str, dump: Path) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy (eV), pressure tensor (3, 3) in eV/Å3 and forces, in LAMMPS' axes, of a run 0."""
    lines = output.splitlines()
    head = next(i for i, line in enumerate(lines) if line.split()[:2] == ["Step", "PotEng"])
    energy, xx, yy, zz, xy, xz, yz, _ = (float(word) for word in lines[head + 1].split()[1:])
    bars = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return energy, bars * 1e-4 / EV_PER_A3_IN_GPA, np.loadtxt(dump, skiprows=9)[:, 1:]
