"""Everything at once: samples in, named values and curves out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from ase.calculators.calculator import BaseCalculator

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.counted import counted
from al_loop.glass.measuring.lattice import DISORDERED, lattice
from al_loop.glass.measuring.measurement import Conditions, Measurement
from al_loop.glass.measuring.moving import add_haven_ratio, dynamics, temperature, vibrations
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part, mean_of
from al_loop.glass.measuring.part_files import PartFiles
from al_loop.glass.measuring.pulled import mechanics, modes
from al_loop.glass.measuring.still import structure
from al_loop.glass.trajectory import Trajectory

_SAME = 0.01
"""Fractions of atoms by which samples of one composition may differ: cells have whole atoms."""


def _nothing() -> None:
    """Of nobody who watches."""


def measure(
    samples: Sequence[Trajectory],
    options: MeasureOptions | None = None,
    *,
    calculator: BaseCalculator | None = None,
    advance: Callable[[], None] = _nothing,
    listen: Callable[[], None] = _nothing,
    parts: PartFiles | None = None,
) -> Measurement:
    """Measure independent samples of one glass: values and curves under documented names.

    What cannot be measured (no velocities, no potential, too short a run, no boron) is left out,
    and ``missing`` of the result says why. Errors: over the frames of a run for one sample, over
    samples for several; see :mod:`al_loop.glass.estimate`.

    Parameters
    ----------
    calculator
        An ASE calculator, for elastic moduli and modes of each sample's last frame.
    advance
        Called after each frame, and after each sample whose moduli are done.
    listen
        Called after each frame and each few calls of the calculator; what it raises ends it all.
    parts
        Where what was measured of each sample is kept, and found again.

    Raises
    ------
    DatasetError
        There are no samples, or they differ in composition.
    """
    options = options or MeasureOptions.model_validate({})
    fractions = _fractions(samples)
    found: list[Part] = []
    for number, sample in enumerate(samples):
        part = parts.get(number) if parts else None
        if part is None:
            part = _of_sample(sample, options, calculator, advance, listen)
            if parts:
                parts.put(number, part)
        found.append(part)
    mean = mean_of(found)
    if len(samples) > 1 and options.phase in DISORDERED:
        mean.values = counted(mean.values, samples, formers=options.structure.formers)
    add_haven_ratio(mean)
    return Measurement(
        _conditions(samples, options, fractions, mean.values),
        mean.values,
        mean.curves,
        mean.missing,
        mean.overlaps,
        tuple({name: one.value for name, one in part.values.items()} for part in found),
    )


def _of_sample(
    sample: Trajectory,
    options: MeasureOptions,
    calculator: BaseCalculator | None,
    advance: Callable[[], None],
    listen: Callable[[], None],
) -> Part:
    def of_frame() -> None:
        advance()
        listen()

    part = Part()
    kelvin = temperature(sample)
    if kelvin is not None:
        part.values["temperature"] = kelvin
    assumed = options.temperature or (kelvin.value if kelvin else None)
    if "structure" in options.groups or "rings" in options.groups:
        part.join(structure(sample, options, of_frame))
    if "structure" in options.groups:
        part.join(lattice(sample, options))
    if "dynamics" in options.groups:
        part.join(dynamics(sample, options, assumed))
    if "vibrations" in options.groups:
        part.join(_spectrum(sample, options, calculator, listen))
    if "mechanics" in options.groups:
        part.join(mechanics(sample, options, calculator, listen))
        if calculator is not None:
            advance()
    return part.finite()


def _spectrum(
    sample: Trajectory,
    options: MeasureOptions,
    calculator: BaseCalculator | None,
    listen: Callable[[], None],
) -> Part:
    """From modes, or from velocities where there is no potential or there are too many atoms."""
    atoms = len(sample.frames[-1])
    if calculator is not None and atoms <= options.modes_up_to:
        return modes(sample, options, calculator, listen)
    part = vibrations(sample, options)
    if calculator is not None:
        why = f"{atoms} atoms are more than `modes_up_to` ({options.modes_up_to}): no modes"
        part.missing["imaginary_modes"] = part.missing["participation_ratio"] = why
        if "vdos" in part.missing:
            part.missing["vdos"] = f"{why}; from velocities: {part.missing['vdos']}"
    return part


def _fractions(samples: Sequence[Trajectory]) -> dict[str, float]:
    """Mean fraction of each element."""
    if not samples:
        raise DatasetError("there is no sample to measure")
    elements = samples[0].elements
    found = []
    for one in samples:
        if one.elements != elements:
            raise DatasetError(
                f"it is of {', '.join(one.elements)}; {samples[0].source} is of "
                f"{', '.join(elements)}",
                where=one.source,
                remedy="measure each composition by itself",
            )
        found.append([one.counts[name] / len(one.frames[0]) for name in elements])
    table = np.array(found)
    if np.ptp(table, axis=0).max() > _SAME:
        raise DatasetError(
            "the samples differ in composition", remedy="measure each composition by itself"
        )
    return {name: float(value) for name, value in zip(elements, table.mean(axis=0), strict=True)}


def _conditions(
    samples: Sequence[Trajectory],
    options: MeasureOptions,
    fractions: Mapping[str, float],
    values: Mapping[str, Estimate],
) -> Conditions:
    kelvin = options.temperature
    if kelvin is None and "temperature" in values:
        kelvin = values["temperature"].value
    return Conditions(
        options.phase,
        fractions,
        kelvin,
        options.pressure,
        tuple(len(one.frames[0]) for one in samples),
        tuple(len(one) for one in samples),
        tuple(one.source for one in samples),
    )
