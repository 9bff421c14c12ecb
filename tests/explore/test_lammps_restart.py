"""Restart files of LAMMPS and samples of a walk in parts, from files written here."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from ase import Atoms

from al_loop.explore import KeepRule, Limits, Walker
from al_loop.explore.lammps import LammpsOptions
from al_loop.explore.lammps.inputs import joint_script, walker_script
from al_loop.explore.lammps.reading import read_walk
from al_loop.explore.lammps.restart import Restart, prepare
from al_loop.explore.lammps.samples import joined
from al_loop.explore.reduce import COMPLETED
from al_loop.lammps.restart_file import restart_step

MAGIC = b"LammpS RestartT\0"
INPUTS = {"in.lammps": "run 40\n", "start.data": "atoms\n"}
PAIR = Atoms("SiO", positions=[[1, 1, 1], [3, 2, 2]], cell=[10, 8, 5], pbc=True)
LIMITS = Limits(deviation=9.0)


def header(step: int) -> bytes:
    """As LAMMPS begins a restart file: flags with their values, up to the time step."""

    def text(flag: int, value: bytes) -> bytes:
        return struct.pack("<ii", flag, len(value)) + value

    def number(flag: int, value: int) -> bytes:
        return struct.pack("<ii", flag, value)

    return b"".join(
        [
            MAGIC,
            struct.pack("<ii", 1, 3),
            text(0, b"22 Jul 2025\0"),
            number(1, 4),
            number(48, 4),
            number(2, 4),
            number(3, 8),
            text(4, b"metal\0"),
            struct.pack("<iq", 5, step),
        ]
    )


def restart(step: int) -> bytes:
    return header(step) + bytes(500) + MAGIC


def walker(**changes: object) -> Walker:
    values = {
        "name": "w", "ensemble": "nvt", "temperature": 300.0, "steps": 40, "sample_every": 10,
        "seed": 5,
    }  # fmt: skip
    return Walker.at(**{**values, **changes})  # type: ignore[arg-type]


def write_part(folder: Path, steps: range, *, eps: float, number: int | None = None) -> None:
    """Raw output of a run whose deviations are ``eps`` and whose first atom is at x = ``eps``."""
    middle = "" if number is None else f".{number:03d}"
    rows = [f"{s} 0 0 0 {eps} 0 {eps}\n" for s in steps]
    (folder / f"deviation{middle}.out").write_text("".join(rows))
    rows = [f"   {s} 300.0 1.0 2\n" for s in steps]
    (folder / f"log{middle}.lammps").write_text("".join(rows))
    frames = [
        f"ITEM: TIMESTEP\n{s}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS xy xz yz pp pp pp\n"
        "0 10 0\n0 8 0\n0 5 0\nITEM: ATOMS id type x y z fx fy fz\n"
        f"1 1 {eps} 1 1 0 0 0\n2 2 3 2 2 0 0 0\n"
        for s in steps
    ]
    (folder / f"samples{middle}.dump").write_text("".join(frames))


def write_inputs(folder: Path) -> None:
    for name, text in INPUTS.items():
        (folder / name).write_text(text)


# -- restart files


@pytest.mark.parametrize("step", [10, 5_000_000_000])
def test_the_step_of_a_restart_file(tmp_path: Path, step: int) -> None:
    (tmp_path / "r").write_bytes(restart(step))
    assert restart_step(tmp_path / "r") == step


@pytest.mark.parametrize(
    "data", [b"", MAGIC, restart(10)[:-1], b"x" + restart(10), MAGIC + bytes(40) + MAGIC]
)
def test_a_restart_file_that_is_not_whole_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "r").write_bytes(data)
    assert restart_step(tmp_path / "r") is None
    assert restart_step(tmp_path / "absent") is None


def test_the_file_that_was_read_is_overwritten_last() -> None:
    assert Restart("restart.a", 10).order == ("restart.b", "restart.a")
    assert Restart("restart.b", 10).order == ("restart.a", "restart.b")


def test_the_newest_whole_file_whose_samples_are_there_is_taken(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    write_part(tmp_path, range(0, 30, 10), eps=1.0)
    (tmp_path / "restart.a").write_bytes(restart(20))
    (tmp_path / "restart.b").write_bytes(restart(40))  # samples 30 and 40 are missing
    assert prepare(tmp_path, walker(), PAIR, inputs=INPUTS) == Restart("restart.a", 20)
    assert not (tmp_path / "samples.dump").exists()
    assert (tmp_path / "samples.000.dump").exists()


@pytest.mark.parametrize("spoilt", ["input", "gap", "between samples"])
def test_it_starts_anew_where_it_cannot_go_on(tmp_path: Path, spoilt: str) -> None:
    write_inputs(tmp_path)
    write_part(tmp_path, range(0, 30, 10), eps=1.0)
    (tmp_path / "restart.a").write_bytes(restart(25 if spoilt == "between samples" else 20))
    if spoilt == "input":
        (tmp_path / "in.lammps").write_text("run 50\n")
    if spoilt == "gap":
        write_part(tmp_path, range(10, 30, 10), eps=1.0)
    assert prepare(tmp_path, walker(), PAIR, inputs=INPUTS) is None
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == INPUTS


# -- a walk in parts


def test_a_walk_in_parts_has_each_step_once_from_the_last_run_that_has_it(tmp_path: Path) -> None:
    """The second run went on at 20, was killed, and the third went on at 10."""
    write_part(tmp_path, range(0, 40, 10), eps=1.0, number=0)
    write_part(tmp_path, range(20, 50, 10), eps=2.0, number=1)
    write_part(tmp_path, range(10, 50, 10), eps=3.0)
    rows = {
        step: one.deviation.max_force
        for _, part in joined(tmp_path, PAIR, limits=LIMITS)
        for step, one in part.items()
    }
    assert list(rows.items()) == [(0, 1.0), (10, 3.0), (20, 3.0), (30, 3.0), (40, 3.0)]


def test_a_run_that_took_no_sample_cuts_nothing(tmp_path: Path) -> None:
    write_part(tmp_path, range(0, 30, 10), eps=1.0, number=0)
    write_part(tmp_path, range(0), eps=2.0)
    steps = [step for _, part in joined(tmp_path, PAIR, limits=LIMITS) for step in part]
    assert steps == [0, 10, 20]


def test_frames_of_a_walk_in_parts_are_those_of_their_deviations(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    write_part(tmp_path, range(0, 40, 10), eps=1.0, number=0)
    write_part(tmp_path, range(20, 50, 10), eps=2.0)
    (tmp_path / "restart.a").write_bytes(restart(20))
    walk = read_walk(
        tmp_path,
        walker(),
        PAIR,
        limits=LIMITS,
        keep=KeepRule(lower=0.0, upper=9.0, accurate=0),
        ending=COMPLETED,
    )
    assert (walk.stop, walk.step.tolist()) == ("completed", [0, 10, 20, 30, 40])
    assert [frame.positions[0, 0] for frame in walk.frames] == walk.max_force_deviation.tolist()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.lammps", "log.lammps", "start.data"]
    assert (tmp_path / "log.lammps").read_text().count("300.0") == 7


# -- input


def script(**changes: object) -> str:
    return walker_script(
        walker(sample_every=30, steps=90),
        atoms=Atoms("SiO", cell=[5, 5, 5], pbc=True),
        models=["a.pb", "b.pb"],
        elements=("Si", "O"),
        limits=LIMITS,
        options=LammpsOptions(restart_every=100),
        **changes,  # type: ignore[arg-type]
    )


def test_restart_files_are_written_at_samples() -> None:
    assert "restart         120 restart.a restart.b\n" in script()
    assert "read_data" in script()


def test_a_continued_walker_takes_its_velocities_from_the_restart_file() -> None:
    text = script(restart="restart.a", restarts=("restart.b", "restart.a"))
    assert "read_restart    restart.a\n" in text
    assert "read_data" not in text
    assert "velocity" not in text
    assert "restart         120 restart.b restart.a\n" in text
    assert "run             90 upto" in text


def test_the_joint_script_continues_those_that_had_begun() -> None:
    text = joint_script(["a", "b"], continued={"b"})
    assert text.count("include in.lammps") == text.count("include in.continue") == 1
    assert text.index("in.lammps") < text.index("in.continue")
