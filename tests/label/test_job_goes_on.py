"""The label job: asked to stop, with frames that crash, and with frames no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop import stopping
from al_loop.errors import EngineCrashed, JobFolderError, JobStopped, MachineError
from al_loop.hashing import digest
from al_loop.jobfolder import JobFolder
from al_loop.label import (
    LabelSummary,
    collect_labels,
    collect_partial,
    skip_frames,
    stage_label_job,
)
from al_loop.launch.child import run_job_in_child

from .chunks import Tethered, chunk, computed, run, stage

pytestmark = pytest.mark.usefixtures("test_engines")

METHOD = digest({"engine": "tether", "k": 1.0})


def symbol(frames: dict[str, Atoms], name: str) -> str:
    return str(frames[name].symbols[0])


def crash_and_note(folder: JobFolder, kind: str = "engine-crashed") -> None:
    """What a worker does when it sees a job fail."""
    with pytest.raises(EngineCrashed) as caught:
        run(folder)
    folder.note_failure(kind, str(caught.value))


def after(name: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something as soon as a frame's outcome is on disk."""
    from al_loop.label import chunk as module

    write = module.write_record

    def write_and_act(path: Path, record: module.Record) -> None:
        write(path, record)
        if path.stem == name:
            act()

    monkeypatch.setattr(module, "write_record", write_and_act)


# -- asked to stop


def test_a_stopped_chunk_goes_on_at_the_next_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = chunk(*["Si"] * 5)
    order = sorted(frames)
    folder = stage(tmp_path / "j", frames)
    with monkeypatch.context() as patch, stopping.listening(folder.path):
        after(order[1], stopping.request, patch)
        with pytest.raises(JobStopped):
            run(folder)
    assert computed(folder) == order[:2]
    assert folder.failures() == []
    run(folder)
    assert computed(folder) == order
    undisturbed = stage(tmp_path / "u", frames)
    run(undisturbed)
    for one, two in zip(collect_labels(folder), collect_labels(undisturbed), strict=True):
        assert one.frame == two.frame
        assert one.label is not None
        assert two.label is not None
        assert np.array_equal(one.label.forces, two.label.forces)


def test_a_chunk_with_nothing_left_to_compute_ends_though_it_is_asked_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = chunk("Si", "O")
    folder = stage(tmp_path / "j", frames)
    with monkeypatch.context() as patch, stopping.listening(folder.path):
        after(sorted(frames)[-1], stopping.request, patch)
        run(folder)
    assert folder.result() is not None


# -- frames that crash


def test_a_frame_that_crashes_three_times_is_given_up_and_the_chunk_goes_on(
    tmp_path: Path,
) -> None:
    """With the worker's own processes, as in a campaign."""
    frames = chunk("Si", "Kr", "O")
    folder = stage(tmp_path / "j", frames)
    for _ in range(3):
        with pytest.raises(MachineError):
            run_job_in_child(folder.path)
    run_job_in_child(folder.path)
    outcomes = {symbol(frames, x.frame): x for x in collect_labels(folder)}
    assert {s: x.state for s, x in outcomes.items()} == {"Si": "ok", "Kr": "failed", "O": "ok"}
    bad = outcomes["Kr"]
    assert (bad.reason, bad.label) == ("out-of-memory", None)  # what the engine said
    assert "3 times" in bad.detail
    assert "out of memory" in bad.detail
    assert "memory" in bad.remedy
    result = folder.result()
    assert result is not None
    assert LabelSummary.model_validate(result.payload).failed == {"out-of-memory": 1}


def test_two_poisonous_frames_are_each_given_up(tmp_path: Path) -> None:
    frames = chunk("Kr", "Si", "Kr")
    folder = stage(tmp_path / "j", frames)
    for _ in range(6):
        crash_and_note(folder)
    run(folder)
    states = [(symbol(frames, x.frame), x.state) for x in collect_labels(folder)]
    assert sorted(states) == [("Kr", "failed"), ("Kr", "failed"), ("Si", "ok")]


@pytest.mark.parametrize("kind", ["disk-full", "engine-missing"])
def test_a_fault_of_the_site_is_not_laid_at_the_frames_door(tmp_path: Path, kind: str) -> None:
    folder = stage(tmp_path / "j", chunk("Kr"))
    for _ in range(4):
        crash_and_note(folder, kind)
    assert folder.result() is None


def test_a_failure_before_any_frame_blames_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame of the try before is not the one that this try was busy with."""
    frames = chunk("Kr")
    folder = stage(tmp_path / "j", frames)
    crash_and_note(folder)

    def broken(*_: object) -> None:
        raise EngineCrashed("a library is damaged")

    monkeypatch.setattr("al_loop.label.job.make_engine", broken)
    crash_and_note(folder)
    assert [failure.item for failure in folder.failures()] == [next(iter(frames)), ""]


def test_a_frame_is_tried_again_when_its_crashes_are_forgiven(tmp_path: Path) -> None:
    frames = chunk("Kr", "Si")
    folder = stage(tmp_path / "j", frames)
    for _ in range(3):
        crash_and_note(folder)
    folder.forgive()
    crash_and_note(folder)
    assert [failure.item for failure in folder.failures()] == [
        name for name in frames if symbol(frames, name) == "Kr"
    ]


# -- frames that are no longer wanted


def test_a_frame_that_is_no_longer_wanted_is_dropped_without_computing(tmp_path: Path) -> None:
    frames = chunk("Si", "O", "Ti")
    folder = stage(tmp_path / "j", frames)
    unwanted = sorted(frames)[1]
    skip_frames(folder, [unwanted])
    result = run(folder)
    assert computed(folder) == [name for name in sorted(frames) if name != unwanted]
    outcomes = {x.frame: x for x in collect_labels(folder)}
    assert (outcomes[unwanted].state, outcomes[unwanted].label) == ("dropped", None)
    assert outcomes[unwanted].seconds == 0.0
    summary = LabelSummary.model_validate(result.payload)
    assert (summary.dropped, summary.ok + sum(summary.failed.values())) == (1, 2)


def test_frames_can_be_dropped_while_the_job_runs_but_not_those_that_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = chunk(*["Si"] * 4)
    order = sorted(frames)
    folder = stage(tmp_path / "j", frames)
    after(order[0], lambda: skip_frames(folder, [order[0], order[2]]), monkeypatch)
    run(folder)
    assert [x.state for x in collect_labels(folder)] == ["ok", "ok", "dropped", "ok"]


def test_a_chunk_of_dropped_frames_needs_no_labeller(tmp_path: Path) -> None:
    frames = chunk("Si", "O")
    folder = stage_label_job(tmp_path / "j", engine="absent", options=Tethered(), frames=frames)
    skip_frames(folder, frames)
    summary = LabelSummary.model_validate(run(folder).payload)
    assert (summary.dropped, summary.ok, summary.fingerprint) == (2, 0, {})


def test_what_was_to_be_dropped_before_stays_so(tmp_path: Path) -> None:
    frames = chunk("Si", "O", "Ti")
    folder = stage(tmp_path / "j", frames)
    for name in frames:
        skip_frames(folder, [name])
    skip_frames(folder, [])
    assert (folder.path / "skip.txt").read_text().split() == sorted(frames)
    assert LabelSummary.model_validate(run(folder).payload).dropped == 3


def test_frames_of_a_job_that_is_not_there_cannot_be_dropped(tmp_path: Path) -> None:
    with pytest.raises(JobFolderError, match="no such job folder"):
        skip_frames(JobFolder(tmp_path / "none"), ["a" * 64])


# -- salvage


def test_labels_of_an_unfinished_chunk_can_be_saved(tmp_path: Path) -> None:
    frames = chunk(*["Si"] * 3, "Ge", "Kr")
    folder = stage(tmp_path / "j", frames)
    assert collect_partial(folder, method=METHOD) == []
    for _ in range(3):
        crash_and_note(folder)
    before_the_crash = sorted(frames)[: sorted(frames).index(_first(frames, "Kr"))]
    assert before_the_crash
    found = collect_partial(folder, method=METHOD)
    assert [x.frame for x in found] == before_the_crash
    for outcome in found:
        if symbol(frames, outcome.frame) == "Si":
            assert outcome.label is not None
            assert np.array_equal(outcome.label.forces, -frames[outcome.frame].positions)


def test_only_whole_records_of_this_job_and_method_are_saved(tmp_path: Path) -> None:
    frames, others = chunk("Si", "O", "Ti"), chunk("H", "H", "H", "H")
    folder, other = stage(tmp_path / "j", frames), stage(tmp_path / "o", others)
    run(folder)
    run(other)
    labels = folder.path / "labels"
    for file in (other.path / "labels").iterdir():  # strangers, also under a name of ours
        (labels / file.name).write_bytes(file.read_bytes())
    first, second, third = sorted(frames)
    (labels / f"{first}.npz").write_bytes((labels / f"{sorted(others)[0]}.npz").read_bytes())
    torn = labels / f"{second}.npz"
    torn.write_bytes(torn.read_bytes()[:-40])
    assert [x.frame for x in collect_partial(folder, method=METHOD)] == [third]
    assert collect_partial(folder, method="another") == []


def test_labels_of_another_kind_of_job_cannot_be_saved(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path / "j", kind="explore", engine="tether")
    with pytest.raises(JobFolderError, match="label job"):
        collect_partial(folder, method=METHOD)


def _first(frames: dict[str, Atoms], wanted: str) -> str:
    return next(name for name in sorted(frames) if symbol(frames, name) == wanted)
