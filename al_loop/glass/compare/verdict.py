"""Inside a reference's spread, or how far off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import hypot, sqrt
from typing import Any, Literal

from al_loop.errors import DatasetError
from al_loop.glass.compare.reference import Reference, ReferenceCurve, References
from al_loop.glass.compare.resolution import at_resolution
from al_loop.glass.compare.similarity import Similarity, similarity
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.measurement import Measurement

State = Literal["inside", "outside", "undecided"]

ONE_GLASS = "one glass does not tell the scatter between glasses"


@dataclass(frozen=True)
class Verdict:
    """A value or curve beside one reference.

    Of a value: ``deviation`` is measured minus reference, ``off`` how far it lies outside what the
    reference allows (0 inside), ``sigmas`` the deviation in standard errors of both (None
    without any). Of a curve: ``alike``, and ``off`` is the R_chi above what is tolerated.
    """

    name: str
    state: State
    off: float
    words: str
    reference: Reference | ReferenceCurve
    measured: Estimate | None = None
    deviation: float | None = None
    sigmas: float | None = None
    alike: Similarity | None = None

    def plain(self) -> dict[str, Any]:
        """For JSON: numbers, text and mappings of them."""
        reference = self.reference
        values: dict[str, Any] = {"tolerance": getattr(reference, "tolerance", None)}
        if isinstance(reference, Reference):
            values = {"value": reference.value, "half_width": reference.half_width}
        return {
            "name": self.name,
            "state": self.state,
            "words": self.words,
            "off": self.off,
            "deviation": self.deviation,
            "sigmas": self.sigmas,
            "measured": None if self.measured is None else asdict(self.measured),
            "alike": None if self.alike is None else asdict(self.alike),
            "reference": {
                **values,
                "method": reference.subject.method,
                "technique": reference.subject.technique,
                "source": reference.subject.source,
                "doi": reference.subject.doi,
            },
        }


def compare(measurement: Measurement, references: References) -> list[Verdict]:
    """A verdict for each reference that is of what was measured.

    A value agrees with its reference within the reference's half width b: its spread, or two
    standard errors. It is *inside* where all of its error bar (95 %, by Student's t of its number
    of samples) is within b, *outside* where none of it is, *undecided* where the bar reaches across
    the border.

    A curve agrees where R_chi is not above the reference's tolerance; where only error bars take it
    above, it is undecided. Where a reference over r has a ``q_max``, ours is brought to that
    resolution first (:func:`~al_loop.glass.compare.resolution.at_resolution`).

    The bar of a single glass is that of its frames: :func:`caution` says so.
    """
    found: list[Verdict] = []
    ours = references.of(measurement.conditions)
    for reference in ours.values:
        if reference.name in measurement.values:
            found.append(of_value(measurement.values[reference.name], reference))
    for curve in ours.curves:
        if curve.name in measurement.curves:
            found.append(of_curve(measurement, curve))
    return found


def of_one_glass(measurement: Measurement, name: str) -> bool:
    """Whether a value or curve is of one glass: its error is that of its frames."""
    return measurement.conditions.phase == "glass" and measurement.samples_of(name) < 2


def caution(measurement: Measurement, verdicts: Iterable[Verdict]) -> str:
    """A sentence where verdicts are on values of one glass; else empty."""
    names = dict.fromkeys(one.name for one in verdicts if of_one_glass(measurement, one.name))
    if not names:
        return ""
    which = "" if len(measurement.conditions.atoms) == 1 else f" ({', '.join(names)})"
    return (
        f"{ONE_GLASS}{which}: error bars do not hold the scatter between glasses; measure two or "
        "more independent samples"
    )


def place(distance: float, bar: float, allowed: float) -> State:
    """Where something at a distance with an error bar is, if ``allowed`` is the border."""
    if distance + bar <= allowed * (1 + 1e-12):
        return "inside"
    return "outside" if distance - bar > allowed else "undecided"


def of_value(measured: Estimate, reference: Reference) -> Verdict:
    """A value beside its reference."""
    deviation = measured.value - reference.value
    allowed = reference.half_width
    state = place(abs(deviation), measured.bar, allowed)
    off = max(0.0, abs(deviation) - allowed)
    both = hypot(measured.error or 0.0, reference.uncertainty or 0.0)
    unit = f" {measured.unit}" if measured.unit else ""
    words = {
        "inside": "inside",
        "outside": f"{off:.2g}{unit} too {'high' if deviation > 0 else 'low'} for the range",
        "undecided": f"undecided: ±{measured.bar:.2g}{unit} (95 %) reaches across the border",
    }[state]
    if measured.error is None:
        words += " (no error bar)"
    return Verdict(
        reference.name,
        state,
        off,
        words,
        reference,
        measured,
        deviation,
        abs(deviation) / both if both else None,
    )


def of_curve(measurement: Measurement, reference: ReferenceCurve) -> Verdict:
    """A curve beside its reference."""
    try:
        alike = similarity(at_resolution(measurement.curves, reference), reference)
    except DatasetError as error:
        return Verdict(reference.name, "undecided", 0.0, f"undecided: {error.what}", reference)
    sure = sqrt(max(0.0, alike.r_chi**2 - alike.noise**2))
    state: State = "inside"
    if alike.r_chi > reference.tolerance:
        state = "outside" if sure > reference.tolerance else "undecided"
    words = f"R_chi {100 * alike.r_chi:.2g} %, overlap {100 * alike.overlap:.3g} %"
    words += {
        "inside": "",
        "outside": f": above {100 * reference.tolerance:.2g} %",
        "undecided": f": above {100 * reference.tolerance:.2g} % by no more than its noise",
    }[state]
    words += _of_resolution(reference)
    off = max(0.0, alike.r_chi - reference.tolerance)
    return Verdict(reference.name, state, off, words, reference, alike=alike)


def _of_resolution(reference: ReferenceCurve) -> str:
    if reference.q_max is not None:
        return f"; ours at its resolution (q up to {reference.q_max:g} 1/Å)"
    if reference.subject.method == "experiment" and reference.name in ("t_neutron", "g_neutron"):
        return "; ours is not broadened: say where its S(q) ended, as in `# q_max: 45`"
    return ""
