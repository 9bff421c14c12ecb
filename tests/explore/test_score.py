"""The score job: a committee's deviation on given frames, whatever happens to the job."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop import stopping
from al_loop.errors import DatasetError, EngineMissing, JobFolderError, JobStopped
from al_loop.explore import (
    Committee,
    collect_scores,
    run_score_job,
    score,
    stage_score_job,
)
from al_loop.frame import frame_hash
from al_loop.jobfolder import Clock, JobFolder, JobResult
from al_loop.loop.jobs import run_job
from al_loop.train import TrainingTask
from al_loop.train.linear import LinearOptions, LinearTrainer
from tests.train.silica import ELEMENTS, data_set


@pytest.fixture(scope="module")
def committee(tmp_path_factory: pytest.TempPathFactory) -> Committee:
    """Three linear potentials of silica."""
    trainer = LinearTrainer(LinearOptions(rcut=5.0))
    models = []
    for seed in range(3):
        folder = tmp_path_factory.mktemp("member")
        task = TrainingTask(ELEMENTS, seed, data_set(12, seed=1), [], None, 1.0)
        models.append(folder / trainer.train(task, folder, Clock()).model)
    return Committee("linear", "linear", ELEMENTS, tuple(models))


@pytest.fixture
def frames() -> dict[str, Atoms]:
    found = [labelled.atoms for labelled in data_set(5, seed=3)]
    return {frame_hash(atoms): atoms for atoms in found}


def run(folder: JobFolder, clock: Clock | None = None) -> JobResult:
    with folder.lock():
        return run_score_job(folder, clock or Clock())


def test_scores_are_the_committees_maximum_force_deviation(
    committee: Committee, frames: dict[str, Atoms], tmp_path: Path
) -> None:
    folder = stage_score_job(tmp_path / "j", committee=committee, frames=frames)
    run_job(folder.path)
    scores = collect_scores(folder)
    assert set(scores) == set(frames)
    for name, atoms in frames.items():
        forces = np.array(
            [LinearTrainer.predictor(m, ELEMENTS).predict(atoms)[1] for m in committee.models]
        )
        spread = [  # written out: sqrt of the mean over members of |F - <F>|^2, atom by atom
            math.sqrt(np.mean([np.sum((f[i] - forces[:, i].mean(0)) ** 2) for f in forces]))
            for i in range(len(atoms))
        ]
        assert scores[name] == pytest.approx(max(spread), rel=1e-9)
        assert scores[name] > 0
    result = folder.result()
    assert result is not None
    assert [span.what for span in result.spans] == ["compute"]


def test_a_deviation_that_is_not_a_number_survives(
    committee: Committee, frames: dict[str, Atoms], tmp_path: Path
) -> None:
    bad = next(iter(frames.values())).copy()
    bad.positions[1] = bad.positions[0]
    folder = stage_score_job(tmp_path / "j", committee=committee, frames={**frames, "twins": bad})
    result = run(folder)
    assert result.payload["deviations"]["twins"] is None
    scores = collect_scores(folder)
    assert math.isnan(scores["twins"])
    assert all(math.isfinite(scores[name]) for name in frames)


def test_models_are_referred_to_and_not_copied(
    committee: Committee, frames: dict[str, Atoms], tmp_path: Path
) -> None:
    folder = stage_score_job(tmp_path / "j", committee=committee, frames=frames)
    assert sorted(p.name for p in folder.path.iterdir()) == ["frames.traj", "job.json"]
    spec = folder.spec()
    assert (spec.kind, spec.engine, len(spec.inputs)) == ("score", "linear", 4)


def test_staging_twice_changes_nothing_and_another_job_is_refused(
    committee: Committee, frames: dict[str, Atoms], tmp_path: Path
) -> None:
    folder = stage_score_job(tmp_path / "j", committee=committee, frames=frames)
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.path.iterdir()}
    stage_score_job(tmp_path / "j", committee=committee, frames=dict(reversed(frames.items())))
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.path.iterdir()} == before
    fewer = dict(list(frames.items())[1:])
    smaller = replace(committee, models=committee.models[1:])
    with pytest.raises(JobFolderError, match="another job"):
        stage_score_job(tmp_path / "j", committee=committee, frames=fewer)
    with pytest.raises(JobFolderError, match="another job"):
        stage_score_job(tmp_path / "j", committee=smaller, frames=frames)
    with pytest.raises(DatasetError):
        stage_score_job(tmp_path / "k", committee=committee, frames={})


def test_a_stopped_job_goes_on_and_scores_each_frame_once(
    committee: Committee,
    frames: dict[str, Atoms],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = stage_score_job(tmp_path / "whole", committee=committee, frames=frames)
    run(whole)
    folder = stage_score_job(tmp_path / "j", committee=committee, frames=frames)
    computed = []
    deviation = score._deviation

    def count_and_stop(atoms: Atoms, members: list[object]) -> float:
        computed.append(frame_hash(atoms))
        if len(computed) == 2:
            stopping.request()
        return deviation(atoms, members)  # type: ignore[arg-type]

    monkeypatch.setattr(score, "_deviation", count_and_stop)
    with stopping.listening(folder.path), pytest.raises(JobStopped):
        run(folder)
    assert len(computed) == 2
    run(folder)
    assert sorted(computed) == sorted(frames)
    assert collect_scores(folder) == collect_scores(whole)


def test_a_line_that_a_kill_cut_short_is_scored_again(
    committee: Committee, frames: dict[str, Atoms], tmp_path: Path
) -> None:
    folder = stage_score_job(tmp_path / "j", committee=committee, frames=frames)
    run(folder)
    expected = collect_scores(folder)
    (folder.path / "result.json").unlink()
    done = folder.path / "scores.jsonl"
    done.write_text(done.read_text()[:-12])
    clock = Clock()
    run(folder, clock)
    assert collect_scores(folder) == expected
    rows = [line for line in done.read_text().splitlines() if line]
    assert len(rows) == len(frames) + 1
    assert json.loads(rows[-1])["frame"] == sorted(frames)[-1]
    assert len(clock.spans) == 1


def test_an_element_without_potential_is_refused(committee: Committee, tmp_path: Path) -> None:
    xenon = Atoms("Xe2", positions=[[0, 0, 0], [4, 0, 0]], cell=[9, 9, 9], pbc=True)
    folder = stage_score_job(tmp_path / "j", committee=committee, frames={"x": xenon})
    with pytest.raises(EngineMissing, match="Xe"):
        run(folder)


def test_scores_need_a_result_of_a_score_job(
    committee: Committee, frames: dict[str, Atoms], tmp_path: Path
) -> None:
    folder = stage_score_job(tmp_path / "j", committee=committee, frames=frames)
    with pytest.raises(JobFolderError, match="no valid result"):
        collect_scores(folder)
    other = JobFolder.create(tmp_path / "o", kind="train", engine="linear")
    with pytest.raises(JobFolderError, match="train"):
        run(other)
    other.finish({"anything": 1}, files=[], clock=Clock())
    with pytest.raises(JobFolderError, match="score job"):
        collect_scores(other)
