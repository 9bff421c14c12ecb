"""A structure of any orientation is taken through a protocol under a DeePMD-kit model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import find_mic
from ase.units import GPa, kB

from al_loop.explore import Committee
from al_loop.glass.make import Network, Protocol, collect_glass, run_glass_job, stage_glass_job
from al_loop.jobfolder import Clock

from .contract import Predict

STEPS = [{"do": "hold", "temperature": 100, "ps": 0.02, "ensemble": "nve"}]


@pytest.mark.engine
def test_a_model_moves_the_atoms_and_they_come_back_as_they_were_turned(
    deepmd_committee: Committee, deepmd_predict: Predict, alloy: Atoms, tmp_path: Path
) -> None:
    asked = {"name": "m", "start": {"kind": "file"}, "steps": STEPS, "thermo": 0.001}
    job = stage_glass_job(
        tmp_path / "job",
        protocol=Protocol.model_validate(asked),
        potential=Network(model=str(deepmd_committee.models[0])),
        sample=0,
        start=alloy,
    )
    run_glass_job(job, Clock())
    made = collect_glass(job)
    assert made.stop == "completed"
    table = made["hold"].thermo()
    _, virial = deepmd_predict(0, alloy)
    kinetic = (3 * len(alloy) - 3) * kB * table["temperature"][0]
    pressure = (np.trace(virial) + kinetic) / (3 * alloy.get_volume()) / GPa
    assert table["temperature"][0] == pytest.approx(100)
    assert table["pressure"][0] == pytest.approx(pressure, rel=1e-3, abs=1e-3)
    np.testing.assert_allclose(made.final.cell.array, alloy.cell.array, atol=1e-8)
    moved, _ = find_mic(made.final.positions - alloy.positions, alloy.cell, pbc=True)
    moved -= moved[0]
    moved, _ = find_mic(moved, alloy.cell, pbc=True)
    assert 0 < np.abs(moved).max() < 0.5
