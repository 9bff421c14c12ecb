"""What a try that fails means: for the job, or only for its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.errors import MachineError
from al_loop.jobfolder import JobFolder
from al_loop.launch.tasks import MAX_TRIES, ComputeTask


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComputeTask:
    monkeypatch.setattr(ComputeTask, "import_once", False)
    folder = tmp_path / "chunk-000"
    folder.mkdir()
    return ComputeTask(folder=str(folder), engines={})


def tries(folder: Path) -> int:
    return (folder / "job.log").read_text().count("Traceback")


def test_a_folder_that_was_taken_away_is_no_failure_of_its_job(task: ComputeTask) -> None:
    folder = Path(task["folder"])
    with pytest.raises(MachineError, match="not a job folder"):
        task.run_task({})
    assert JobFolder(folder).failures() == []
    assert tries(folder) == 1  # it has to be written again first


def test_a_damaged_folder_is_written_down_and_not_tried_again_in_place(task: ComputeTask) -> None:
    folder = Path(task["folder"])
    (folder / "frames.traj").write_text("what was staged")
    JobFolder.create(folder, kind="label", engine="pair", inputs=["frames.traj"])
    (folder / "frames.traj").write_text("something else")
    with pytest.raises(MachineError):
        task.run_task({})
    assert len(JobFolder(folder).failures()) == tries(folder) == 1


def test_a_job_that_fails_in_a_whole_folder_is_tried_again_in_place(task: ComputeTask) -> None:
    folder = Path(task["folder"])
    JobFolder.create(folder, kind="label", engine="no-such-engine", params={"frames": []})
    with pytest.raises(MachineError):
        task.run_task({})
    assert len(JobFolder(folder).failures()) == tries(folder) == MAX_TRIES
