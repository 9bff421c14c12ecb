"""The job of the stage ``validate``: by LAMMPS under DeePMD-kit models, and when it explodes."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.explore import Committee, Walker
from al_loop.explore.ase_md import AseOptions
from al_loop.explore.lammps import LammpsOptions
from al_loop.explore.legs import Leg
from al_loop.frame import read_frames
from al_loop.jobfolder import Clock
from al_loop.loop.glassmaking import (
    ValidatePayload,
    collect_validation,
    run_validate_job,
    stage_validate_job,
)
from al_loop.units import density

pytestmark = pytest.mark.engine


def test_lammps_melts_quenches_and_holds(
    tmp_path: Path, deepmd_committee: Committee, alloy: Atoms
) -> None:
    folder = stage_validate_job(
        tmp_path / "glass",
        engine="lammps",
        options=LammpsOptions(),
        box=alloy,
        way=Walker(
            name="way",
            legs=(
                Leg(steps=20, ensemble="nvt", temperature=(600, 600)),
                Leg(steps=60, ensemble="npt", temperature=(600, 300)),
            ),
            sample_every=10,
            seed=3,
        ),
        hold=Walker(
            name="hold",
            legs=(Leg(steps=30, ensemble="npt", temperature=(300, 300)),),
            sample_every=5,
            seed=4,
        ),
        melted=20,
        skip=2,
        temperature_factor=4.0,
        committee=deepmd_committee,
    )
    run_validate_job(folder, Clock())
    made = collect_validation(folder)
    assert (made.stop, made.detail) == ("completed", "")
    program = folder.payload("validate", ValidatePayload).program
    plugin = version("deepmd-kit")
    assert re.fullmatch(rf"LAMMPS \d+ \w+ \d+.*, DeePMD-kit's plug-in {plugin}", program), program
    # samples 10, 20 of the melt; 30 to 80 on the way; the end of the hold
    assert [one.phase for one, _ in made.states] == ["melt"] * 2 + ["path"] * 6 + ["glass"]
    assert [one.temperature for one, _ in made.states] == pytest.approx(
        [600, 600, 550, 500, 450, 400, 350, 300, 300]
    )
    assert all(one.deviation > 0 for one, _ in made.states)
    assert made.glass is not None
    frames = read_frames(made.glass)
    assert (made.frames, len(frames), made.interval) == (5, 5, 0.005)
    (start,) = read_frames(folder.path / "relaxed.traj")
    melt, end = made.states[1][1], made.states[-1][1]
    assert density(melt) == pytest.approx(density(start), rel=1e-9), "the melt keeps its volume"
    assert density(end) != pytest.approx(density(start), rel=1e-6), "the glass finds its own"
    before = made.states[-2][1]
    moved = np.linalg.norm(frames[0].get_positions() - before.get_positions(), axis=1)
    assert np.median(moved) < 0.5, "it is held from where the way has ended"


def test_a_glass_that_explodes_is_a_result_with_the_states_before(
    tmp_path: Path, lj_committee: Committee, argon: Atoms
) -> None:
    """Argon heated beyond four times the temperature that it is to have on the way down."""
    folder = stage_validate_job(
        tmp_path / "glass",
        engine="ase",
        options=AseOptions(),
        box=argon,
        way=Walker(
            name="way",
            legs=(
                Leg(steps=20, ensemble="nvt", temperature=(6000, 6000)),
                Leg(steps=20, ensemble="nvt", temperature=(6000, 1)),
            ),
            sample_every=5,
            seed=3,
        ),
        hold=Walker.at("hold", ensemble="nvt", temperature=1, steps=10, sample_every=5, seed=4),
        melted=20,
        skip=1,
        temperature_factor=1.1,
        committee=lj_committee,
    )
    run_validate_job(folder, Clock())
    made = collect_validation(folder)
    assert made.stop == "temperature" and "K >" in made.detail
    assert (made.glass, made.frames) == (None, 0)
    assert made.states and {one.phase for one, _ in made.states} <= {"melt", "path"}


def test_a_melt_that_explodes_at_once_leaves_the_relaxed_box(
    tmp_path: Path, lj_committee: Committee, argon: Atoms
) -> None:
    """Not the random one: its contacts would be a start for walkers, and then a label."""
    box = argon.copy()
    box.positions[1] = box.positions[0] + [2.2, 0, 0]
    folder = stage_validate_job(
        tmp_path / "glass",
        engine="ase",
        options=AseOptions(),
        box=box,
        way=Walker.at("way", ensemble="nvt", temperature=1e6, steps=20, sample_every=5, seed=3),
        hold=Walker.at("hold", ensemble="nvt", temperature=1, steps=10, sample_every=5, seed=4),
        melted=20,
        skip=1,
        temperature_factor=1.0,
        committee=lj_committee,
    )
    run_validate_job(folder, Clock())
    made = collect_validation(folder)
    assert made.stop != "completed"
    ((state, atoms),) = made.states
    (relaxed,) = read_frames(folder.path / "relaxed.traj")
    assert state.phase == "melt"
    assert atoms.get_distance(0, 1, mic=True) == pytest.approx(relaxed.get_distance(0, 1, mic=True))
    assert atoms.get_distance(0, 1, mic=True) > 2.3
