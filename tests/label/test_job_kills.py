"""The label job under kills and with company: no label is lost, none is computed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign import EngineOptions
from al_loop.frame import write_frames
from al_loop.jobfolder import JobFolder
from al_loop.label import collect_labels, stage_label_job
from al_loop.label.pair import PairOptions
from al_loop.label.xtb import XtbOptions

from .chunks import chunk, computed, run, silica, stage
from .conftest import Start, Until

pytestmark = pytest.mark.usefixtures("test_engines")


def test_a_killed_chunk_goes_on_with_the_next_frame(
    tmp_path: Path, start_job: Start, until: Until
) -> None:
    frames = chunk(*["Si"] * 5, "Xe")
    last = next(name for name, atoms in frames.items() if str(atoms.symbols[0]) == "Xe")
    before = [name for name in sorted(frames) if name < last]
    gate = tmp_path / "gate"
    gate.touch()
    folder = stage(tmp_path / "j", frames, gate=str(gate))
    process = start_job(folder.path)
    until(lambda: (folder.path / "scratch" / last / "output").exists())
    assert folder.is_running()
    process.kill()
    process.wait()
    assert not folder.is_running()
    assert computed(folder) == before
    assert folder.result() is None
    gate.unlink()
    result = run(folder)
    assert computed(folder) == sorted(frames)
    assert len(result.spans) == len(frames)
    assert {outcome.state for outcome in collect_labels(folder)} == {"ok"}


@pytest.mark.parametrize(
    ("engine", "options", "count"),
    [
        ("pair", PairOptions(), 60),
        pytest.param("xtb", XtbOptions(), 6, marks=pytest.mark.engine),
    ],
)
def test_kills_at_any_time_lose_nothing_and_repeat_nothing(
    tmp_path: Path, start_job: Start, until: Until, engine: str, options: EngineOptions, count: int
) -> None:
    frames = silica(count)
    folder = stage_label_job(tmp_path / "j", engine=engine, options=options, frames=frames)
    for done in (1, count // 3, count // 2):
        process = start_job(folder.path)
        until(lambda done=done: len(computed(folder)) >= done)  # type: ignore[misc]
        process.kill()
        process.wait()
    assert start_job(folder.path).wait(timeout=120) == 0
    again = Counter(computed(folder))
    assert max(again.values()) == 1
    assert set(again) <= set(frames)
    # a kill between a record and its line in the log leaves no line
    assert len(again) >= count - 3
    undisturbed = stage_label_job(tmp_path / "u", engine=engine, options=options, frames=frames)
    run(undisturbed)
    for one, two in zip(collect_labels(folder), collect_labels(undisturbed), strict=True):
        assert one.frame == two.frame
        assert one.label is not None
        assert two.label is not None
        assert one.label.energy == two.label.energy
        assert np.array_equal(one.label.forces, two.label.forces)


def test_two_processes_on_one_folder_compute_each_frame_once(
    tmp_path: Path, start_job: Start
) -> None:
    frames = silica(20)
    folder = stage_label_job(tmp_path / "j", engine="pair", options=PairOptions(), frames=frames)
    both = [start_job(folder.path), start_job(folder.path)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert computed(folder) == sorted(frames)
    assert len(collect_labels(folder)) == 20


def test_a_second_process_waits_and_takes_over_from_a_dead_one(
    tmp_path: Path, start_job: Start, until: Until
) -> None:
    frames = chunk(*["Si"] * 3, "Xe")
    last = next(name for name, atoms in frames.items() if str(atoms.symbols[0]) == "Xe")
    gate, note = tmp_path / "gate", tmp_path / "note"
    gate.touch()
    folder = stage(tmp_path / "j", frames, gate=str(gate))
    first = start_job(folder.path)
    until(lambda: (folder.path / "scratch" / last / "output").exists())
    second = start_job(folder.path, note)
    until(note.exists)
    assert second.poll() is None
    gate.unlink()
    first.kill()
    assert second.wait(timeout=60) == 0
    assert computed(folder) == sorted(frames)


def test_processes_that_stage_at_once_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second does all of its work while the first is between frames.traj and job.json."""
    frames = chunk("Si", "O")
    second: list[JobFolder] = []

    def interrupted(path: Path, atoms: Iterable[Atoms]) -> None:
        write_frames(path, atoms)
        if not second:
            second.append(JobFolder(path.parent))
            stage(path.parent, frames)

    monkeypatch.setattr("al_loop.label.job.write_frames", interrupted)
    folder = stage(tmp_path / "j", frames)
    assert second
    run(folder)
    assert len(collect_labels(folder)) == 2
