"""The measure job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dftd3.ase import DFTD3

from al_loop import stopping
from al_loop.d3 import D3, calculator_arguments
from al_loop.errors import JobStopped
from al_loop.explore import Committee
from al_loop.frame import write_frames
from al_loop.glass import Measurement, MeasureOptions
from al_loop.glass.measuring import PartFiles
from al_loop.glass.measuring.part import Part
from al_loop.jobfolder import Clock, JobFolder
from al_loop.loop.measuring import (
    MeasureParams,
    collect_measurement,
    run_measure_job,
    stage_measure_job,
)
from tests.explore.conftest import LJ_PACKAGE
from tests.glass.lennard_jones import argon
from tests.glass.networks import rattled

PBE = D3(functional="pbe", damping="bj", cutoff=15.0, cn_cutoff=10.0)


@pytest.fixture
def argon_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model of a trainer in a package of its own."""
    monkeypatch.syspath_prepend(LJ_PACKAGE)
    (tmp_path / "model.json").write_text(json.dumps({"epsilon": 0.0104, "sigma": 3.4}))
    return tmp_path / "model.json"


def argon_job(folder: Path, model: Path, options: MeasureOptions, d3: D3 | None) -> JobFolder:
    """Solid argon of two lattice constants, to be measured."""
    folder.mkdir()
    for k, a in enumerate((5.3, 5.35)):
        write_frames(folder / f"{k}.traj", [argon(1, a=a)])
    committee = Committee(
        model_format="lj", trainer="lj", elements=("Ar",), models=(model,), dispersion=d3
    )
    return stage_measure_job(
        folder,
        options=options,
        samples=["0.traj", "1.traj"],
        intervals=[1.0, 1.0],
        committee=committee,
    )


def measured(job: JobFolder) -> Measurement:
    run_measure_job(job, Clock())
    return collect_measurement(job)


def test_a_glass_is_at_rest_with_d3_where_the_campaign_has_it(
    tmp_path: Path, argon_model: Path
) -> None:
    """Where any force counts as none nothing moves, and what is added is D3 by its own package."""
    as_is = MeasureOptions(groups=("mechanics",), force=1e6)
    bare = measured(argon_job(tmp_path / "bare", argon_model, as_is, None))
    with_d3 = measured(argon_job(tmp_path / "d3", argon_model, as_is, PBE))
    for k, a in enumerate((5.3, 5.35)):
        atoms = argon(1, a=a)
        atoms.calc = DFTD3(**calculator_arguments(PBE))
        added = with_d3.by_sample[k]["energy_at_rest"] - bare.by_sample[k]["energy_at_rest"]
        assert added == pytest.approx(atoms.get_potential_energy() / len(atoms), abs=1e-9)
        assert added < -0.01
    rest = MeasureOptions(groups=("mechanics", "vibrations"), force=1e-4, max_frequency=5.0)
    loose = measured(argon_job(tmp_path / "loose", argon_model, rest, None)).values
    tight = measured(argon_job(tmp_path / "tight", argon_model, rest, PBE)).values
    for name in ("density_at_rest", "bulk_modulus"):
        assert tight[name].value > 1.05 * loose[name].value  # attraction, so it is denser, stiffer
    assert tight["imaginary_modes"].value == 0


def test_a_measurement_that_was_stopped_goes_on_at_the_next_sample(
    tmp_path: Path, argon_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = MeasureOptions(groups=("vibrations", "mechanics"), force=1e-4, max_frequency=5.0)
    alone = measured(argon_job(tmp_path / "alone", argon_model, options, None))
    job = argon_job(tmp_path / "stopped", argon_model, options, None)
    keep = PartFiles.put

    def ask_to_stop(files: PartFiles, sample: int, part: Part) -> None:
        keep(files, sample, part)
        stopping.request()

    with monkeypatch.context() as patched, stopping.listening(job.path):
        patched.setattr(PartFiles, "put", ask_to_stop)
        with pytest.raises(JobStopped):
            run_measure_job(job, Clock())
    assert job.result() is None
    (kept,) = job.path.glob("sample-*.json")
    when = kept.stat().st_mtime_ns
    assert measured(job).as_json() == alone.as_json()
    assert kept.stat().st_mtime_ns == when, "the first sample is not measured again"
    other = PartFiles(job.path, "of-another-job")
    assert other.get(0) is None
    for broken in ("{", "{}"):
        (job.path / "sample-0.of-another-j.json").write_text(broken)
        assert other.get(0) is None


def test_a_measurement_hears_that_it_is_to_stop(tmp_path: Path) -> None:
    write_frames(
        tmp_path / "a.traj", list(rattled("beta-cristobalite", size=2, amplitude=0.05).frames)
    )
    params = MeasureParams(
        options=MeasureOptions(groups=("structure",)).model_dump(mode="json"),
        samples=("a.traj",),
        intervals=(1.0,),
        trainer="none",
        elements=("O", "Si"),
        model="none",
    )
    job = JobFolder.create(
        tmp_path,
        kind="measure",
        engine="glass",
        params=params.model_dump(mode="json"),
        inputs=("a.traj",),
    )
    with stopping.listening(tmp_path):
        stopping.request()
        with pytest.raises(JobStopped):
            run_measure_job(job, Clock())
    assert job.result() is None
    run_measure_job(job, Clock())
    assert collect_measurement(job).values["si4"].value == 100.0
