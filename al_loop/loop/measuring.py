"""The job that measures the samples of a glass, all of one composition at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase.calculators.calculator import BaseCalculator
from pydantic import BaseModel, ConfigDict

from al_loop import stopping
from al_loop.d3 import D3
from al_loop.explore import Committee
from al_loop.explore.ase_md.dispersion import with_dispersion
from al_loop.explore.committee import load_members, relative_models
from al_loop.frame import read_frames
from al_loop.jobfolder import Clock, JobFolder, JobResult

if TYPE_CHECKING:
    from al_loop.glass import Measurement, MeasureOptions

MEASURED = "measurement.json"


class MeasureParams(BaseModel):
    """``params`` of a measure job's ``job.json``; the samples are inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: dict[str, Any]
    """``al_loop.glass.MeasureOptions``"""
    samples: tuple[str, ...]
    """Files of frames, relative to the folder."""
    intervals: tuple[float, ...]
    """Time between the frames of each, ps."""
    trainer: str
    elements: tuple[str, ...]
    model: str
    """Potential for what needs one (moduli, modes), relative to the folder."""
    dispersion: D3 | None = None
    """Added to the potential."""


def stage_measure_job(
    path: Path,
    *,
    options: MeasureOptions,
    samples: Sequence[str],
    intervals: Sequence[float],
    committee: Committee,
) -> JobFolder:
    """Put up a measure job, or find it there; ``samples`` are files in its folder.

    ``intervals``: ps between the frames of each sample. The first model of the committee is used
    where a potential is needed, with D3 where the committee has it added.

    Raises
    ------
    JobFolderError
        The folder holds another job, or a sample is missing.
    """
    path.mkdir(parents=True, exist_ok=True)
    model = relative_models(committee, path)[0]
    params = MeasureParams(
        options=options.model_dump(mode="json"),
        samples=tuple(samples),
        intervals=tuple(intervals),
        trainer=committee.trainer,
        elements=committee.elements,
        model=model,
        dispersion=committee.dispersion,
    )
    return JobFolder.create(
        path,
        kind="measure",
        engine="glass",
        params=params.model_dump(mode="json", exclude_none=True),
        inputs=(*samples, model),
    )


def run_measure_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Measure all samples and seal the result; return it if it is there.

    The caller holds the folder's lock.

    Raises
    ------
    JobStopped
        It was asked to stop, which is heard after each frame and each step of a relaxation; a
        later run goes on with the sample at which it was.
    """
    from al_loop.glass import MeasureOptions, Trajectory, measure  # slow to import, rarely needed
    from al_loop.glass.measuring import PartFiles

    params = folder.params("measure", MeasureParams)
    options = MeasureOptions.model_validate(params.options)
    samples = [
        Trajectory(tuple(read_frames(folder.path / name)), interval, source=name)
        for name, interval in zip(params.samples, params.intervals, strict=True)
    ]
    calculator: BaseCalculator | None = None
    if {"vibrations", "mechanics"} & set(options.groups):
        calculator = _calculator(folder, params)
    with clock.span():
        found = measure(
            samples,
            options,
            calculator=calculator,
            listen=lambda: stopping.stop_if_requested(folder.path),
            parts=PartFiles(folder.path, folder.spec().key),
        )
    found.write(folder.path / MEASURED)
    return folder.finish({"values": len(found.values)}, files=[MEASURED], clock=clock)


def collect_measurement(folder: JobFolder) -> Measurement:
    """What a finished job measured.

    Raises
    ------
    JobFolderError
        There is no valid result.
    """
    from al_loop.glass import Measurement

    folder.valid_result()
    return Measurement.read(folder.path / MEASURED)


def _calculator(folder: JobFolder, params: MeasureParams) -> BaseCalculator:
    committee = Committee(
        model_format="",
        trainer=params.trainer,
        elements=params.elements,
        models=(folder.path / params.model,),
    )
    return with_dispersion(load_members(committee)[0], params.dispersion)
