"""Along cooling and heating: energies, volumes, fictive temperature, thermal expansion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, Estimate, average
from al_loop.glass.make import GlassResult, SegmentResult
from al_loop.glass.make.start import CrystalStart
from al_loop.glass.make.steps import Heat, Quench
from al_loop.glass.measuring.part import Part
from al_loop.glass.study.options import StudyOptions
from al_loop.glass.study.segments import of_kind
from al_loop.glass.thermal import fictive_temperature, thermal_expansion
from al_loop.units import EV_PER_A3_IN_GPA, Array

POINTS = 20
"""Of a curve over temperature, and of the line of thermal expansion."""
_FEWEST_ROWS = 4  # of a point


@dataclass(frozen=True)
class Ramp:
    """What a thermo table holds of temperatures that change, in the order of time.

    ``temperature`` (n,) is the thermostat's target, K: that of a small box at an instant has noise
    that would flatten slopes. ``enthalpy`` (n,) is the potential energy, with pV where the volume
    is free, eV/atom; ``volume`` (n,), Å3/atom.
    """

    temperature: Array
    enthalpy: Array
    volume: Array
    free: bool


def ramps(segments: Sequence[SegmentResult], *, atoms: int) -> list[Ramp]:
    """One for each segment."""
    found = []
    for one in segments:
        table, segment = one.thermo(), one.segment
        start, end = segment.temperature
        volume, free = table["volume"] / atoms, segment.ensemble == "npt"
        along = table["step"] / segment.steps
        first, last = segment.pressure
        pressure = (first + (last - first) * along) / EV_PER_A3_IN_GPA
        enthalpy = table["energy"] / atoms + (pressure * volume if free else 0.0)
        found.append(Ramp(start + (end - start) * along, enthalpy, volume, free))
    return found


def thermal(result: GlassResult, options: StudyOptions) -> Part:
    """Curves over temperature of the last cooling and heating, and what follows from them."""
    part = Part()
    atoms = len(result.final)
    cooling = ramps(_last_way_down(result), atoms=atoms)
    heating = ramps(_last_heating(result), atoms=atoms)
    for way, found in (("cooling", cooling), ("heating", heating)):
        if found:
            with part.attempt(f"energy_{way}"):
                _curves(part, way, found)
    if cooling:
        with part.attempt("fictive_temperature"):
            part.values["fictive_temperature"] = fictive_temperature(
                np.concatenate([one.temperature for one in cooling]),
                np.concatenate([one.enthalpy for one in cooling]),
                glass=options.glass,
                melt=options.melt,
            )
    crystal = isinstance(result.protocol.start, CrystalStart)
    if heating or (cooling and options.expansion):
        with part.attempt("thermal_expansion"):
            part.values["thermal_expansion"] = _expansion(
                heating or cooling, options.expansion, crystal=crystal
            )
    return part


def _last_way_down(result: GlassResult) -> list[SegmentResult]:
    """The quenches that lead from one to the next, the last such series."""
    found: list[SegmentResult] = []
    for _, segments in of_kind(result, Quench):
        if found and segments[0].segment.temperature[0] > found[-1].segment.temperature[1] + 1e-6:
            found = []
        found += segments
    return found


def _last_heating(result: GlassResult) -> list[SegmentResult]:
    found = of_kind(result, Heat)
    return list(found[-1][1]) if found else []


def _curves(part: Part, way: str, found: Sequence[Ramp]) -> None:
    """Mean energy and volume of pieces of the way; temperatures grow."""
    pieces = _pieces(found, None)
    x = np.array([t for t, _, _ in pieces])
    part.curves[f"energy_{way}"] = _curve(x, [energy for _, energy, _ in pieces], "eV/atom")
    if all(one.free for one in found):
        part.curves[f"volume_{way}"] = _curve(x, [volume for _, _, volume in pieces], "Å3/atom")


def _pieces(
    found: Sequence[Ramp], within: tuple[float, float] | None
) -> list[tuple[float, Estimate, Estimate]]:
    """Mean temperature, energy and volume of consecutive pieces, by temperature."""
    t, energy, volume = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("temperature", "enthalpy", "volume")
    )
    if within is not None:
        kept = (t >= within[0]) & (t <= within[1])
        t, energy, volume = t[kept], energy[kept], volume[kept]
    count = min(POINTS, len(t) // _FEWEST_ROWS)
    if count < 3:
        where = "" if within is None else f" between {within[0]:g} and {within[1]:g} K"
        raise DatasetError(
            f"{len(t)} points{where} along the way are too few",
            remedy="a slower rate, `thermo` more often, or a wider range",
        )
    order = np.array_split(np.arange(len(t)), count)
    pieces = [
        (float(t[k].mean()), average(energy[k]), average(volume[k], unit="Å3/atom")) for k in order
    ]
    return sorted(pieces, key=lambda one: one[0])


def _curve(x: Array, points: Sequence[Estimate], unit: str) -> Curve:
    errors = np.array([np.nan if one.error is None else one.error for one in points])
    values = np.array([one.value for one in points])
    return Curve(x, values, errors, len(points), "K", unit)


def _expansion(
    found: Sequence[Ramp], within: tuple[float, float] | None, *, crystal: bool
) -> Estimate:
    if within is None and not crystal:
        raise DatasetError(
            "a glass softens on the way: its expansion needs a range of temperatures",
            remedy="give `expansion` (K, from and to), for example 300 to 800",
        )
    if not all(one.free for one in found):
        raise DatasetError("the volume is fixed on the way", remedy="take `ensemble: npt`")
    pieces = _pieces(found, within)
    return thermal_expansion([t for t, _, _ in pieces], [volume for _, _, volume in pieces])
