"""The gates that a campaign's glasses must pass: read, and held against what was measured."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from al_loop.loop.context import Context
from al_loop.loop.gates_check import insist_on_gates, references_of
from al_loop.loop.validating import rounds_of
from al_loop.store import GateRecord, GlassMeasurement, GlassRecord, Store

if TYPE_CHECKING:
    from al_loop.glass.compare import GateResult
    from al_loop.glass.measuring import Measurement

MADE, APART = "made", "overlapping_pairs"
"""What is asked of every glass: that it comes to be, and that no atoms overlap."""
_TOO_FEW = ("one glass", "error bars")
"""Why a gate is undecided that more samples could decide."""


def judged(ctx: Context, iteration: int) -> tuple[GateRecord, ...]:
    """What becomes of each gate, by the glasses of an iteration and the gates of now.

    CampaignFailed where these cannot be judged.
    """
    from al_loop.glass.compare import judge, parse_gates

    assert ctx.spec.validation is not None
    insist_on_gates(ctx)
    gates = parse_gates(ctx.spec.converge.glass)
    record_of = ctx.store.iterations.get(ctx.name, iteration)
    asked = rounds_of(record_of)[-1] if record_of and rounds_of(record_of) else 0
    references = references_of(ctx.spec, base=Path(ctx.record.base))
    glasses = ctx.store.glasses.of_iteration(ctx.name, iteration)
    measured = ctx.store.glasses.measured(ctx.name, iteration)
    found: list[GateRecord] = []
    for system in ctx.spec.validation.systems:
        found.append(_made(system, [one for one in glasses if one.system == system], asked))
        if system not in measured:
            continue
        record = measured[system]
        found += _apart(system, record)
        results = judge(gates, whole_measurement(ctx.store, record), references)
        found += [_record(system, one, samples=len(record.samples)) for one in results]
    return tuple(found)


def undecided(records: Iterable[GateRecord]) -> bool:
    """Whether more samples could tell: nothing has failed, and there are too few for a verdict."""
    states = {one.state for one in records}
    return "failed" not in states and any(one.because in _TOO_FEW for one in records)


def mendable(records: Iterable[GateRecord]) -> bool:
    """Whether labels could help: a gate that is not measured stays so with a better potential."""
    return any(one.state == "failed" or one.because in _TOO_FEW for one in records)


def unmet(records: Iterable[GateRecord]) -> list[GateRecord]:
    """The gates that were not passed: failed, or never decided."""
    return [one for one in records if one.state != "passed"]


def say(records: Sequence[GateRecord]) -> str:
    """What was not passed, or what was: a sentence for a person."""
    return "; ".join(f"{one.system}: {one.words}" for one in unmet(records) or records)


def _made(system: str, glasses: Sequence[GlassRecord], asked: int) -> GateRecord:
    lost = [one for one in glasses if one.stop != "completed"]
    words = f"{len(glasses) - len(lost)} of {max(asked, len(glasses))} glasses were made"
    if lost:
        words += f"; sample {lost[0].sample} ended: {lost[0].detail or lost[0].stop}"
    if not_run := max(0, asked - len(glasses)):
        words += f"; {not_run} could not be run"
    state: Literal["passed", "failed", "undecided"] = "passed" if glasses else "undecided"
    return GateRecord(
        system=system,
        observable=MADE,
        asked="all",
        state="failed" if lost else state,
        words=words,
        samples=len(glasses),
        because="" if glasses else "not measured",
    )


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
        samples=min(samples, measured.n) if measured is not None else samples,
        because=result.because,
    )


def whole_measurement(store: Store, record: GlassMeasurement) -> Measurement:
    """A measurement with its curves."""
    from al_loop.glass.measuring import Measurement

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measurement.json"
        store.files.fetch(record.file, path)
        return Measurement.read(path)
