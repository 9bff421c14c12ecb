"""Glasses made by LAMMPS: what a job gives, and that it goes on after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from typer.testing import CliRunner

from al_loop.cli.glass import app
from al_loop.errors import JobFolderError, StructureError
from al_loop.glass.make import (
    Classical,
    GlassResult,
    Network,
    Protocol,
    collect_glass,
    potential_of,
    run_glass_job,
    segments_of,
    stage_glass_job,
)
from al_loop.jobfolder import Clock, JobFolder
from al_loop.units import density

BKS = Classical(name="bks")
QUICK = Protocol.model_validate(
    {
        "name": "quick",
        "start": {"kind": "pack", "formula": "SiO2", "atoms": 72, "density": 2.2},
        "frames": 0.05,
        "thermo": 0.01,
        "piece": 300,
        "thermostat": 20,
        "steps": [
            {"do": "hold", "name": "melt", "temperature": 4000, "ps": 0.5},
            {"do": "quench", "to": 300, "rate": 7400},
            {"do": "hold", "name": "anneal", "ps": 0.4, "ensemble": "npt"},
            {"do": "compress", "to": 4, "by": 4, "ramp": 0.2, "relax": 0.3, "measure": 0.3},
            {"do": "strain", "after": "anneal", "axes": ["y"], "to": 0.02, "by": 0.02,
             "ramp": 0.2, "hold": 0.2},
            {"do": "relax", "after": "anneal", "cell": "iso", "force": 0.001},
        ],
    }
)  # fmt: skip


def put_up(folder: Path, protocol: Protocol = QUICK, **more: object) -> JobFolder:
    asked: dict[str, object] = {"potential": BKS, "sample": 0, **more}
    return stage_glass_job(folder, protocol=protocol, **asked)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> GlassResult:
    job = put_up(tmp_path_factory.mktemp("glass") / "sample-0")
    run_glass_job(job, Clock())
    return collect_glass(job)


@pytest.mark.engine
def test_every_segment_gives_frames_averages_and_an_end(made: GlassResult) -> None:
    assert made.stop == "completed" and made.detail == ""
    assert [one.name for one in made.segments] == [s.name for s in segments_of(QUICK)]
    for one in made.segments:
        assert Counter(one.end.get_chemical_symbols()) == {"Si": 24, "O": 48}
        if one.segment.still:
            continue
        frames = one.frames()
        assert frames.interval == pytest.approx(0.05) and frames.unwrapped
        assert len(frames) == one.segment.steps // 50 + 1
        table = one.thermo()
        assert table["step"].tolist() == list(range(0, one.segment.steps + 1, 10))
        np.testing.assert_allclose(frames.densities, table["density"][::5], rtol=1e-6)
        half = table["density"][len(table["density"]) // 2 :]
        assert one.averages["density"].value == pytest.approx(half.mean())
        last = frames.frames[-1].positions - one.end.positions
        last -= last[0]  # the corner of a cell that breathes is not at 0
        fractions = np.linalg.solve(one.end.cell.array.T, last.T)
        np.testing.assert_allclose(fractions, np.rint(fractions), atol=1e-5)


@pytest.mark.engine
def test_targets_are_followed(made: GlassResult) -> None:
    """Temperature, volume, pressure and strain are those that the protocol asks for."""
    assert made["melt"].averages["temperature"].value == pytest.approx(4000, rel=0.15)
    quench = made["quench"].thermo()
    assert np.corrcoef(quench["step"], quench["temperature"])[0, 1] < -0.9
    assert made["anneal"].averages["temperature"].value == pytest.approx(300, rel=0.2)
    np.testing.assert_allclose(quench["density"], 2.2, rtol=1e-6)
    assert np.ptp(made["anneal"].thermo()["density"]) > 0.01
    squeezed = made["compress-4GPa-relax"].averages["density"].value
    assert squeezed > made["compress-0GPa-relax"].averages["density"].value
    rest, pulled = made["strain-y-0pc-hold"].thermo(), made["strain-y-2pc-hold"].thermo()
    assert np.ptp(rest["ly"]) == np.ptp(pulled["ly"]) == 0 < np.ptp(pulled["lx"])
    assert pulled["ly"][0] / rest["ly"][0] == pytest.approx(1.02, rel=1e-9)
    assert rest["ly"][0] == pytest.approx(made["anneal"].end.cell.lengths()[1], rel=1e-9)
    still = made["relax"].averages
    assert abs(still["pressure"].value) < 0.05 and still["temperature"].value == 0
    assert still["energy"].value < made["anneal"].thermo()["energy"].min() / 72


@pytest.mark.engine
def test_without_baths_the_energy_is_conserved(made: GlassResult) -> None:
    """The smoothed cutoff and the damped Coulomb sum leave no jump of the force."""
    table = made["compress-4GPa-measure"].thermo()
    kinetic = table["total_energy"] - table["energy"]
    assert np.ptp(table["total_energy"]) < 0.01 * kinetic.mean()


@pytest.mark.engine
def test_a_killed_job_goes_on_and_gives_the_same(made: GlassResult, tmp_path: Path) -> None:
    short = QUICK.model_copy(update={"steps": QUICK.steps[:3]})
    job = put_up(tmp_path / "killed", short)
    code = (
        "import sys; from pathlib import Path; from al_loop.glass.make import run_glass_job; "
        "from al_loop.jobfolder import Clock, JobFolder; "
        "run_glass_job(JobFolder(Path(sys.argv[1])), Clock())"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(job.path)], start_new_session=True)
    end = time.monotonic() + 120
    while not (job.path / "quench.0000.dump").exists() and time.monotonic() < end:
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert job.result() is None
    before = (job.path / "melt.lammpstrj").stat().st_mtime_ns
    told: list[str] = []
    run_glass_job(job, Clock(), lambda progress: told.append(progress.segment))
    assert "quench" in told
    assert (job.path / "melt.lammpstrj").stat().st_mtime_ns == before
    again = collect_glass(job)
    for name in ("melt", "quench", "anneal"):
        one, same = made[name].frames(), again[name].frames()
        assert len(one) == len(same)
        np.testing.assert_array_equal(one.frames[-1].positions, same.frames[-1].positions)


@pytest.mark.engine
def test_a_cell_whose_atoms_follow_it_comes_to_its_pressure(tmp_path: Path) -> None:
    """Quartz gives back nine tenths of a pressure through the turns of its tetrahedra."""
    start = {"kind": "crystal", "name": "alpha-quartz", "supercell": [2, 2, 2]}
    steps = [{"do": "relax", "cell": "tri", "force": 1e-4, "pressure": 1.0}]
    asked = Protocol.model_validate({"name": "quartz", "start": start, "steps": steps})
    job = put_up(tmp_path / "quartz", asked)
    run_glass_job(job, Clock())
    found = collect_glass(job)
    assert found.detail == ""
    assert found["relax"].averages["pressure"].value == pytest.approx(1.0, abs=0.01)


@pytest.mark.engine
def test_a_relaxation_that_does_not_come_to_rest_is_told(tmp_path: Path) -> None:
    """No minimiser comes to 1e-15 eV/Å in double precision."""
    steps = [{"do": "relax", "force": 1e-15}]
    start = {"kind": "crystal", "name": "alpha-quartz", "supercell": [2, 1, 1]}
    asked = Protocol.model_validate({"name": "rest", "start": start, "steps": steps})
    job = put_up(tmp_path / "rest", asked)
    run_glass_job(job, Clock())
    found = collect_glass(job)
    assert found.stop == "completed"
    assert found.detail.startswith("relax: forces up to ")


@pytest.mark.engine
def test_a_crystal_that_explodes_is_a_result_with_its_reason(tmp_path: Path) -> None:
    wild = Protocol.model_validate(
        {
            "name": "wild",
            "start": {"kind": "crystal", "name": "alpha-quartz", "supercell": [2, 2, 2]},
            "steps": [{"do": "relax"}, {"do": "hold", "temperature": 20_000, "ps": 5}],
            "timestep": 5.0,
            "thermostat": 10,
        }
    )
    job = put_up(tmp_path, wild)
    run_glass_job(job, Clock())
    result = collect_glass(job)
    assert result.stop in ("lost-atoms", "not-finite")
    assert result.detail.startswith("hold: ERROR")
    assert [one.name for one in result.segments] == ["relax"]


def test_a_folder_holds_one_sample_only(tmp_path: Path) -> None:
    put_up(tmp_path)
    assert put_up(tmp_path).path == tmp_path
    with pytest.raises(JobFolderError, match="another job"):
        put_up(tmp_path, sample=1)
    with pytest.raises(JobFolderError, match="no valid result"):
        collect_glass(JobFolder(tmp_path))


def test_a_model_is_referred_to_and_seen_from_the_folder(tmp_path: Path) -> None:
    model = tmp_path / "models" / "graph.pb"
    model.parent.mkdir()
    model.write_bytes(b"a model")
    found = potential_of(str(model))
    assert isinstance(found, Network)
    job = put_up(tmp_path / "runs" / "sample-0", potential=found)
    assert list(job.spec().inputs) == ["../../models/graph.pb"]


def test_a_file_to_begin_with_is_needed_and_kept(tmp_path: Path) -> None:
    steps = [{"do": "relax"}]
    later = Protocol.model_validate({"name": "x", "start": {"kind": "file"}, "steps": steps})
    with pytest.raises(StructureError, match="needs a structure"):
        put_up(tmp_path / "a", later)
    atoms = Atoms("SiO2", positions=np.eye(3) * 1.6, cell=np.eye(3) * 9, pbc=True)
    job = put_up(tmp_path / "b", later, start=atoms)
    assert list(job.spec().inputs) == ["given.traj"]
    assert density(atoms) < 1


@pytest.mark.engine
def test_the_command_makes_and_finds_what_it_has_made(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "name: tiny\nstart: {kind: crystal, name: alpha-quartz, supercell: [2, 1, 1]}\n"
        "steps:\n  - {do: relax}\n  - {do: hold, temperature: 300, ps: 0.1}\n"
    )
    words = ["make", str(file), "-p", "bks", "-o", str(tmp_path / "out")]
    runner = CliRunner()
    first = runner.invoke(app, words)
    assert first.exit_code == 0, first.output
    assert "1/1 sample-0" in first.output and "made" in first.output
    when = (tmp_path / "out" / "sample-0" / "result.json").stat().st_mtime_ns
    assert runner.invoke(app, words).exit_code == 0
    assert (tmp_path / "out" / "sample-0" / "result.json").stat().st_mtime_ns == when
    plan = runner.invoke(app, [*words, "--dry-run"])
    assert "hold" in plan.output and "0.1 ps, 300 K" in plan.output
