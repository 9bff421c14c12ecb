"""Under pressure and under strain: equation of state, bulk and Young's modulus, Poisson's ratio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al_loop.glass.estimate import Curve, Estimate, combine_curves
from al_loop.glass.make import GlassResult, SegmentResult
from al_loop.glass.make.steps import Strain
from al_loop.glass.measuring.part import Part
from al_loop.glass.mechanics import Pull, bulk_modulus_from_pressures, tensile_moduli
from al_loop.glass.study.segments import of_kind, under_pressure
from al_loop.units import Array

ELASTIC = 6.0
"""GPa: the bulk modulus is that of the points up to here, where there are four of them."""
_FEWEST = 4
_AXES = "xyz"


def pressed(result: GlassResult) -> Part:
    """Of the last compression: density, volume and energy over pressure; bulk modulus at none.

    Pressures are the barostat's: the average over a short run has the larger error.
    """
    part = Part()
    held = under_pressure(result)
    if not held:
        return part
    pressures = np.array([one.segment.pressure[1] for one in held])
    for name in ("density", "volume", "energy"):
        points = [one.averages[name] for one in held]
        part.curves[f"{name}_pressure"] = curve_of(pressures, points)
    with part.attempt("bulk_modulus"):
        near = np.abs(pressures) <= ELASTIC * (1 + 1e-9)
        if near.sum() < _FEWEST:
            near[:] = True
        volumes = part.curves["volume_pressure"]
        known = volumes.error is not None and bool((volumes.error[near] > 0).all())
        errors = volumes.error[near] if known and volumes.error is not None else None
        part.values["bulk_modulus"] = bulk_modulus_from_pressures(
            pressures[near], volumes.y[near], errors=errors
        )
    return part


def strained(result: GlassResult) -> Part:
    """Of the last strains: stress over strain, Young's modulus and Poisson's ratio."""
    part = Part()
    steps = of_kind(result, Strain)
    if not steps:
        return part
    step, segments = steps[-1]
    with part.attempt("young_modulus"):
        pulls = [_pull(axis, segments) for axis in step.axes]
        found = tensile_moduli(pulls)
        part.values["young_modulus"] = found["young"]
        part.values["poisson_ratio"] = found["poisson"]
        part.curves["stress_strain"] = combine_curves(
            [Curve(one.strain, one.stress, None, 1, "", "GPa") for one in pulls]
        )
    return part


def _pull(axis: str, segments: Sequence[SegmentResult]) -> Pull:
    held = [one for one in segments if one.segment.axis == axis and one.segment.measured]
    lengths = [[one.averages[f"l{name}"].value for name in _AXES] for one in held]
    stress = np.array([one.averages[f"stress_{axis}"].value for one in held])
    return Pull.of(_AXES.index(axis), np.array([np.diag(one) for one in lengths]), stress)


def curve_of(pressures: Array, points: Sequence[Estimate]) -> Curve:
    """Values at pressures (n,), GPa, with their errors where all have one."""
    errors = [one.error for one in points]
    known = None if None in errors else np.array(errors, dtype=np.float64)
    values = np.array([one.value for one in points])
    return Curve(pressures, values, known, min(one.n for one in points), "GPa", points[0].unit)
