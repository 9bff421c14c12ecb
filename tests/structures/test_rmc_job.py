"""The job of a box by RMC: a kill costs a cycle, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms

from al_loop import stopping
from al_loop.campaign.rmc import Rmc
from al_loop.errors import JobFolderError, JobStopped
from al_loop.frame import frame_hash, read_frames
from al_loop.jobfolder import Clock, JobFolder
from al_loop.loop.jobs import run_job
from al_loop.structures.rmc.job import collect_rmc, stage_rmc_job
from al_loop.units import density

WISH = Rmc.model_validate(
    {
        "formula": "SiO2",
        "atoms": 24,
        "density": 2.2,
        "target": {"r": [1.0, 1.6, 2.2, 5.0], "g": {"Si-O": [0.0, 8.0, 0.0, 1.0]}},
        "sigma": 1.0,
        "moves": 60,
        "cycles": 4,
        "minimise": {"potential": "bks", "steps": 3},
        "frames": 2,
    }
)


def put_up(folder: Path, *, source: str = "") -> JobFolder:
    return stage_rmc_job(folder, wish=WISH, seed=5, lengths={}, source=source)


def hashes(frames: tuple[Atoms, ...]) -> list[str]:
    return [frame_hash(atoms) for atoms in frames]


def test_a_job_that_was_stopped_gives_what_one_gives_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = put_up(tmp_path / "a")
    run_job(job.path)
    whole = collect_rmc(job)
    assert [one.accepted for one in whole.cycles] == [60] * 4
    assert len(whole.frames) == 2
    assert density(whole.frames[-1]) == pytest.approx(2.2)
    assert whole.cycles[-1].energy is not None

    asked = 0

    def stop_at_the_third(path: Path) -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise JobStopped("asked to", where=path)

    broken = put_up(tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr(stopping, "stop_if_requested", stop_at_the_third)
        with pytest.raises(JobStopped):
            run_job(broken.path)
    assert not (broken.path / "result.json").exists()
    assert len(read_frames(broken.path / "latest.traj")) == 1, "of 2 cycles, the one that is kept"
    assert len(run_job(broken.path).spans) == 2, "two cycles were left to do"
    assert collect_rmc(broken).cycles == whole.cycles
    assert hashes(collect_rmc(broken).frames) == hashes(whole.frames)


def test_a_result_of_another_version_is_told_as_such(tmp_path: Path) -> None:
    folder = put_up(tmp_path)
    folder.finish({"turns": []}, files=[], clock=Clock())
    with pytest.raises(JobFolderError, match="unreadable result"):
        collect_rmc(folder)


def test_another_box_is_not_taken_for_this_one(tmp_path: Path) -> None:
    job = put_up(tmp_path, source="this")
    with pytest.raises(JobFolderError, match="no valid result"):
        collect_rmc(job, source="this")
    with pytest.raises(JobFolderError, match="another box"):
        collect_rmc(job, source="that")
