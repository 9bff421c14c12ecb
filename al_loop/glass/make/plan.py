"""A protocol as segments. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from al_loop.glass.make.segment import Pair, Segment
from al_loop.glass.make.steps import (
    Compress,
    Ensemble,
    Heat,
    Hold,
    Quench,
    Relax,
    Step,
    Strain,
)

if TYPE_CHECKING:
    from al_loop.glass.make.protocol import Protocol


def segments_of(protocol: Protocol) -> tuple[Segment, ...]:
    """What is run, in order.

    Raises
    ------
    ValueError
        A step follows one that there is not, has no temperature to begin with, or a direction
        that is none.
    """
    found: list[Segment] = []
    ends: dict[str, Segment] = {}
    last: Segment | None = None
    for index, (name, step) in enumerate(zip(step_names(protocol), protocol.steps, strict=True)):
        base = last
        if step.after is not None:
            if step.after not in ends:
                known = ", ".join(ends) or "none"
                raise ValueError(f"steps[{index}].after: no step {step.after!r} before; {known}")
            base = ends[step.after]
        try:
            made = list(_segments(protocol, name, step, base))
        except ValueError as error:
            raise ValueError(f"steps[{index}] ({name}): {error}") from None
        found += made
        ends[name] = last = made[-1]
    return tuple(found)


def step_names(protocol: Protocol) -> list[str]:
    """Names of the steps, in turn: those given, else what a step does, numbered."""
    names: list[str] = []
    for step in protocol.steps:
        name, n = step.name or step.do, 2
        while name in names:
            if step.name is not None:
                raise ValueError(f"two steps are called {name!r}")
            name, n = f"{step.do}-{n}", n + 1
        names.append(name)
    return names


def _segments(protocol: Protocol, name: str, step: Step, base: Segment | None) -> Iterator[Segment]:
    before = base.name if base else None
    warm = base.temperature[1] if base and base.temperature[1] > 0 else None
    if isinstance(step, Relax):
        yield Segment(
            name=name,
            step=name,
            before=before,
            ensemble="relax",
            steps=0,
            temperature=(0.0, 0.0),
            pressure=(step.pressure, step.pressure),
            cell=step.cell,
            force=step.force,
            under=step.under,
        )
        return
    every = _steps(protocol, step.frames or protocol.frames)
    shared = {"step": name, "every": every, "velocities": step.velocities, "under": step.under}
    if isinstance(step, Hold):
        if step.ensemble == "nve" and step.temperature is not None and warm is not None:
            raise ValueError("nve keeps the energy, not a temperature; leave it out")
        kelvin = step.temperature or _known(warm)
        yield _bath(protocol, name, step, before, (kelvin, kelvin), step.ps, shared)
    elif isinstance(step, Quench | Heat):
        kelvin = _known(warm)
        if (step.to - kelvin) * (1 if step.do == "heat" else -1) <= 0:
            raise ValueError(f"{step.do}: it is at {kelvin:g} K, and to is {step.to:g} K")
        ps = abs(step.to - kelvin) / step.rate
        yield _bath(protocol, name, step, before, (kelvin, step.to), ps, shared)
    elif isinstance(step, Compress):
        yield from _compressed(protocol, name, step, before, _known(warm), shared)
    else:
        yield from _strained(protocol, name, step, before, _known(warm), shared)


def _known(kelvin: float | None) -> float:
    if kelvin is None:
        raise ValueError("there is no temperature yet: put a hold with one before")
    return kelvin


def _bath(
    protocol: Protocol,
    name: str,
    step: Hold | Quench | Heat,
    before: str | None,
    kelvin: Pair,
    ps: float,
    shared: dict[str, object],
) -> Segment:
    return Segment.model_validate(
        {
            **shared,
            "name": name,
            "before": before,
            "ensemble": step.ensemble,
            "steps": _steps(protocol, ps),
            "temperature": kelvin,
            "pressure": (step.pressure, step.pressure),
            "cell": step.cell,
            "measured": isinstance(step, Hold),
        }
    )


def _compressed(
    protocol: Protocol,
    name: str,
    step: Compress,
    before: str | None,
    kelvin: float,
    shared: dict[str, object],
) -> Iterator[Segment]:
    """At each pressure: ramp, rest, run without baths (Trillot et al. 2024, 100 ps each)."""
    way = 1 if step.to >= step.start else -1
    count = round(abs(step.to - step.start) / step.by)
    if abs(abs(step.to - step.start) - count * step.by) > 1e-6 * step.by:
        raise ValueError(f"from {step.start:g} to {step.to:g} GPa is no whole number of by")
    now = step.start
    for n in range(count + 1):
        gpa = step.start + way * n * step.by
        parts: list[tuple[str, Ensemble, float, Pair]] = [
            ("ramp", "npt", step.ramp, (now, gpa)),
            ("relax", "npt", step.relax, (gpa, gpa)),
            ("measure", "nve", step.measure, (gpa, gpa)),
        ]
        for part, ensemble, ps, pressure in parts:
            if ps == 0 or (n == 0 and part == "ramp"):
                continue
            label = f"{name}-{gpa:g}GPa-{part}"
            yield Segment.model_validate(
                {
                    **shared,
                    "name": label,
                    "before": before,
                    "ensemble": ensemble,
                    "steps": _steps(protocol, ps),
                    "temperature": (kelvin, kelvin),
                    "pressure": pressure,
                    "cell": step.cell,
                    "measured": part != "ramp",
                }
            )
            before = label
        now = gpa


def _strained(
    protocol: Protocol,
    name: str,
    step: Strain,
    base: str | None,
    kelvin: float,
    shared: dict[str, object],
) -> Iterator[Segment]:
    """The steps of Pedone et al. 2025: 1 % at a time, the strained axis fixed, npt along the rest.

    Each axis begins with a rest at no strain from the same glass.
    """
    way = 1 if step.to > 0 else -1
    strains = [way * n * step.by for n in range(round(abs(step.to) / step.by) + 1)]
    for axis in step.axes:
        before, length = base, 1.0
        for strain in strains:
            for part, ps in (("ramp", step.ramp), ("hold", step.hold)):
                if part == "ramp" and not strain:
                    continue
                label = f"{name}-{axis}-{100 * strain:g}pc-{part}"
                yield Segment.model_validate(
                    {
                        **shared,
                        "name": label,
                        "before": before,
                        "ensemble": "npt",
                        "steps": _steps(protocol, ps),
                        "temperature": (kelvin, kelvin),
                        "pressure": (step.pressure, step.pressure),
                        "axis": axis,
                        "stretch": (1 + strain) / length if part == "ramp" else 1.0,
                        "measured": part == "hold",
                    }
                )
                before, length = label, 1 + strain


def _steps(protocol: Protocol, ps: float) -> int:
    return max(1, round(1000 * ps / protocol.timestep))
