"""The train job and the evaluate job: staged twice, killed, damaged, diverging."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from al_loop import stopping
from al_loop.campaign import EngineOptions
from al_loop.errors import DatasetError, JobFolderError, JobStopped
from al_loop.frame import read_labelled
from al_loop.jobfolder import Clock, JobFolder
from al_loop.train import (
    Predictor,
    collect_evaluation,
    collect_training,
    errors_of,
    is_written,
    join_data_parts,
    run_evaluate_job,
    run_train_job,
    stage_evaluate_job,
    stage_train_job,
    write_data_part,
    write_training_data,
)
from al_loop.train.data import TEST, TRAIN, read_training_data
from al_loop.train.deepmd import DeepmdOptions
from al_loop.train.linear import LinearOptions, LinearTrainer
from tests.train.silica import ELEMENTS, data_set

OPTIONS = LinearOptions(rcut=4.5, functions=8)
RUNNER = Path(__file__).parent / "run_jobs.py"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_training_data(
        folder, train=data_set(10, seed=1), valid=data_set(2, seed=2), test=data_set(3, seed=3)
    )
    return folder


def write_again(folder: Path) -> None:
    write_training_data(
        folder, train=data_set(10, seed=1), valid=data_set(2, seed=2), test=data_set(3, seed=3)
    )


def stage(
    path: Path,
    data: Path,
    *,
    engine: str = "linear",
    options: EngineOptions = OPTIONS,
    seed: int = 1,
    parent: dict[str, Path] | None = None,
) -> JobFolder:
    return stage_train_job(
        path,
        engine=engine,
        options=options,
        elements=ELEMENTS,
        seed=seed,
        effort=1.0,
        data=data,
        parent=parent,
    )


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Name -> (inode, content): also a rewrite with the same content is seen."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestData:
    def test_written_again_nothing_changes(self, data: Path) -> None:
        before = files(data)
        write_training_data(
            data, train=data_set(10, seed=1), valid=data_set(2, seed=2), test=data_set(3, seed=3)
        )
        assert files(data) == before
        assert set(before) == {"train.traj", "valid.traj", "test.traj", "data.json"}

    def test_an_interrupted_write_is_completed(self, data: Path) -> None:
        before = files(data)
        (data / "test.traj").unlink()
        write_training_data(
            data, train=data_set(10, seed=1), valid=data_set(2, seed=2), test=data_set(3, seed=3)
        )
        assert {name: content for name, (_, content) in files(data).items()} == {
            name: content for name, (_, content) in before.items()
        }

    def test_other_data_are_never_overwritten(self, data: Path) -> None:
        before = files(data)
        with pytest.raises(JobFolderError, match="other data"):
            write_training_data(data, train=data_set(11, seed=1), valid=[], test=[])
        assert files(data) == before

    def test_frames_survive(self, data: Path) -> None:
        for ours, read in zip(
            data_set(10, seed=1), read_labelled(data / "train.traj"), strict=True
        ):
            assert read.energy == ours.energy
            assert np.array_equal(read.forces, ours.forces)
            assert read.virial == pytest.approx(ours.virial, rel=1e-12)

    def test_nan_is_refused_before_anything_is_written(self, tmp_path: Path) -> None:
        good = data_set(2, seed=1)
        with pytest.raises(DatasetError, match=r"test\.traj: frame 1"):
            write_training_data(
                tmp_path / "data",
                train=good,
                valid=good,
                test=[good[0], replace(good[1], energy=float("nan"))],
            )
        assert not (tmp_path / "data").exists()

    def test_parts_are_read_one_after_the_other_and_never_copied(self, tmp_path: Path) -> None:
        frames = data_set(5, seed=4)
        write_data_part(tmp_path / "a", train=frames[:2], valid=[], test=frames[4:])
        write_data_part(tmp_path / "b", train=[], valid=[], test=[])
        write_data_part(tmp_path / "c", train=frames[2:4], valid=[], test=[])
        for _ in range(2):
            join_data_parts(tmp_path / "data", [tmp_path / part for part in "abc"])
        read = read_training_data(tmp_path / "data", TRAIN)
        assert [one.energy for one in read] == [one.energy for one in frames[:4]]
        assert len(read_training_data(tmp_path / "data", TEST)) == 1
        assert set(files(tmp_path / "data")) == {"data.json"}
        with pytest.raises(JobFolderError, match="other data"):
            join_data_parts(tmp_path / "data", [tmp_path / "a"])

    def test_parts_without_a_frame_to_train_on_are_refused(self, tmp_path: Path) -> None:
        write_data_part(tmp_path / "a", train=[], valid=[], test=data_set(2, seed=1))
        with pytest.raises(DatasetError, match="no frame"):
            join_data_parts(tmp_path / "data", [tmp_path / "a"])

    def test_nothing_to_train_on_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="no frame"):
            write_training_data(tmp_path / "data", train=[], valid=[], test=[])


class TestStage:
    def test_staged_again_nothing_changes(self, tmp_path: Path, data: Path) -> None:
        parent = stage(tmp_path / "parent", data)
        run_train_job(parent, Clock())
        restart = {"model.json": parent.path / "model.json"}
        stage(tmp_path / "member", data, parent=restart)
        before = files(tmp_path / "member")
        assert set(before) == {"job.json", "parent/model.json"}
        stage(tmp_path / "member", data, parent=restart)
        assert files(tmp_path / "member") == before

    def test_inputs_are_vouched_for(self, tmp_path: Path, data: Path) -> None:
        folder = stage(tmp_path / "member", data)
        assert set(folder.spec().inputs) == {"../data/data.json"}
        (data / "data.json").write_text("something else")
        with pytest.raises(JobFolderError, match="has changed"):
            run_train_job(folder, Clock())

    @pytest.mark.parametrize("name", ["train.traj", "valid.traj", "test.traj"])
    def test_damaged_data_are_noticed_and_written_again(
        self, tmp_path: Path, data: Path, name: str
    ) -> None:
        join_data_parts(tmp_path / "joined", [data])
        folder = stage(tmp_path / "member", tmp_path / "joined")
        whole = (data / name).read_bytes()
        (data / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(JobFolderError, match="training data are missing or have changed"):
            run_train_job(folder, Clock())
        assert not is_written(data)
        with pytest.raises(JobFolderError, match="missing"):  # so that it is staged again
            folder.check_inputs()
        with pytest.raises(JobFolderError, match="other data"):
            write_again(data)
        (data / name).unlink()
        write_again(data)
        join_data_parts(tmp_path / "joined", [data])
        run_train_job(stage(tmp_path / "member", tmp_path / "joined"), Clock())

    def test_a_half_staged_folder_is_completed(self, tmp_path: Path, data: Path) -> None:
        model = tmp_path / "model.json"
        model.write_text("a predecessor")
        (tmp_path / "member" / "parent").mkdir(parents=True)
        (tmp_path / "member" / "parent" / "model.json").write_text("a pre")
        folder = stage(tmp_path / "member", data, parent={"model.json": model})
        folder.check_inputs()

    def test_another_job_is_never_overwritten(self, tmp_path: Path, data: Path) -> None:
        stage(tmp_path / "member", data)
        with pytest.raises(JobFolderError, match="another job"):
            stage(tmp_path / "member", data, seed=2)

    def test_another_parent_is_never_overwritten(self, tmp_path: Path, data: Path) -> None:
        one, two = tmp_path / "one.json", tmp_path / "two.json"
        one.write_text("one")
        two.write_text("two")
        stage(tmp_path / "member", data, parent={"model.json": one})
        with pytest.raises(JobFolderError, match="another job"):
            stage(tmp_path / "member", data, parent={"model.json": two})
        assert (tmp_path / "member" / "parent" / "model.json").read_text() == "one"

    def test_two_processes_may_stage_at_once(self, tmp_path: Path, data: Path) -> None:
        model = tmp_path / "model.json"
        model.write_text("a predecessor")
        context = get_context("spawn")
        processes = [
            context.Process(
                target=stage, args=(tmp_path / "member", data), kwargs={"parent": {"m": model}}
            )
            for _ in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        JobFolder(tmp_path / "member").check_inputs()


class TestRun:
    def test_member_and_its_errors(self, tmp_path: Path, data: Path) -> None:
        folder = stage(tmp_path / "member", data)
        run_train_job(folder, Clock())
        outcome = collect_training(folder)
        assert outcome.state == "ok"
        assert outcome.member is not None
        predictor = LinearTrainer.predictor(folder.path / outcome.member.model, ELEMENTS)
        assert outcome.test == errors_of(predictor, read_labelled(data / "test.traj"))
        assert outcome.valid.frames == 2
        assert outcome.seconds > 0
        assert "linear" in outcome.program

    def test_no_held_out_frames(self, tmp_path: Path) -> None:
        write_training_data(tmp_path / "data", train=data_set(4, seed=1), valid=[], test=[])
        folder = stage(tmp_path / "member", tmp_path / "data")
        run_train_job(folder, Clock())
        assert collect_training(folder).test.force_rmse is None

    def test_a_valid_result_is_returned_without_training(self, tmp_path: Path, data: Path) -> None:
        folder = stage(tmp_path / "member", data)
        first = run_train_job(folder, Clock())
        before = files(folder.path)
        assert run_train_job(folder, Clock()) == first
        assert files(folder.path) == before

    @pytest.mark.parametrize("damage", ["result.json", "model.json"])
    def test_a_truncated_result_is_computed_again(
        self, tmp_path: Path, data: Path, damage: str
    ) -> None:
        folder = stage(tmp_path / "member", data)
        run_train_job(folder, Clock())
        good = collect_training(folder)
        file = folder.path / damage
        file.write_bytes(file.read_bytes()[:-20])
        with pytest.raises(JobFolderError, match="no valid result"):
            collect_training(folder)
        run_train_job(folder, Clock())
        assert collect_training(folder).test == good.test

    def test_a_model_that_predicts_infinity_is_recorded_as_failed(self, tmp_path: Path) -> None:
        frames = [
            replace(frame, forces=frame.forces * 1e305 / np.abs(frame.forces).max())
            for frame in data_set(4, seed=1)
        ]
        write_training_data(tmp_path / "data", train=frames, valid=[], test=frames)
        folder = stage(tmp_path / "member", tmp_path / "data")
        run_train_job(folder, Clock())
        outcome = collect_training(folder)
        assert outcome.state == "failed"
        assert outcome.reason == "model-not-finite"
        assert outcome.member is None
        assert outcome.remedy

    def test_a_train_job_is_no_evaluate_job(self, tmp_path: Path, data: Path) -> None:
        folder = stage(tmp_path / "member", data)
        with pytest.raises(JobFolderError, match="a job of kind 'train'"):
            run_evaluate_job(folder, Clock())


class TestEvaluate:
    @pytest.fixture
    def models(self, tmp_path: Path, data: Path) -> dict[str, Path]:
        found = {}
        for seed in (1, 2):
            member = stage(tmp_path / f"member-{seed}", data, seed=seed)
            run_train_job(member, Clock())
            found[f"member-{seed}"] = member.path / "model.json"
        return found

    def staged(self, tmp_path: Path, models: dict[str, Path]) -> JobFolder:
        return stage_evaluate_job(
            tmp_path / "evaluate",
            engine="linear",
            options=OPTIONS,
            elements=ELEMENTS,
            models=models,
            data=tmp_path / "data",
        )

    def test_models_on_the_same_frames(self, tmp_path: Path, models: dict[str, Path]) -> None:
        folder = self.staged(tmp_path, models)
        before = files(folder.path)
        self.staged(tmp_path, models)
        assert files(folder.path) == before
        result = run_evaluate_job(folder, Clock())
        assert run_evaluate_job(folder, Clock()) == result
        errors = collect_evaluation(folder).errors
        assert errors["member-1"] == collect_training(JobFolder(tmp_path / "member-1")).test
        assert errors["member-2"] == collect_training(JobFolder(tmp_path / "member-2")).test

    def test_a_stopped_job_goes_on_with_the_next_model(
        self, tmp_path: Path, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = self.staged(tmp_path, models)
        looks = iter([False])
        with monkeypatch.context() as patch, pytest.raises(JobStopped):
            patch.setattr(stopping, "requested", lambda: next(looks, True))
            run_evaluate_job(folder, Clock())
        loaded = []
        predictor = LinearTrainer.predictor

        def load(model: Path, elements: tuple[str, ...]) -> Predictor:
            loaded.append(model.stem)
            return predictor(model, elements)

        monkeypatch.setattr(LinearTrainer, "predictor", staticmethod(load))
        run_evaluate_job(folder, Clock())
        assert loaded == ["member-2"]
        errors = collect_evaluation(folder).errors
        assert errors["member-1"] == collect_training(JobFolder(tmp_path / "member-1")).test
        assert errors["member-2"] == collect_training(JobFolder(tmp_path / "member-2")).test

    def test_a_job_that_is_asked_to_stop_does_not_begin_to_train(
        self, tmp_path: Path, data: Path
    ) -> None:
        folder = stage(tmp_path / "member", data)
        with stopping.listening(folder.path), pytest.raises(JobStopped):
            stopping.request()
            run_train_job(folder, Clock())
        assert not (folder.path / "model.json").exists()


DEEPMD = DeepmdOptions(
    rcut=4.0,
    neuron=(4, 8),
    axis_neuron=4,
    fitting_neuron=(10, 10),
    steps=1000,
    stop_lr=1e-5,
    display_every=500,
    checkpoint_seconds=0.1,
)


@pytest.mark.engine
def test_killed_in_mid_training_it_goes_on(tmp_path: Path, data: Path) -> None:
    folder = stage(tmp_path / "member", data, engine="deepmd", options=DEEPMD)
    command = [sys.executable, str(RUNNER), str(folder.path)]
    log = tmp_path / "runner.log"
    with log.open("w") as stream:
        process = subprocess.Popen(command, stderr=stream, env=os.environ)
        deadline = time.monotonic() + 120
        while not (folder.path / "checkpoints" / "checkpoint").exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert folder.result() is None
    assert not folder.is_running()

    subprocess.run(command, check=True, capture_output=True, env=os.environ)
    assert collect_training(folder).state == "ok"
    words = (folder.path / "train.log").read_text()
    assert words.count("al_loop: cold start") == 1
    assert words.count("al_loop: goes on from") == 1


@pytest.mark.engine
def test_diverging_training_is_recorded_as_failed(tmp_path: Path, data: Path) -> None:
    wild = DEEPMD.model_copy(
        update={"start_lr": 1e30, "stop_lr": 1e29, "steps": 20, "precision": "float32"}
    )
    wild = wild.model_copy(update={"warm_lr": 1e30})
    folder = stage(tmp_path / "member", data, engine="deepmd", options=wild)
    run_train_job(folder, Clock())
    outcome = collect_training(folder)
    assert (outcome.state, outcome.reason) == ("failed", "training-diverged")
    assert run_train_job(folder, Clock()).payload["state"] == "failed"
