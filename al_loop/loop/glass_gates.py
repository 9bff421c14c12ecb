"""The gates that a campaign's glasses must pass: read, and held against what was measured."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ase.formula import Formula

from al_loop.campaign import CampaignSpec
from al_loop.errors import DatasetError, UserError
from al_loop.loop.context import Context
from al_loop.store import GateRecord, GlassMeasurement, GlassRecord, Store

if TYPE_CHECKING:
    from al_loop.glass.compare import GateResult, References
    from al_loop.glass.measuring import Conditions, Measurement

MADE, APART = "made", "overlapping_pairs"
"""What is asked of every glass: that it comes to be, and that no atoms overlap."""


def check_gates(spec: CampaignSpec, *, base: Path) -> None:
    """See that the gates can be understood and that there is a reference where one is needed.

    Raises
    ------
    UserError
        A gate, a file of references or a reference is missing or wrong, with its key.
    """
    from al_loop.glass.compare import parse_gates

    if spec.validation is None:
        return
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
    for system in spec.validation.systems:
        known = references.of(conditions_of(spec, system))
        for gate in gates:
            if gate.kind == "bounds" or known.best(gate.name) is not None:
                continue
            if gate.kind == "alike" and any(one.name == gate.name for one in known.curves):
                continue
            raise UserError(
                f"there is no reference of {gate.name} for {system} "
                f"({spec.validation.systems[system].formula}, "
                f"{spec.validation.quench.to:g} K) to hold it against",
                where=f"converge.glass.{gate.name}",
                remedy="give a file with one (`validate.references`), or ask for bounds "
                '(`">= 98 %"`, `2.1 to 2.3 g/cm3`)',
            )


def references_of(spec: CampaignSpec, *, base: Path) -> References:
    """What glasses are held against: the files of the campaign, and those of al_loop."""
    from al_loop.glass.compare import load_references

    assert spec.validation is not None
    return load_references([base / name for name in spec.validation.references])


def conditions_of(spec: CampaignSpec, system: str) -> Conditions:
    """What a glass of the campaign is, as references know it."""
    from al_loop.glass.measuring import Conditions

    assert spec.validation is not None
    wish = spec.validation
    counts = Formula(wish.systems[system].formula).count()
    return Conditions(
        phase="glass",
        fractions={symbol: n / sum(counts.values()) for symbol, n in counts.items()},
        temperature=wish.quench.to,
        pressure=wish.pressure if wish.ensemble == "npt" else 0.0,
        atoms=(wish.systems[system].atoms,),
        frames=(wish.glass.frames,),
        sources=(system,),
    )


def judged(ctx: Context, iteration: int) -> tuple[GateRecord, ...]:
    """What becomes of each gate, by the glasses of an iteration and the gates of now."""
    from al_loop.glass.compare import judge, parse_gates

    assert ctx.spec.validation is not None
    gates = parse_gates(ctx.spec.converge.glass)
    references = references_of(ctx.spec, base=Path(ctx.record.base))
    glasses = ctx.store.glasses.of_iteration(ctx.name, iteration)
    measured = ctx.store.glasses.measured(ctx.name, iteration)
    found: list[GateRecord] = []
    for system in ctx.spec.validation.systems:
        found += _made(system, [one for one in glasses if one.system == system])
        if system not in measured:
            continue
        record = measured[system]
        found += _apart(system, record)
        results = judge(gates, whole_measurement(ctx.store, record), references)
        found += [_record(system, one, samples=len(record.samples)) for one in results]
    return tuple(found)


def undecided(records: Iterable[GateRecord]) -> bool:
    """Whether more samples could tell: nothing has failed, and error bars reach over a border."""
    states = {one.state for one in records}
    return "failed" not in states and any(
        one.state == "undecided" and one.value is not None for one in records
    )


def unmet(records: Iterable[GateRecord]) -> list[GateRecord]:
    """The gates that were not passed: failed, or never decided."""
    return [one for one in records if one.state != "passed"]


def say(records: Sequence[GateRecord]) -> str:
    """What was not passed, or what was: a sentence for a person."""
    return "; ".join(f"{one.system}: {one.words}" for one in unmet(records) or records)


def _made(system: str, glasses: Sequence[GlassRecord]) -> list[GateRecord]:
    lost = [one for one in glasses if one.stop != "completed"]
    words = f"{len(glasses) - len(lost)} of {len(glasses)} glasses were made"
    if lost:
        words += f"; sample {lost[0].sample} ended: {lost[0].detail or lost[0].stop}"
    return [
        GateRecord(
            system=system,
            observable=MADE,
            asked="all",
            state="failed" if lost else "passed",
            words=words,
            samples=len(glasses),
        )
    ]


def _apart(system: str, record: GlassMeasurement) -> list[GateRecord]:
    if not record.overlaps:
        return []
    return [
        GateRecord(
            system=system,
            observable=APART,
            asked="none",
            state="failed",
            words=f"atoms overlap: {record.overlaps[0]}",
            samples=len(record.samples),
        )
    ]


def _record(system: str, result: GateResult, *, samples: int) -> GateRecord:
    measured = result.measured
    known = measured is not None and math.isfinite(measured.value)
    return GateRecord(
        system=system,
        observable=result.gate.name,
        asked=result.gate.text,
        state=result.state,
        words=result.words,
        value=measured.value if measured is not None and known else None,
        error=measured.error if measured is not None and known else None,
        unit=result.gate.unit,
        samples=samples,
    )


def whole_measurement(store: Store, record: GlassMeasurement) -> Measurement:
    """A measurement with its curves."""
    from al_loop.glass.measuring import Measurement

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measurement.json"
        store.files.fetch(record.file, path)
        return Measurement.read(path)
