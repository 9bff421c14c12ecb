"""The label job: its labels, its faults, its folder staged twice, damaged or foreign."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from al_loop.campaign.engines import make_engine
from al_loop.errors import DatasetError, EngineCrashed, EngineMissing, JobFolderError
from al_loop.frame import frame_hash, read_frames
from al_loop.jobfolder import Clock, JobFolder
from al_loop.label import LabelSummary, collect_labels, run_label_job, stage_label_job
from al_loop.label.pair import PairLabeller, PairOptions

from .chunks import Tethered, chunk, computed, run, silica, stage
from .structures import cristobalite

pytestmark = pytest.mark.usefixtures("test_engines")


# -- a chunk


def test_labels_are_those_of_the_engine(tmp_path: Path) -> None:
    frames = silica(3)
    folder = stage_label_job(tmp_path / "j", engine="pair", options=PairOptions(), frames=frames)
    clock = Clock()
    with folder.lock():
        result = run_label_job(folder, clock)
    outcomes = collect_labels(folder)
    assert [outcome.frame for outcome in outcomes] == sorted(frames)
    labeller = PairLabeller(PairOptions())
    for outcome in outcomes:
        direct = labeller.label(frames[outcome.frame], tmp_path)
        assert outcome.label is not None
        assert outcome.label.virial is not None
        assert direct.virial is not None
        assert outcome.label.energy == direct.energy
        assert np.array_equal(outcome.label.forces, direct.forces)
        assert np.array_equal(outcome.label.virial, direct.virial)
        assert outcome.seconds > 0
        assert (outcome.state, outcome.reason, outcome.cores) == ("ok", "", 1)
    assert [span.what for span in clock.spans] == ["compute"] * 3
    assert result.spans == tuple(clock.spans)
    summary = LabelSummary.model_validate(result.payload)
    assert (summary.ok, summary.failed) == (3, {})
    assert summary.fingerprint == dict(labeller.fingerprint())
    assert summary.program == labeller.check()


def test_frames_are_staged_bare_and_to_the_last_bit(tmp_path: Path) -> None:
    atoms = cristobalite(cubic=True, seed=1)
    atoms.info["note"] = "not part of a frame"
    atoms.set_velocities(np.ones((len(atoms), 3)))
    folder = stage(tmp_path / "j", {frame_hash(atoms): atoms})
    (staged,) = read_frames(folder.path / "frames.traj")
    assert np.array_equal(staged.positions, atoms.positions)
    assert np.array_equal(staged.cell.array, atoms.cell.array)
    assert not staged.info
    assert not staged.has("momenta")


def test_a_chunk_needs_a_frame(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        stage(tmp_path / "j", {})


def test_a_finished_job_is_returned_as_it_is(tmp_path: Path) -> None:
    folder = stage(tmp_path / "j", chunk("Si", "Si"))
    first = run(folder)
    (folder.path / "frames.traj").unlink()
    assert run(folder) == first
    assert len(computed(folder)) == 2


def test_scratch_goes_after_success_and_stays_after_a_fault(tmp_path: Path) -> None:
    good = stage(tmp_path / "good", chunk("Si"))
    run(good)
    assert not (good.path / "scratch").exists()
    frames = chunk("Ge")
    bad = stage(tmp_path / "bad", frames)
    run(bad)
    assert [file.name for file in (bad.path / "scratch" / next(iter(frames))).iterdir()] == [
        "output"
    ]


# -- faults are results


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [("Ge", "no-ge"), ("Sn", "not-finite"), ("Pb", "not-finite"), ("Ti", "bad-shape")],
)
def test_a_frame_without_a_label_is_recorded_and_the_chunk_goes_on(
    tmp_path: Path, symbol: str, reason: str
) -> None:
    frames = chunk("Si", symbol, "O")
    folder = stage(tmp_path / "j", frames)
    result = run(folder)
    outcomes = {str(frames[x.frame].symbols[0]): x for x in collect_labels(folder)}
    failed = outcomes[symbol]
    assert (failed.state, failed.reason, failed.label) == ("failed", reason, None)
    assert failed.detail
    assert failed.remedy
    for other in ("Si", "O"):
        label = outcomes[other].label
        assert label is not None
        assert np.array_equal(label.forces, -frames[outcomes[other].frame].positions)
    summary = LabelSummary.model_validate(result.payload)
    assert (summary.ok, summary.failed) == (2, {reason: 1})


def test_a_method_without_virial_gives_labels_without_virial(tmp_path: Path) -> None:
    frames = chunk("Si", "Ar")
    folder = stage(tmp_path / "j", frames)
    run(folder)
    virials = {
        str(frames[x.frame].symbols[0]): x.label.virial
        for x in collect_labels(folder)
        if x.label is not None
    }
    assert virials["Ar"] is None
    assert virials["Si"] is not None


def test_a_crash_of_the_engine_is_no_result_and_what_is_done_stays_done(tmp_path: Path) -> None:
    frames = chunk(*["Si"] * 6, "Kr")
    folder = stage(tmp_path / "j", frames)
    crash = next(name for name, atoms in frames.items() if str(atoms.symbols[0]) == "Kr")
    for _ in range(2):
        with pytest.raises(EngineCrashed):
            run(folder)
        assert folder.result() is None
        assert computed(folder) == [name for name in sorted(frames) if name < crash]


def test_an_engine_that_cannot_be_imported_is_missing(tmp_path: Path) -> None:
    folder = stage_label_job(
        tmp_path / "j", engine="absent", options=Tethered(), frames=chunk("Si")
    )
    with pytest.raises(EngineMissing, match="absent"):
        run(folder)
    assert computed(folder) == []


# -- staging again


def test_staging_twice_changes_nothing(tmp_path: Path) -> None:
    frames = chunk("Si", "O", "Ti")
    folder = stage(tmp_path / "j", frames)
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.path.iterdir()}
    stage(tmp_path / "j", dict(reversed(frames.items())))
    after = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.path.iterdir()}
    assert after == before


def test_staging_goes_on_where_a_kill_left_it(tmp_path: Path) -> None:
    """After the frames, before job.json; with the scratch of a writer that is gone."""
    frames = chunk("Si", "O")
    whole = stage(tmp_path / "whole", frames)
    (tmp_path / "j").mkdir()
    (tmp_path / "j" / ".frames.traj.4711").write_bytes(b"- of Ulm")
    (tmp_path / "j" / "frames.traj").write_bytes(b"- of Ulm")
    folder = stage(tmp_path / "j", frames)
    assert folder.spec() == whole.spec()
    folder.check_inputs()


def test_staging_mends_damaged_frames(tmp_path: Path) -> None:
    frames = chunk("Si", "O")
    folder = stage(tmp_path / "j", frames)
    file = folder.path / "frames.traj"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(JobFolderError, match="changed"):
        run(folder)
    run(stage(tmp_path / "j", frames))
    assert len(collect_labels(folder)) == 2


def test_frames_of_another_version_of_ase_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .traj file names the version of ASE that wrote it."""
    frames = chunk("Si", "O")
    with monkeypatch.context() as patch:
        patch.setattr("ase.io.trajectory.__version__", "3.24.0")
        folder = stage(tmp_path / "j", frames)
    key = folder.spec().key
    assert stage(tmp_path / "now", frames).spec().key != key
    assert stage(tmp_path / "j", frames).spec().key == key
    run(folder)
    assert len(collect_labels(folder)) == 2


@pytest.mark.parametrize("other", ["frames", "options", "engine"])
def test_a_folder_of_another_job_is_refused(tmp_path: Path, other: str) -> None:
    frames = chunk("Si", "O")
    stage(tmp_path / "j", frames)
    with pytest.raises(JobFolderError, match="another job"):
        stage_label_job(
            tmp_path / "j",
            engine="pair" if other == "engine" else "tether",
            options=Tethered(k=2.0 if other == "options" else 1.0),
            frames=chunk("Si") if other == "frames" else frames,
        )


def test_a_job_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path / "j", kind="explore", engine="tether")
    with pytest.raises(JobFolderError, match="a job of kind 'explore'"):
        run(folder)


# -- damage


def test_no_result_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    folder = stage(tmp_path / "j", chunk("Si"))
    with pytest.raises(JobFolderError, match="no valid result"):
        collect_labels(folder)


@pytest.mark.parametrize("file", ["result.json", "labels.npz"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_truncated_result_is_written_again_without_computing(
    tmp_path: Path, file: str, keep: float
) -> None:
    folder = stage(tmp_path / "j", chunk("Si", "Ge", "O"))
    first = run(folder)
    damaged = folder.path / file
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: int(len(whole) * keep)])
    assert folder.result() is None
    second = run(folder)
    assert len(computed(folder)) == 3
    assert second.payload == first.payload
    assert len(collect_labels(folder)) == 3
    times = [[(s.start, s.end) for s in x.spans] for x in (first, second)]
    np.testing.assert_allclose(times[1], times[0], atol=1e-6)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_truncated_record_is_computed_again_and_no_other(tmp_path: Path, keep: float) -> None:
    frames = chunk("Si", "O", "Ti", "Ge")
    folder = stage(tmp_path / "j", frames)
    run(folder)
    expected = collect_labels(folder)
    (folder.path / "result.json").unlink()
    record = folder.path / "labels" / f"{sorted(frames)[1]}.npz"
    whole = record.read_bytes()
    record.write_bytes(whole[: int(len(whole) * keep)])
    run(folder)
    assert Counter(computed(folder)) == Counter([*frames, sorted(frames)[1]])
    for one, two in zip(collect_labels(folder), expected, strict=True):
        assert (one.frame, one.state, one.reason) == (two.frame, two.state, two.reason)


def test_a_record_of_another_method_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine was upgraded between a kill and the second start."""
    folder = stage_label_job(tmp_path / "j", engine="pair", options=PairOptions(), frames=silica(2))
    run(folder)
    (folder.path / "result.json").unlink()
    old = PairLabeller.fingerprint
    monkeypatch.setattr(PairLabeller, "fingerprint", lambda self: {**old(self), "revision": 2})
    result = run(folder)
    assert len(computed(folder)) == 4
    assert LabelSummary.model_validate(result.payload).fingerprint["revision"] == 2


def test_a_changed_input_is_refused(tmp_path: Path) -> None:
    folder = stage(tmp_path / "j", chunk("Si"))
    other = stage(tmp_path / "other", chunk("O"))
    (folder.path / "frames.traj").write_bytes((other.path / "frames.traj").read_bytes())
    with pytest.raises(JobFolderError, match="changed"):
        run(folder)
    assert computed(folder) == []


def test_job_json_names_what_a_person_wants_to_know(tmp_path: Path) -> None:
    frames = chunk("Si")
    folder = stage(tmp_path / "j", frames)
    text = json.loads((folder.path / "job.json").read_text())
    assert text["engine"] == "tether"
    assert text["options"] == {"k": 1.0, "gate": ""}
    assert text["params"] == {"frames": list(frames)}
    assert make_engine("label", text["engine"], text["options"]).check() == "tether 1.0"
