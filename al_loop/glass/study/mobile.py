"""Diffusion at the temperatures that are held, and its activation energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.dynamics import arrhenius
from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.make import GlassResult, SegmentResult
from al_loop.glass.measuring.moving import dynamics
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.study.options import StudyOptions
from al_loop.glass.study.segments import holds, steps_held
from al_loop.glass.trajectory import Trajectory


def mobile(result: GlassResult, state: SegmentResult, options: StudyOptions) -> Part:
    """What moves in the ``state``; diffusion over temperature where atoms diffuse at two or more.

    Of several holds at one temperature the last one counts.
    """
    steps = {held.name: step for step, held in steps_held(result)}
    by_temperature = {one.segment.temperature[1]: one for one in holds(result)}
    by_temperature[state.segment.temperature[1]] = state
    part = Part()
    found: dict[str, dict[float, Estimate]] = {}
    for kelvin, hold in by_temperature.items():
        here = Part()
        with here.attempt("dynamics"):
            window = options.window or steps[hold.name].msd_window
            asked = MeasureOptions(charges=options.charges, window=window)
            here = dynamics(_frames(hold, options.skip), asked, kelvin)
        if hold is state:
            part = here
            few = ("vacf", "dynamic_s_neutron")  # protocols rarely write so many frames
            for name in few if options.charges else (*few, "conductivity"):
                part.missing.pop(name, None)
        for name, value in here.values.items():
            if name.startswith("diffusion_"):
                found.setdefault(name.removeprefix("diffusion_"), {})[kelvin] = value
    for element, points in found.items():
        with part.attempt(f"activation_energy_{element}"):
            _arrhenius(part, element, dict(sorted(points.items())))
    return part


def _frames(hold: SegmentResult, skip: float) -> Trajectory:
    """Of a hold, without its first ``skip`` ps.

    Raises
    ------
    DatasetError
        Less than two frames are left.
    """
    run = hold.frames()
    first = ceil(skip / run.time_step() - 1e-9)
    if first > len(run) - 2:
        raise DatasetError(
            f"skip: {skip:g} ps leave nothing of {hold.name}, which takes "
            f"{run.time_step() * (len(run) - 1):g} ps",
            remedy="skip less, or hold longer",
        )
    return replace(run, frames=run.frames[first:], energies=None)


def _arrhenius(part: Part, element: str, points: Mapping[float, Estimate]) -> None:
    if len(points) < 2:
        raise DatasetError(
            f"{element} diffuses at one temperature of those held ({next(iter(points)):g} K)",
            remedy="hold two temperatures or more at which it diffuses",
        )
    values = list(points.values())
    kelvin = np.array(list(points))
    fitted = arrhenius(list(points), values)
    part.values[f"activation_energy_{element}"] = fitted.activation_energy
    errors = [one.error for one in values]
    part.curves[f"diffusion_temperature_{element}"] = Curve(
        kelvin,
        np.array([one.value for one in values]),
        None if None in errors else np.array(errors, dtype=np.float64),
        min(one.n for one in values),
        "K",
        values[0].unit,
    )
