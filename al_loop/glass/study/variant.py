"""The samples of one variant of a protocol (one rate, size, composition), as one measurement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate, combine
from al_loop.glass.make import GlassResult, SegmentResult
from al_loop.glass.make.start import CrystalStart
from al_loop.glass.make.steps import Quench, Relax
from al_loop.glass.measuring import Conditions, Measurement, MeasureOptions
from al_loop.glass.measuring.lattice import DISORDERED, lattice
from al_loop.glass.measuring.moving import add_haven_ratio
from al_loop.glass.measuring.part import Part, mean_of
from al_loop.glass.study.mobile import mobile
from al_loop.glass.study.network import even, network
from al_loop.glass.study.options import StudyOptions
from al_loop.glass.study.pressed import pressed, strained
from al_loop.glass.study.ramps import thermal
from al_loop.glass.study.segments import of_kind, state_of

STATE = ("temperature", "pressure", "density", "energy", "volume")
"""Averages that are told of a state."""


@dataclass(frozen=True)
class State:
    """Means over the samples at the end of a segment that is in equilibrium or at rest.

    ``values``: temperature (K), pressure (GPa), density (g/cm3), energy (eV/atom), volume
    (Å3/atom).
    """

    name: str
    values: Mapping[str, Estimate]


@dataclass(frozen=True)
class Studied:
    """A variant: ``rate`` of its first quench (K/ps; None without), ``atoms``, what was found.

    ``measurement`` has values and curves under public names; ``states`` the means of each segment;
    ``left_out`` sentences on samples that LAMMPS did not complete.
    """

    name: str
    rate: float | None
    atoms: int
    measurement: Measurement
    states: tuple[State, ...]
    left_out: tuple[str, ...] = ()


def study_variant(
    name: str, samples: Mapping[str, GlassResult], options: StudyOptions | None = None
) -> Studied:
    """Everything that the samples of one variant tell; ``samples`` by the names of their runs.

    Means and errors are over samples; of a single one over its time.

    Raises
    ------
    DatasetError
        No sample is complete, or the protocol holds no temperature.
    """
    options = options or StudyOptions.model_validate({})
    left_out = tuple(
        f"{run}: {one.stop}: {one.detail}"
        for run, one in samples.items()
        if one.stop != "completed"
    )
    whole = {run: one for run, one in samples.items() if one.stop == "completed"}
    if not whole:
        raise DatasetError(
            f"none of its samples is complete; {left_out[0] if left_out else 'there are none'}",
            where=name,
        )
    first = next(iter(whole.values()))
    state = state_of(first, options.temperature)
    phase = options.phase or _phase(first)
    parts = [_sample(one, one[state.name], phase, options) for one in whole.values()]
    even(parts)
    mean = mean_of([one.finite() for one in parts])
    add_haven_ratio(mean)
    every = state.segment.every
    measurement = Measurement(
        Conditions(
            phase,
            _fractions(first),
            state.segment.temperature[1],
            state.segment.pressure[1],
            tuple(len(one.final) for one in whole.values()),
            (state.segment.steps // every + 1,) * len(whole),
            tuple(whole),
        ),
        mean.values,
        mean.curves,
        mean.missing,
        mean.overlaps,
        by_sample=tuple({n: v.value for n, v in part.values.items()} for part in parts),
    )
    quenches = of_kind(first, Quench)
    rate = quenches[0][0].rate if quenches else None
    states = tuple(_states(list(whole.values())))
    return Studied(name, rate, len(first.final), measurement, states, left_out)


def _sample(result: GlassResult, state: SegmentResult, phase: str, options: StudyOptions) -> Part:
    part = Part()
    for name in ("density", "temperature"):
        part.values[name] = state.averages[name]
    if options.structure or options.rings:
        part.join(network(result, state, options))
    found = [thermal(result, options), pressed(result), strained(result), _at_rest(result)]
    if options.diffusion:
        found.append(mobile(result, state, options))
    if phase not in DISORDERED:
        found.append(_lattice(state, phase))
    for one in found:
        part.join(one)
    return part


def _at_rest(result: GlassResult) -> Part:
    """Energy and density of the last relaxation with its cell at no pressure."""
    part = Part()
    for step, segments in of_kind(result, Relax):
        if step.cell != "fixed" and step.pressure == 0:
            part.values["energy_at_rest"] = segments[0].averages["energy"]
            part.values["density_at_rest"] = segments[0].averages["density"]
    return part


def _lattice(state: SegmentResult, phase: str) -> Part:
    part = Part()
    with part.attempt("lattice"):
        options = MeasureOptions.model_validate({"phase": phase})
        found = lattice(state.frames(), options)
        part.values, part.missing = found.values, found.missing
    return part


def _states(samples: list[GlassResult]) -> Iterator[State]:
    for one in samples[0].segments:
        if one.segment.measured or one.segment.still:
            there = [sample[one.name].averages for sample in samples]
            yield State(one.name, {k: combine([x[k] for x in there]) for k in STATE})


def _phase(result: GlassResult) -> str:
    start = result.protocol.start
    return start.name if isinstance(start, CrystalStart) else "glass"


def _fractions(result: GlassResult) -> dict[str, float]:
    symbols = result.final.get_chemical_symbols()
    return {one: symbols.count(one) / len(symbols) for one in sorted(set(symbols))}
