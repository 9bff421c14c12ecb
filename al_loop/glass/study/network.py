"""Structure of the state that is told of, and over pressure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.make import GlassResult, SegmentResult
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.measuring.still import structure
from al_loop.glass.structure import zero_if_absent
from al_loop.glass.study.options import StudyOptions
from al_loop.glass.study.pressed import curve_of
from al_loop.glass.study.segments import settled, under_pressure

OVER_PRESSURE = (
    r"(si|b|al|p|ge|o)\d+|(coordination|length)_[A-Z][a-z]?-O|angle_[^_]+_mean|fsdp_position"
)
"""Values that are told over pressure: si5, o3, coordination_Si-O, ..."""


def network(result: GlassResult, state: SegmentResult, options: StudyOptions) -> Part:
    """Structure of the state (rings, if they are asked for), and curves of it over pressure."""
    part = _of(state, options, rings=options.rings)
    part.values.pop("density", None)  # that of every MD step is known
    held = under_pressure(result)
    looked = [_of(one, options, rings=False) for one in held]
    for one, found in zip(held, looked, strict=True):
        if "structure" in found.missing:
            part.missing["structure_pressure"] = f"{one.name}: {found.missing['structure']}"
            return part
        part.overlaps += found.overlaps
    pressures = np.array([one.segment.pressure[1] for one in held])
    for name in dict.fromkeys(name for found in looked for name in found.values):
        if not re.fullmatch(OVER_PRESSURE, name):
            continue
        points = [found.values[name] for found in looked if name in found.values]
        unit = points[0].unit
        if zero_if_absent(name, unit):
            none = Estimate(0.0, 0.0, min(one.n for one in points), unit)
            points = [found.values.get(name, none) for found in looked]
        if len(points) == len(held):
            part.curves[f"{name}_pressure"] = curve_of(pressures, points)
        else:
            part.missing[f"{name}_pressure"] = "it is not there at all pressures"
    return part


def even(parts: Sequence[Part]) -> None:
    """What occurs under pressure in some samples only (seven-fold silicon) is zero in the others.

    Changes the parts in place.
    """
    there = {
        name: curve
        for part in parts
        for name, curve in part.curves.items()
        if name.endswith("_pressure") and curve.y_unit == "%"
    }
    for part in parts:
        if "structure_pressure" in part.missing:
            continue
        for name, curve in there.items():
            zero = np.zeros(len(curve.x))
            none = Curve(curve.x, zero, zero, curve.n, curve.x_unit, curve.y_unit)
            part.curves.setdefault(name, none)


def _of(held: SegmentResult, options: StudyOptions, *, rings: bool) -> Part:
    asked = MeasureOptions.model_validate(
        {
            "groups": ("structure", "rings") if rings else ("structure",),
            "structure": {"cutoffs": options.cutoffs},
        }
    )
    found = Part()
    with found.attempt("structure"):
        found.join(structure(settled(held), asked, lambda: None).finite())
    return found
