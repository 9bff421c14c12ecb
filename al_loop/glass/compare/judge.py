"""Whether gates are passed, error bars taken into account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import hypot, inf
from typing import Literal

from al_loop.glass.compare.gates import Gate
from al_loop.glass.compare.reference import Reference, ReferenceCurve, References
from al_loop.glass.compare.verdict import ONE_GLASS, State, of_curve, of_one_glass
from al_loop.glass.estimate import Estimate, coverage
from al_loop.glass.measuring.measurement import Measurement

GateState = Literal["passed", "failed", "undecided"]
Because = Literal["", "not measured", "no reference", "one glass", "error bars"]
_STATES: dict[State, GateState] = {
    "inside": "passed",
    "outside": "failed",
    "undecided": "undecided",
}

_MORE = "measure more samples"
_ALONE = f"{ONE_GLASS}: two or more independent samples are needed"


@dataclass(frozen=True)
class GateResult:
    """``words``: one line to print. ``off``: by how much it fails, in the value's unit (of a
    curve, R_chi), 0 where it does not; negative where the value is too low.

    ``because``: undecided for lack of a measurement, a reference, a second glass, or enough
    samples.
    """

    gate: Gate
    state: GateState
    words: str
    off: float = 0.0
    measured: Estimate | None = None
    reference: Reference | ReferenceCurve | None = None
    because: Because = ""


def judge(
    gates: Iterable[Gate], measurement: Measurement, references: References
) -> list[GateResult]:
    """Passed where all of the error bar is inside, failed where none is.

    The bar is the 95 % interval by Student's t of the number of samples. Of a gate on the distance
    to a reference it is that of both together; the reference (two standard errors) is the
    most trusted one (:data:`~al_loop.glass.compare.reference.METHODS`) of this substance. A value
    without an error bar (a crystal of one frame) is judged by itself, and the words say so.

    A single glass is undecided, whatever its value: its frames tell the error of that glass, and
    glasses from other melts differ by many times as much. Melts and crystals, of which one run sees
    all that there is to see, are judged by one sample.
    """
    ours = references.of(measurement.conditions)
    found = [_judge(one, measurement, ours) for one in gates]
    if near := references.nearest(measurement.conditions):
        hint = f"; there is {near}"
        return [
            replace(one, words=one.words + hint) if one.because == "no reference" else one
            for one in found
        ]
    return found


def _judge(gate: Gate, measurement: Measurement, ours: References) -> GateResult:
    if gate.kind == "alike":
        return _curve(gate, measurement, ours)
    measured = measurement.values.get(gate.name)
    if measured is None:
        return _not_measured(gate, measurement)
    alone = of_one_glass(measurement, gate.name)
    if gate.kind == "bounds":
        return _bounds(gate, measured, alone=alone)
    reference = ours.best(gate.name)
    if reference is None:
        return _no_reference(gate, measured)
    return _near(gate, measured, reference, alone=alone)


def _bounds(gate: Gate, measured: Estimate, *, alone: bool) -> GateResult:
    low = -inf if gate.low is None else gate.low
    high = inf if gate.high is None else gate.high
    asked = f"asked for {gate.text}"
    return _said(gate, measured, (low, high), bar=measured.bar, asked=asked, alone=alone)


def _near(gate: Gate, measured: Estimate, reference: Reference, *, alone: bool) -> GateResult:
    tolerance = gate.tolerance or 0.0
    if gate.relative:
        tolerance *= abs(reference.value)
    theirs = coverage(1) * (reference.uncertainty or 0.0)
    bar = hypot(measured.bar, theirs)
    around = (reference.value - tolerance, reference.value + tolerance)
    wanted = Estimate(reference.value, reference.uncertainty, 1, reference.unit)
    asked = f"asked for {wanted} within {gate.text} ({reference.source})"
    found = _said(gate, measured, around, bar=bar, asked=asked, alone=alone)
    found = replace(found, reference=reference)
    if found.because == "error bars" and theirs > measured.bar:
        words = found.words.replace(_MORE, "the larger part of it is the reference's own error")
        found = replace(found, words=words)
    return found


def _said(
    gate: Gate,
    measured: Estimate,
    within: tuple[float, float],
    *,
    bar: float,
    asked: str,
    alone: bool,
) -> GateResult:
    value, (low, high) = measured.value, within
    slack = 1e-9 * max(abs(value), 1e-9)
    off = min(0.0, value - low) + max(0.0, value - high)
    if abs(off) <= slack:
        off = 0.0
    if alone:
        words = f"{gate.name} undecided: {measured}, {asked}; {_ALONE}"
        return GateResult(gate, "undecided", words, off, measured, because="one glass")
    if value - bar >= low - slack and value + bar <= high + slack:
        state: GateState = "passed"
    elif value + bar < low - slack or value - bar > high + slack:
        state = "failed"
    else:
        state = "undecided"
    words = f"{gate.name} {state}: {measured}, {asked}"
    if state == "failed":
        unit = f" {gate.unit}" if gate.unit else ""
        words += f"; {abs(off):.2g}{unit} too {'low' if off < 0 else 'high'}"
    if state == "undecided":
        words += f"; error bars (±{bar:.2g}) reach across the border: {_MORE}"
    elif measured.error is None:
        words += "; a single value without an error bar"
    because: Because = "error bars" if state == "undecided" else ""
    return GateResult(gate, state, words, off, measured, because=because)


def _curve(gate: Gate, measurement: Measurement, ours: References) -> GateResult:
    if gate.name not in measurement.curves:
        return _not_measured(gate, measurement)
    reference = next((one for one in ours.curves if one.name == gate.name), None)
    if reference is None:
        return _no_reference(gate, None)
    asked = replace(reference, tolerance=gate.tolerance or 0.0)
    verdict = of_curve(measurement, asked)
    state = _STATES[verdict.state]
    because: Because = "error bars" if state == "undecided" else ""
    if alone := of_one_glass(measurement, gate.name):
        state, because = "undecided", "one glass"
    words = f"{gate.name} {state}: {verdict.words} ({reference.subject.source})"
    words += f"; {_ALONE}" if alone else ""
    off = 0.0 if state == "passed" else verdict.off
    return GateResult(gate, state, words, off, reference=reference, because=because)


def _not_measured(gate: Gate, measurement: Measurement) -> GateResult:
    words = f"{gate.name} undecided: not measured: {measurement.why_missing(gate.name)}"
    return GateResult(gate, "undecided", words, because="not measured")


def _no_reference(gate: Gate, measured: Estimate | None) -> GateResult:
    words = (
        f"{gate.name} undecided: no reference for this composition, phase, temperature and "
        "pressure; give one with `references`, or ask for bounds"
    )
    return GateResult(gate, "undecided", words, measured=measured, because="no reference")
