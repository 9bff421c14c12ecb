"""Another measurement as the reference: a DFT run, or another potential's glass."""

from __future__ import annotations

from al_loop.glass.compare.curve_file import TOLERANCE
from al_loop.glass.compare.reference import ROOM, Reference, ReferenceCurve, References, Subject
from al_loop.glass.compare.similarity import ENERGY
from al_loop.glass.compare.verdict import ONE_GLASS
from al_loop.glass.estimate import coverage
from al_loop.glass.measuring.measurement import Measurement

_AGREE = 1.0e-3


def from_measurement(measurement: Measurement, *, source: str) -> References:
    """Its values (with errors of their own) and curves as references.

    The uncertainty is half the 95 % interval over two, so that two of it reach as far as Student's
    t of few samples. What lies within a thousandth of a value agrees with it, also where its error
    is smaller. A value without an error bar has no width to agree within and is left out, and so
    are energies: those of two methods have no common zero.
    Of a single glass a note says that its errors are those of its frames.
    """
    at = measurement.conditions
    common = {
        "phase": at.phase,
        "composition": dict(at.fractions),
        "temperature": ROOM if at.temperature is None else at.temperature,
        "pressure": at.pressure,
        "method": "measurement",
        "source": source,
        "note": ONE_GLASS if at.phase == "glass" and len(at.atoms) < 2 else "",
    }
    values = tuple(
        Reference.model_validate(
            {
                **common,
                "name": name,
                "value": one.value,
                "unit": one.unit,
                "uncertainty": one.bar / coverage(1),
                "spread": _AGREE * abs(one.value),
            }
        )
        for name, one in measurement.values.items()
        if one.error is not None and one.unit != ENERGY
    )
    subject = Subject.model_validate(common)
    curves = tuple(
        ReferenceCurve(name, subject, one.x, one.y, one.error, TOLERANCE)
        for name, one in measurement.curves.items()
    )
    return References(values, curves)
