"""Labels without D3, and D3 in everything that runs the potential."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from al_loop.campaign import CampaignSpec, dump_campaign, parse_campaign
from al_loop.d3 import correction
from al_loop.explore import collect_walks
from al_loop.explore.job import explore_params
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.lammps.executable import find_program
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.export import export_dataset
from al_loop.loop.potential import export_model
from al_loop.loop.stages.train import leader_of
from al_loop.loop.status import campaign_status
from al_loop.store import JobRecord, Store
from al_loop.train.linear import LinearTrainer
from tests.campaigns import REAL, computed
from tests.loop.test_dispersion import begin, finish

pytestmark = pytest.mark.engine

MD = {"where": "md"}


def walker_jobs(store: Store, name: str) -> list[JobRecord]:
    return [job for job in store.jobs.of_stage(name, 0, "explore") if "walkers" in job.name]


def test_a_campaign_explores_with_d3_and_learns_without(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path, "md", MD)
    d3 = ctx.spec.dispersion.d3  # type: ignore[union-attr]
    finish(store, "md")
    assert ctx.method == ctx.bare_method  # labels are anybody's
    jobs = walker_jobs(store, "md")
    assert all(explore_params(ctx.folder_of(job)).dispersion == d3 for job in jobs)
    leader = leader_of(store.models.of_iteration("md", 0))
    model = tmp_path / "leader.json"
    store.files.fetch(leader.files[leader.model], model)
    potential = LinearTrainer.predictor(model, ctx.spec.elements)
    chosen = [one for one in store.selections.of_campaign("md") if one.predicted_forces is not None]
    assert chosen
    for frame, atoms in store.frames.get_many(one.frame for one in chosen[:5]).items():
        (one,) = (one for one in chosen if one.frame == frame)
        assert one.predicted_forces == pytest.approx(potential.predict(atoms)[1], abs=1e-9)
    walk = collect_walks(ctx.folder_of(jobs[0]))[0]
    # a campaign without D3 has the same labels to start from, and walks elsewhere
    bare = begin(store, tmp_path, "bare", None)
    finish(store, "bare")
    assert bare.method == ctx.method
    initial = store.selections.hashes("md", 0) & store.selections.hashes("bare", 0)
    assert not initial & computed(tmp_path / "bare").keys()
    (other,) = (
        one
        for job in walker_jobs(store, "bare")
        for one in collect_walks(bare.folder_of(job))
        if one.name == walk.name
    )
    assert not np.allclose(other.pressure[:3], walk.pressure[:3])


def test_everything_says_that_d3_has_to_be_added(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path, "md", MD)
    finish(store, "md")
    d3 = ctx.spec.dispersion.d3  # type: ignore[union-attr]
    assert "to be added wherever the potential runs" in str(
        campaign_status(store, ctx.record).dispersion
    )
    files = {path.name: path for path in export_model(ctx, tmp_path / "potential")}
    assert files.keys() == {"md.json", "README.md", "about.json", "run_ase.py", "start.xyz"}
    assert "Dispersion has to be added" in files["README.md"].read_text()
    about = json.loads(files["about.json"].read_text())
    assert about["dispersion"]["where"] == "md"
    assert about["method"] == ctx.fingerprint == dict(ctx.labeller.fingerprint())
    export_dataset(ctx, tmp_path / "data", fmt="extxyz")
    assert json.loads((tmp_path / "data" / "about.json").read_text())["dispersion"]["where"] == "md"
    start = read(files["start.xyz"])
    bare = LinearTrainer.predictor(files["md.json"], ctx.spec.elements).predict(start)[0]
    energy = first_energy(files["run_ase.py"])
    assert energy == pytest.approx(bare + correction(start, d3).energy, abs=1e-6)


def test_without_the_section_nothing_is_added(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path, "bare", None)
    finish(store, "bare")
    files = {path.name: path for path in export_model(ctx, tmp_path / "potential")}
    assert "ispersion" not in files["README.md"].read_text()
    assert "dftd3" not in files["run_ase.py"].read_text()
    start = read(files["start.xyz"])
    bare = LinearTrainer.predictor(files["bare.json"], ctx.spec.elements).predict(start)[0]
    assert first_energy(files["run_ase.py"]) == pytest.approx(bare, abs=1e-6)


def test_lammps_explores_with_d3_and_runs_what_is_exported(store: Store, tmp_path: Path) -> None:
    data = dump_campaign(parse_campaign(REAL.format(name="real")))
    data["train"]["options"]["steps"] = 60
    data["explore"]["stages"] = [
        {"from": ["cristobalite"], "temperatures": [300], "steps": 20, "walkers": 1}
    ]
    data["label"] = {"engine": "pair"}
    data |= {"dispersion": MD, "budget": {"iterations": 1}, "folder": str(tmp_path / "real")}
    spec = CampaignSpec.model_validate(data)
    register(store, spec, base=tmp_path)
    finish(store, "real", until_stage=(0, "select"))
    ctx = Context(store, "real")
    (job,) = walker_jobs(store, "real")
    folder = ctx.folder_of(job)
    (script,) = folder.path.glob("*/in.lammps")
    assert "dispersion/d3 bj pbe 15.0 10.0" in script.read_text()
    (walk,) = collect_walks(folder)
    assert len(walk.step) == 3
    files = {path.name: path for path in export_model(ctx, tmp_path / "potential")}
    text = files["in.lammps"].read_text()
    assert "dispersion/d3 bj pbe 15.0 10.0" in text
    assert "hybrid/overlay deepmd real.pb dispersion/d3" in files["README.md"].read_text()
    files["in.lammps"].write_text(text.replace("run             2000", "run             20"))
    program = find_program(LammpsOptions())
    done = subprocess.run(
        [*program.command, "-in", "in.lammps"],
        cwd=tmp_path / "potential",
        env=program.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    head = next(i for i, words in enumerate(lines) if words[:1] == ["Step"])
    energy = float(lines[head + 1][lines[head].index("PotEng")])
    # two programs, two codes of D3, one potential
    assert first_energy(files["run_ase.py"]) == pytest.approx(energy, abs=1e-3)
    atoms = read(files["start.xyz"])
    assert abs(correction(atoms, spec.dispersion.d3).energy) > 1.0  # type: ignore[union-attr]


def first_energy(script: Path) -> float:
    """What a script prints before it moves anything, eV."""
    text = script.read_text().replace("dynamics.irun(2000)", "dynamics.irun(1)")
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=script.parent,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if " K " in line and " eV" in line)
    return float(line.split()[-2])
