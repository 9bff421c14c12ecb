"""The measure job."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop import stopping
from al_loop.errors import JobStopped
from al_loop.frame import write_frames
from al_loop.glass import MeasureOptions
from al_loop.jobfolder import Clock, JobFolder
from al_loop.loop.measuring import MeasureParams, collect_measurement, run_measure_job
from tests.glass.networks import rattled


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
