"""Whether the gates of a campaign can be judged at all: seen before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ase.formula import Formula

from al_loop.campaign import CampaignSpec
from al_loop.errors import DatasetError, UserError
from al_loop.loop.context import Context
from al_loop.loop.errors import CampaignFailed
from al_loop.loop.protocols import Planned, check_protocols, planned_of

if TYPE_CHECKING:
    from al_loop.glass.compare import Gate, Reference, References
    from al_loop.glass.measuring import Conditions

_NEVER_OF_A_GLASS = (
    "lattice_", "eos_", "energy_volume", "conductivity", "haven_ratio", "temperature", "vacf_",
    "green_kubo_", "dynamic_s_",
)  # fmt: skip
"""Of crystals, or an equation of state; needs charges, which nobody is asked for; need velocities,
which no walk keeps."""
AMENDED = "then `al-loop amend FILE` and `al-loop resume`"


def check_gates(spec: CampaignSpec, *, base: Path) -> None:
    """See that the gates can be understood, and that each can be passed and failed.

    Raises
    ------
    UserError
        A gate, a file of references or a reference is missing or wrong, or what a gate is on is
        not measured; with its key.
    """
    from al_loop.glass.compare import parse_gates

    if spec.validation is None:
        return
    planned = check_protocols(spec, base=base)
    try:
        gates = parse_gates(spec.converge.glass)
    except DatasetError as error:
        raise UserError(
            error.what, where=f"converge.glass.{error.where}", remedy=error.remedy
        ) from None
    try:
        references = references_of(spec, base=base)
    except DatasetError as error:
        where = f"validate.references: {error.where}"
        raise UserError(error.what, where=where, remedy=error.remedy) from None
    _has_glasses_to_differ(spec)
    for gate in gates:
        _is_measured(spec, gate.name)
    for system in spec.validation.systems:
        conditions = conditions_of(spec, system, base=base)
        known = references.of(conditions)
        for gate in gates:
            _has_its_elements(spec, gate.name, system)
            _has_vibrations(spec, gate.name, system, planned.get(system))
            if gate.kind == "bounds":
                continue
            if gate.kind == "alike" and any(one.name == gate.name for one in known.curves):
                continue
            if reference := known.best(gate.name):
                _is_wide_enough(gate, reference)
                continue
            raise UserError(
                f"there is no reference of {gate.name} for {system} "
                f"({spec.validation.systems[system].formula}, "
                f"{conditions.temperature:g} K) to hold it against",
                where=f"converge.glass.{gate.name}",
                remedy="give a file with one (`validate.references`), or ask for bounds "
                '(`">= 98 %"`, `2.1 to 2.3 g/cm3`)',
            )


def insist_on_gates(ctx: Context) -> None:
    """CampaignFailed where the gates of now cannot be judged, whatever comes out."""
    try:
        check_gates(ctx.spec, base=Path(ctx.record.base))
    except UserError as error:
        remedy = f"{error.remedy}; {AMENDED}" if error.remedy else AMENDED
        raise CampaignFailed(error.what, where=error.where, remedy=remedy) from None


def _has_glasses_to_differ(spec: CampaignSpec) -> None:
    """One glass passes no gate: the scatter between glasses is not known."""
    assert spec.validation is not None
    if spec.converge.glass and spec.validation.most_samples < 2:
        raise UserError(
            "with one sample no gate is ever decided: the frames of one glass do not tell the "
            "scatter between glasses",
            where="validate.most_samples",
            remedy="allow two or more (`samples: 1` may stay: more are made as they are needed), "
            "or take out `converge.glass`",
        )


def _is_measured(spec: CampaignSpec, name: str) -> None:
    from al_loop.glass.measuring import observable

    assert spec.validation is not None
    where, measured = f"converge.glass.{name}", spec.validation.measure
    if name.startswith(_NEVER_OF_A_GLASS) or observable(name)[1].group == "study":
        raise UserError(
            f"{name} is not measured of a campaign's glass",
            where=where,
            remedy="take this gate out; `al-loop glass measure` and `study` are for what is beyond",
        )
    group = observable(name)[1].group
    if group not in measured and not (group == "structure" and "rings" in measured):
        raise UserError(
            f"{name} is not measured: it is of the group {group}, and validate.measure is "
            f"{', '.join(measured)}",
            where=where,
            remedy=f"add {group} to `validate.measure`, or take this gate out",
        )


def _has_its_elements(spec: CampaignSpec, name: str, system: str) -> None:
    from al_loop.glass.measuring import elements_of

    assert spec.validation is not None
    formula = spec.validation.systems[system].formula
    if lacking := elements_of(name) - Formula(formula).count().keys():
        raise UserError(
            f"{system} ({formula}) has no {', '.join(sorted(lacking))}, and a gate is for every "
            "system",
            where=f"converge.glass.{name}",
            remedy="take this gate out, or this composition out of `validate.systems`",
        )


def _has_vibrations(spec: CampaignSpec, name: str, system: str, planned: Planned | None) -> None:
    """They are those of modes, or of velocities that a protocol keeps often enough."""
    from al_loop.glass.measuring import MeasureOptions, observable

    assert spec.validation is not None
    atoms, most = spec.validation.systems[system].atoms, spec.validation.modes_up_to
    if observable(name)[1].group != "vibrations" or atoms <= most:
        return
    why = (
        f"{name} comes from the modes of a glass, which are computed up to {most} atoms "
        f"(validate.modes_up_to); {system} has {atoms}"
    )
    if name.startswith("vdos") and planned is not None and planned.last.velocities:
        longest = 0.5 / MeasureOptions.model_validate({}).max_frequency
        if planned.interval <= longest * (1 + 1e-9):
            return
        why += (
            f", and its velocities are {planned.interval:g} ps apart, {longest:g} ps or less being "
            "needed"
        )
    raise UserError(
        why,
        where=f"converge.glass.{name}",
        remedy=f"set `validate.modes_up_to` to {atoms} (6 force calls an atom, and "
        f"{360 * atoms**2 / 1e9:.2g} GB), make smaller glasses, or take this gate out and run "
        "`al-loop glass make vibrations` with the potential",
    )


def _is_wide_enough(gate: Gate, reference: Reference) -> None:
    """Nothing is within a tolerance of what is not known so well itself."""
    from al_loop.glass.estimate import coverage

    tolerance = gate.tolerance or 0.0
    allowed = tolerance * abs(reference.value) if gate.relative else tolerance
    theirs = coverage(1) * (reference.uncertainty or 0.0)
    if allowed < theirs:
        unit = f" {gate.unit}" if gate.unit else ""
        raise UserError(
            f"{gate.text} ({allowed:.2g}{unit}) can never be shown: the reference itself "
            f"({reference.source}) is known to ±{theirs:.2g}{unit}",
            where=f"converge.glass.{gate.name}",
            remedy="allow more, or ask for bounds (`2.1 to 2.3 g/cm3`)",
        )


def references_of(spec: CampaignSpec, *, base: Path) -> References:
    """What glasses are held against: the files of the campaign, and those of al_loop."""
    from al_loop.glass.compare import load_references

    assert spec.validation is not None
    return load_references([base / name for name in spec.validation.references])


def conditions_of(spec: CampaignSpec, system: str, *, base: Path) -> Conditions:
    """What a glass of the campaign is, as references know it."""
    from al_loop.glass.measuring import Conditions

    assert spec.validation is not None
    wish = spec.validation
    counts = Formula(wish.systems[system].formula).count()
    kelvin, pressure, frames = wish.quench.to, 0.0, wish.glass.frames
    if (planned := planned_of(spec, system, base=base)) is not None:
        kelvin, pressure = planned.last.temperature[1], planned.last.pressure[1]
        frames = planned.frames
    elif wish.ensemble == "npt":
        pressure = wish.pressure
    return Conditions(
        phase="glass",
        fractions={symbol: n / sum(counts.values()) for symbol, n in counts.items()},
        temperature=kelvin,
        pressure=pressure,
        atoms=(wish.systems[system].atoms,),
        frames=(frames,),
        sources=(system,),
    )
