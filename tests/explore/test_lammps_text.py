"""LAMMPS' text: what is written for it and what is read from it. No engine."""

# ruff: noqa: E501, W291  (pasted output)

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.geometry import get_distances
from ase.io import read

from al_loop.errors import EngineMissing, StructureError
from al_loop.explore import Committee, Limits, Walker
from al_loop.explore.interface import KeepRule
from al_loop.explore.lammps import LammpsExplorer, LammpsOptions, nvt_example
from al_loop.explore.lammps.inputs import joint_script, walker_script
from al_loop.explore.lammps.parse import (
    parse_deviation,
    parse_thermo,
    parse_thermo_row,
)
from al_loop.explore.lammps.reading import read_walk
from al_loop.explore.lammps.run import DeviationWatch
from al_loop.explore.reduce import COMPLETED, Ending
from al_loop.lammps.cell import RestrictedCell, wrapped
from al_loop.lammps.data import data_file
from al_loop.lammps.dump import read_dump
from al_loop.lammps.executable import check_program, find_program, read_check, read_program
from al_loop.lammps.faults import classify, last_words

DEVIATION = """\
#       step         max_devi_v         min_devi_v         avg_devi_v         max_devi_f         min_devi_f         avg_devi_f
           0       2.192080e+00       2.561108e-03       1.244519e+00       2.039607e+00       1.716033e-01       9.701555e-01
          10       2.360557e+00       2.030791e-02       1.320210e+00       1.886383e+00       2.909164e-01       9.410113e-01
"""

LOG = """\
LAMMPS (22 Jul 2025 - Update 2)
Setting up Verlet run ...
  Unit style    : metal
  Current step  : 0
  Time step     : 0.001
Per MPI rank memory allocation (min/avg/max) = 3.136 | 3.136 | 3.136 Mbytes
   Step          Temp          Press         Atoms   
         0  2999.9999999999991 575492.65205264313         36 
WARNING: something (src/thermo.cpp:1)
        10  4783.3855636437747 -466965.8549937912         36 
Fix halt condition for fix-id stop met on step 10 with value 1
Loop time of 1.43489 on 1 procs for 240 steps with 36 atoms

Performance: 14.451 ns/day, 1.661 hours/ns, 167.260 timesteps/s, 6.021 katom-step/s
Nlocal:             36 ave          36 max          36 min
Histogram: 1 0 0 0 0 0 0 0 0 0
"""

DUMP = """\
ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS xy xz yz pp pp pp
-4.5 10.0 -4.0
1.0 9.25 -0.5
0.5 5.5 0.25
ITEM: ATOMS id type x y z fx fy fz
1 1 -0.5 2.0 1.5 1.0 2.0 3.0
2 2 1.5 3.0 2.5 -1.0 -2.0 -3.0
"""

MISSING = """\
LAMMPS (22 Jul 2025 - Update 2)
Pair styles:

adp                     born                    buck                    dpd
lj/cut                  eam                     tersoff                 zero
"""

PLUGGED = MISSING.replace("dpd", "deepmd                  dpd")


def walker(**changes: object) -> Walker:
    values = {
        "name": "w", "ensemble": "nvt", "temperature": 300.0, "steps": 10, "sample_every": 10,
        "seed": 5,
    }  # fmt: skip
    return Walker.at(**{**values, **changes})  # type: ignore[arg-type]


def skewed(seed: int, *, left_handed: bool = False) -> Atoms:
    generator = np.random.default_rng(seed)
    cell = np.diag([5.0, 6.0, 7.0]) + generator.normal(0, 1.2, (3, 3))
    if left_handed:
        cell[[0, 1]] = cell[[1, 0]]
    atoms = Atoms("OSi2O3", cell=cell, pbc=True)
    atoms.positions = generator.uniform(-1, 2, (6, 3)) @ cell
    return atoms


# Cells


@pytest.mark.parametrize("seed", range(5))
def test_restricted_cell_is_that_of_ase(seed: int) -> None:
    atoms = skewed(seed)
    mine = RestrictedCell.of(atoms.cell.array)
    np.testing.assert_allclose(mine.lower @ mine.rotation, atoms.cell.array, atol=1e-12)
    np.testing.assert_allclose(mine.rotation @ mine.rotation.T, np.eye(3), atol=1e-12)
    assert np.triu(mine.lower, 1).max() == 0
    if np.linalg.det(atoms.cell.array) > 0:
        xx, yy, zz, xy, xz, yz = Prism(atoms.cell.array, reduce_cell=False).get_lammps_prism()
        expected = [[xx, 0, 0], [xy, yy, 0], [xz, yz, zz]]
        np.testing.assert_allclose(mine.lower, expected, atol=1e-12)


def test_wrapping_moves_by_whole_cell_vectors() -> None:
    atoms = skewed(1)
    moved = wrapped(atoms.positions, atoms.cell.array)
    fractions = np.linalg.solve(atoms.cell.array.T, moved.T)
    assert (fractions >= 0).all()
    assert (fractions < 1).all()
    shifts = np.linalg.solve(atoms.cell.array.T, (moved - atoms.positions).T)
    np.testing.assert_allclose(shifts, np.rint(shifts), atol=1e-9)


# Input


@pytest.mark.parametrize("left_handed", [False, True])
def test_data_file_read_by_ase_is_the_same_structure(left_handed: bool) -> None:
    atoms = skewed(2, left_handed=left_handed)
    text = data_file(atoms, ("Si", "O"))
    back = read(io.StringIO(text), format="lammps-data", atom_style="atomic")
    assert back.get_chemical_symbols() == atoms.get_chemical_symbols()
    np.testing.assert_allclose(back.cell.cellpar(), atoms.cell.cellpar(), atol=1e-9)
    mine, theirs = (get_distances(a.positions, cell=a.cell, pbc=True)[1] for a in (atoms, back))
    np.testing.assert_allclose(theirs, mine, atol=1e-9)


def test_an_element_without_atom_type_is_refused() -> None:
    with pytest.raises(StructureError, match="Si"):
        data_file(skewed(1), ("O", "Na"))


def test_an_element_that_is_absent_keeps_its_atom_type() -> None:
    text = data_file(skewed(1), ("Na", "Si", "O"))
    assert "3 atom types" in text
    assert "1 22.98976928  # Na" in text
    assert "\n1 3 " in text  # the first atom is oxygen


def script(**changes: object) -> str:
    return walker_script(
        walker(**changes),
        atoms=skewed(1),
        models=["../a b/0.pb", "../1.pb"],
        elements=("Si", "O"),
        limits=Limits(deviation=1.0),
        options=LammpsOptions(tdamp=50.0, pdamp=500.0, barostat="aniso"),
    )


def test_units_are_those_of_lammps_metal() -> None:
    text = script(ensemble="npt", pressure=1.5, timestep=2.0)
    assert "fix             ensemble1 all npt temp 300.0 300.0 0.05 aniso 15000 15000 0.5" in text
    assert "timestep        0.002" in text
    assert 'deepmd "../a b/0.pb" "../1.pb" out_file deviation.out out_freq 10' in text
    assert "pair_coeff      * * Si O" in text


def test_nvt_has_no_barostat() -> None:
    assert "fix             ensemble1 all nvt temp 300.0 300.0 0.05\n" in script()


def test_joint_script_enters_each_folder_and_clears() -> None:
    text = joint_script(["a", "b"])
    assert text.index("begin a") < text.index("shell cd a") < text.index("end a")
    assert text.index("end a") < text.index("begin b")
    assert text.count("clear") == text.count("shell cd ..") == 2


def test_example_of_an_exported_model_names_its_files() -> None:
    files = nvt_example(
        "silica.pb", skewed(1), temperature=1500.0, steps=2000, elements=("Si", "O")
    )
    assert set(files) == {"in.lammps", "start.data"}
    assert 'pair_style      deepmd "silica.pb"' in files["in.lammps"]
    assert "run             2000" in files["in.lammps"]
    assert "1500.0" in files["in.lammps"]


def test_options_refuse_nonsense() -> None:
    for wrong in ({"threads": 0}, {"tdamp": -1}, {"barostat": "cubic"}, {"command": []}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            LammpsOptions.model_validate(wrong)


def test_render_shows_what_would_run() -> None:
    committee = Committee("deepmd", "deepmd", ("Si", "O"), (Path("m0.pb"), Path("m1.pb")))
    files = LammpsExplorer(LammpsOptions()).render(walker(), skewed(1), committee)
    assert '"m0.pb" "m1.pb"' in files["in.lammps"]
    assert "6 atoms" in files["start.data"]


# Output


def test_deviation_columns() -> None:
    rows = parse_deviation(DEVIATION)
    assert list(rows) == [0, 10]
    row = rows[10]
    assert (row.max_virial, row.max_force, row.mean_force) == (2.360557, 1.886383, 0.9410113)


def test_a_row_that_is_still_being_written_is_left_out() -> None:
    for cut in range(1, 20):
        assert list(parse_deviation(DEVIATION[:-cut])) == [0]
        assert parse_deviation(DEVIATION[:-cut])[0].max_force == 2.039607


def test_nan_is_read_as_nan() -> None:
    rows = parse_deviation("  20  -nan  nan  nan  nan  nan  nan\n")
    assert np.isnan(rows[20].max_force)


def test_thermo_rows_among_other_lines() -> None:
    rows = parse_thermo(LOG)
    assert list(rows) == [0, 10]
    assert rows[10].temperature == 4783.3855636437747
    assert rows[10].pressure == pytest.approx(-46.69658549937912)  # GPa
    assert rows[10].atoms == 36


def test_other_lines_are_no_thermo_rows() -> None:
    rows = [line for line in LOG.splitlines() if parse_thermo_row(line)]
    assert len(rows) == 2
    nan = parse_thermo_row("  30  -nan  nan  12")
    assert nan is not None
    assert np.isnan(nan.temperature)


def test_dump_of_a_triclinic_cell_agrees_with_ase() -> None:
    (mine,) = read_dump(io.StringIO(DUMP))
    theirs = read(io.StringIO(DUMP), format="lammps-dump-text", specorder=["Si", "O"])
    np.testing.assert_allclose(mine.cell, theirs.cell.array, atol=1e-12)
    corner = theirs.get_celldisp().ravel()
    np.testing.assert_allclose(mine.positions, theirs.positions - corner, atol=1e-12)
    assert mine.kinds.tolist() == [1, 2]
    assert mine.forces.tolist() == [[1, 2, 3], [-1, -2, -3]]


def test_an_incomplete_snapshot_is_left_out() -> None:
    two = DUMP + DUMP.replace("TIMESTEP\n0", "TIMESTEP\n10")
    assert [s.step for s in read_dump(io.StringIO(two))] == [0, 10]
    for cut in range(1, len(DUMP)):
        assert [s.step for s in read_dump(io.StringIO(two[:-cut]))] == [0]


def test_raw_output_is_reduced_and_removed(tmp_path: Path) -> None:
    atoms = Atoms("SiO", positions=[[4, 1, 1], [6, 2, 2]], cell=[10, 8, 5], pbc=True)
    for name, text in (("deviation.out", DEVIATION), ("log.lammps", LOG), ("stop", "")):
        (tmp_path / name).write_text(text)
    second = DUMP.replace("TIMESTEP\n0", "TIMESTEP\n10").replace("ATOMS\n2", "ATOMS\n1")
    (tmp_path / "samples.dump").write_text(DUMP + second[: second.rindex("2 2 ")])
    walk = read_walk(
        tmp_path,
        walker(temperature=3000.0),
        atoms,
        limits=Limits(deviation=9.0),
        keep=KeepRule(lower=1.0, upper=3.0, accurate=0),
        ending=COMPLETED,
    )
    assert (walk.stop, walk.cut, walk.step.tolist()) == ("lost-atoms", 1, [0])
    assert walk.max_virial_deviation[0] == 2.19208
    assert len(walk.frames) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.lammps"]


def test_no_output_is_a_walk_without_samples(tmp_path: Path) -> None:
    walk = read_walk(
        tmp_path,
        walker(),
        skewed(1),
        limits=Limits(deviation=9.0),
        keep=KeepRule(lower=1.0, upper=3.0, accurate=0),
        ending=Ending("engine", "segmentation fault"),
    )
    assert (walk.stop, len(walk.step), walk.frames, walk.cut) == ("engine", 0, [], 1)


# The watch


def test_watch_asks_to_stop_only_beyond_the_limit(tmp_path: Path) -> None:
    watch = DeviationWatch(tmp_path, limit=2.5)
    watch.look()
    lines = DEVIATION.splitlines(keepends=True)
    (tmp_path / "deviation.out").write_text("".join(lines[:2]))
    watch.look()
    assert not (tmp_path / "stop").exists()
    with (tmp_path / "deviation.out").open("a") as stream:
        for piece in (lines[2].replace("1.886383e+00", "2.600000e+00")[:90], ""):
            stream.write(piece)
            stream.flush()
            watch.look()
            assert not (tmp_path / "stop").exists()
        stream.write(lines[2].replace("1.886383e+00", "2.600000e+00")[90:])
    watch.look()
    assert (tmp_path / "stop").exists()


def test_watch_takes_nan_for_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "deviation.out").write_text(" 0 nan nan nan nan nan nan\n")
    DeviationWatch(tmp_path, limit=2.5).look()
    assert (tmp_path / "stop").exists()


# Faults


@pytest.mark.parametrize(
    ("text", "code", "integrating", "stop"),
    [
        ("ERROR: Lost atoms: original 36 current 35 (src/thermo.cpp:494)", 1, True, "lost-atoms"),
        ("ERROR on proc 0: Non-numeric atom coords - simulation unstable", 1, True, "not-finite"),
        ("ERROR: Non-numeric pressure - simulation unstable", 1, True, "not-finite"),
        ("ERROR: Out of range atoms - cannot compute PPPM", 1, True, "lost-atoms"),
        ("", -11, True, "engine"),
        ("", 139, True, "engine"),
        ("ERROR: Something new", 1, True, "engine"),
        ("", -11, False, None),
        ("", -9, True, None),
        ("slurmstepd: error: *** STEP CANCELLED DUE TO TIME LIMIT ***", 143, True, None),
        ("ERROR: Unrecognized pair style 'deepmd'", 1, False, None),
        ("lmp: error while loading shared libraries: libmpi.so.12", 127, False, None),
        ("ERROR: Cannot open file deviation.out: No space left on device", 1, True, None),
    ],
)
def test_the_walkers_faults_and_the_machines(
    text: str, code: int, integrating: bool, stop: str | None
) -> None:
    ending = classify(["noise", text], code=code, integrating=integrating)
    assert (ending.stop if ending else None) == stop
    if ending:
        assert ending.detail


def test_last_words_are_without_noise() -> None:
    output = ["implib-gen: libcudart.so.12: failed", "", "ERROR: it broke", "Last input line: run"]
    assert last_words(output) == "ERROR: it broke\nLast input line: run"
    assert last_words([]) == "it said nothing"


# The program

RAN = """\
LAMMPS (22 Jul 2025 - Update 2)
  using 1 OpenMP thread(s) per MPI task
Loaded 1 plugins from /opt/deepmd/lib
al_loop: begin silica-nvt-2000K-0
Summary of lammps deepmd module ...
  >>> Info of deepmd-kit:
  installed to:       /opt/deepmd
  source:             v3.1.0
  source commit:      8cfd46e3
  >>> Info of lammps module:
  use deepmd-kit at:  /opt/deepmd
  source:             v3.2.0
"""
"""What a run prints (deepmd-kit 3.2.0, shortened; the library's version made another one)."""


def test_check_reads_version_and_pair_style() -> None:
    assert read_check(PLUGGED, command=("lmp",)) == (
        "LAMMPS 22 Jul 2025 - Update 2, pair_style deepmd"
    )
    with pytest.raises(EngineMissing, match="no pair_style deepmd") as caught:
        read_check(MISSING, command=("lmp",))
    assert 'pip install "al-loop[deepmd]"' in str(caught.value)
    with pytest.raises(EngineMissing, match="cannot open shared object"):
        read_check("lmp: libmpi.so.12: cannot open shared object file\n", command=("lmp",))


def test_a_run_says_which_lammps_and_which_plugin_it_was() -> None:
    assert read_program(RAN) == "LAMMPS 22 Jul 2025 - Update 2, DeePMD-kit's plug-in 3.2.0"
    without = RAN[: RAN.index("Summary")]
    assert read_program(without) == "LAMMPS 22 Jul 2025 - Update 2"
    assert read_program("srun: job 3 queued and waiting for resources\n") == ""


def test_a_command_that_is_not_here_is_named() -> None:
    with pytest.raises(EngineMissing, match="lmp_of_nobody"):
        find_program(LammpsOptions(command=("lmp_of_nobody",)))


def test_another_program_is_not_taken_for_lammps() -> None:
    with pytest.raises(EngineMissing, match="does not start as LAMMPS"):
        check_program(LammpsOptions(command=("cat",)))


def test_a_launcher_is_found_but_not_run() -> None:
    found = check_program(LammpsOptions(command=("env", "lmp_gpu")))
    assert "env lmp_gpu" in found


def test_threads_reach_the_environment() -> None:
    program = find_program(LammpsOptions(command=("env",), threads=3))
    assert program.environment["OMP_NUM_THREADS"] == "3"
    assert program.environment["TF_INTRA_OP_PARALLELISM_THREADS"] == "3"
