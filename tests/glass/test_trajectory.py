from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms, units

from al_loop.errors import DatasetError
from al_loop.glass import Trajectory, read_trajectory
from al_loop.structures import crystal

HEAD = "ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n3\n{box}ITEM: ATOMS {columns}\n"
CUBE = "ITEM: BOX BOUNDS pp pp pp\n0.0 10.0\n0.0 10.0\n0.0 10.0\n"


def dump(path: Path, steps: list[int], *, element: bool = False) -> Path:
    """SiO2 in a cube of 10 Å; x of the silicon is the step over 1000. Atoms are not sorted."""
    parts = []
    for step in steps:
        kinds = ("O", "Si", "O") if element else ("2", "1", "2")
        columns = f"id {'element' if element else 'type'} x y z vx vy vz"
        parts.append(HEAD.format(step=step, box=CUBE, columns=columns))
        parts.append(f"3 {kinds[0]} 5.0 5.0 5.0 0.0 0.0 0.0\n")
        parts.append(f"1 {kinds[1]} {step / 1000} 0.0 0.0 1.5 0.0 0.0\n")
        parts.append(f"2 {kinds[2]} 2.0 2.0 2.0 0.0 0.0 0.0\n")
    path.write_text("".join(parts))
    return path


def silica_frames(count: int = 3) -> list[Atoms]:
    generator = np.random.default_rng(5)
    frames = []
    for _ in range(count):
        atoms = crystal("alpha-quartz")
        atoms.positions += generator.normal(0.0, 0.05, atoms.positions.shape)
        frames.append(atoms)
    return frames


def test_a_dump_with_types_is_sorted_and_has_elements_times_and_velocities(tmp_path: Path) -> None:
    read = read_trajectory(
        dump(tmp_path / "run.lammpstrj", [0, 500, 1000]), elements=["Si", "O"], timestep=2.0
    )
    assert read.ordered_symbols().tolist() == ["Si", "O", "O"]
    assert [atoms.positions[0, 0] for atoms in read.frames] == [0.0, 0.5, 1.0]
    assert read.interval == pytest.approx(1.0)  # 500 steps of 2 fs
    speed = read.frames[0].get_velocities()[0, 0] * units.fs * 1000.0  # Å/ps
    assert speed == pytest.approx(1.5)
    assert read.counts == {"O": 2, "Si": 1}
    assert read.number_density == pytest.approx(0.003)
    assert read.densities == pytest.approx([60.083 / 602.214] * 3, rel=1e-4)


def test_a_dump_says_by_its_columns_whether_positions_are_unwrapped(tmp_path: Path) -> None:
    wrapped = dump(tmp_path / "run.dump", [0, 10], element=True)
    text = wrapped.read_text()
    for columns, expected in (
        ("x y z", False), ("xu yu zu", True), ("xsu ysu zsu", True), ("xs ys zs", False),
    ):  # fmt: skip
        wrapped.write_text(text.replace("x y z", columns))
        assert read_trajectory(wrapped).unwrapped is expected
        assert read_trajectory(wrapped, unwrapped=not expected).unwrapped is not expected
    ase.io.write(tmp_path / "run.extxyz", silica_frames())
    assert not read_trajectory(tmp_path / "run.extxyz").unwrapped
    assert read_trajectory(tmp_path / "run.extxyz", unwrapped=True).unwrapped


def test_elements_in_the_dump_go_before_and_compressed_files_are_read(tmp_path: Path) -> None:
    plain = dump(tmp_path / "run.dump", [0, 10], element=True)
    packed = tmp_path / "run.dump.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for file in (plain, packed):
        read = read_trajectory(file, elements=["Na"], format="lammps-dump-text")
        assert read.elements == ("O", "Si")
        assert read.interval is None


def test_types_without_elements_are_not_taken_for_hydrogen_and_helium(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="give `elements`"):
        read_trajectory(dump(tmp_path / "run.dump", [0]))
    with pytest.raises(DatasetError, match="no element Sy"):
        read_trajectory(dump(tmp_path / "run.dump", [0]), elements=["Sy", "O"])
    with pytest.raises(DatasetError, match=r"frame 0 has an atom type .* no element") as short:
        read_trajectory(dump(tmp_path / "run.dump", [0]), elements=["Si"])
    assert "`elements` has only Si" in str(short.value)


def test_steps_that_a_restarted_run_wrote_again_are_taken_once(tmp_path: Path) -> None:
    file = dump(tmp_path / "run.dump", [0, 10, 20, 30, 20, 30, 40])
    read = read_trajectory(file, elements=["Si", "O"], timestep=1.0)
    assert [atoms.positions[0, 0] for atoms in read.frames] == [0.0, 0.01, 0.02, 0.03, 0.04]
    assert read.interval == pytest.approx(0.01)


def test_uneven_steps_have_no_time_between_frames(tmp_path: Path) -> None:
    file = dump(tmp_path / "run.dump", [0, 10, 30])
    assert len(read_trajectory(file, elements=["Si", "O"])) == 3
    with pytest.raises(DatasetError, match="10, 20 steps apart"):
        read_trajectory(file, elements=["Si", "O"], timestep=1.0)
    with pytest.raises(DatasetError, match="not known"):
        read_trajectory(file, elements=["Si", "O"]).time_step()


def test_a_dump_that_a_kill_cut_off_says_how_to_read_what_is_whole(tmp_path: Path) -> None:
    file = dump(tmp_path / "run.dump", [0, 10, 20])
    file.write_text(file.read_text()[:-40])
    with pytest.raises(DatasetError, match="stop=2"):
        read_trajectory(file, elements=["Si", "O"])
    assert len(read_trajectory(file, elements=["Si", "O"], stop=2)) == 2


@pytest.mark.parametrize("end", [0.2, 0.5, 0.8])
def test_what_a_kill_has_cut_off_is_not_taken_for_another_format(
    tmp_path: Path, end: float
) -> None:
    whole = dump(tmp_path / "whole.dump", [0]).read_text()
    file = tmp_path / "run.dump"
    file.write_text(whole[: whole.index("ITEM: ATOMS") + round(60 * end) + 30])
    with pytest.raises(DatasetError, match=r"(?s)ends within frame 0.*no frame is whole"):
        read_trajectory(file, elements=["Si", "O"])
    packed = tmp_path / "run.dump.gz"
    packed.write_bytes(gzip.compress(dump(file, list(range(3000))).read_bytes())[:-3000])
    with pytest.raises(DatasetError, match=r"(?s)ends within frame \d+.*--stop \d+"):
        read_trajectory(packed, elements=["Si", "O"])


def test_a_dump_that_is_wrong_in_the_middle_is_not_called_cut_off(tmp_path: Path) -> None:
    file = dump(tmp_path / "run.dump", [0, 10, 20])
    file.write_text(file.read_text().replace("0.01 0.0 0.0", "0.01 0.0"))
    with pytest.raises(DatasetError, match="frame 1 cannot be read"):
        read_trajectory(file, elements=["Si", "O"])


def test_a_tilted_box_and_scaled_coordinates(tmp_path: Path) -> None:
    box = "ITEM: BOX BOUNDS xy xz yz pp pp pp\n-1.0 12.0 2.0\n0.0 10.0 -1.0\n0.0 8.0 0.0\n"
    file = tmp_path / "run.dump"
    file.write_text(
        HEAD.format(step=0, box=box, columns="id type xs ys zs")
        + "1 1 0.5 0.5 0.5\n2 2 0.0 0.0 0.0\n3 2 0.25 0.0 0.0\n"
    )
    atoms = read_trajectory(file, elements=["Si", "O"]).frames[0]
    assert atoms.cell.array == pytest.approx(np.array([[10, 0, 0], [2, 10, 0], [-1, 0, 8]]))
    assert atoms.positions[0] == pytest.approx([5.5, 5.0, 4.0])


@pytest.mark.parametrize("name", ["run.extxyz", "run.traj", "XDATCAR"])
def test_formats_of_others(tmp_path: Path, name: str) -> None:
    frames = silica_frames()
    ase.io.write(tmp_path / name, frames, **({"format": "vasp-xdatcar"} if name[0] == "X" else {}))
    read = read_trajectory(tmp_path / name, interval=0.01)
    assert len(read) == 3
    assert read.time_step() == 0.01
    for ours, theirs in zip(read.frames, frames, strict=True):
        assert ours.get_chemical_formula() == theirs.get_chemical_formula()
        # XDATCAR wraps atoms and sorts nothing.
        assert np.allclose(
            ours.get_scaled_positions(wrap=True), theirs.get_scaled_positions(wrap=True), atol=1e-6
        )
    fewer = read_trajectory(tmp_path / name, interval=0.01, start=0, stop=3, every=2)
    assert (len(fewer), fewer.interval) == (2, 0.02)


def test_what_is_no_trajectory_is_refused(tmp_path: Path) -> None:
    quartz, cluster = crystal("alpha-quartz"), Atoms("Si2", [[0, 0, 0], [0, 0, 2]])
    with pytest.raises(DatasetError, match="one composition"):
        Trajectory((quartz, crystal("alpha-cristobalite")))
    with pytest.raises(DatasetError, match="not periodic"):
        Trajectory((cluster,))
    with pytest.raises(DatasetError, match="no frames"):
        Trajectory(())
    lost = quartz.copy()
    lost.positions[0] = np.nan
    with pytest.raises(DatasetError, match=r"frame 1: .*finite"):
        Trajectory((quartz, lost))
    with pytest.raises(DatasetError, match="no such file"):
        read_trajectory(tmp_path / "away")
    (tmp_path / "notes.txt").write_text("no atoms\n")
    with pytest.raises(DatasetError, match="format"):
        read_trajectory(tmp_path / "notes.txt")
    with pytest.raises(DatasetError, match="a folder"):
        read_trajectory(tmp_path)
    (tmp_path / "nothing.extxyz").touch()
    with pytest.raises(DatasetError, match="is empty"):
        read_trajectory(tmp_path / "nothing.extxyz")
    with pytest.raises(DatasetError, match="no frame 5"):
        read_trajectory(dump(tmp_path / "run.dump", [0]), elements=["Si", "O"], start=5)
    with pytest.raises(DatasetError, match="are no frames"):
        read_trajectory(dump(tmp_path / "run.dump", [0]), elements=["Si", "O"], stop=0)
    with pytest.raises(DatasetError, match="both"):
        read_trajectory(tmp_path / "run.dump", interval=1.0, timestep=1.0)


def test_atoms_in_another_order_are_one_composition_but_cannot_be_followed() -> None:
    quartz = crystal("alpha-quartz")
    both = Trajectory((quartz, quartz[::-1]))
    assert both.counts == {"O": 6, "Si": 3}
    with pytest.raises(DatasetError, match=r"frame 1: .*another order"):
        both.ordered_symbols()


def test_the_room_stands_alone() -> None:
    code = "import sys, al_loop.glass; print({'fireworks', 'pymongo'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
