"""The glasses of a campaign as a page shows them: gates, values and curves beside references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from al_loop.errors import AlLoopError
from al_loop.loop.context import Context
from al_loop.loop.gates_check import references_of
from al_loop.loop.glass_gates import whole_measurement
from al_loop.loop.thinning import evenly, plain
from al_loop.store import CampaignRecord, GateRecord, GlassMeasurement, GlassRecord, Store

if TYPE_CHECKING:
    from al_loop.glass.compare import References, Verdict
    from al_loop.glass.estimate import Curve
    from al_loop.glass.measuring import Measurement
    from al_loop.units import Array

MOST_POINTS = 400


@dataclass(frozen=True)
class SystemView:
    """The glasses of one composition; ``verdicts`` of values and curves, each reference once."""

    name: str
    glasses: list[GlassRecord]
    measured: GlassMeasurement | None
    whole: Measurement | None
    """What was measured, curves included."""
    references: References | None
    """Those of such a glass."""
    verdicts: list[Verdict]
    without: list[str]
    """Values that were measured and that no reference is known of, as in print."""
    caution: str = ""
    """A sentence where verdicts are on one glass."""


@dataclass(frozen=True)
class GlassView:
    """The glasses that an iteration has made."""

    iteration: int
    iterations: list[int]
    """All that have made glasses."""
    gates: tuple[GateRecord, ...]
    systems: list[SystemView]
    unread: str
    """Why references of the campaign could not be read here; those of al_loop are used then."""


class DrawnCurve(BaseModel):
    """A curve; ``x`` and ``y`` in the units that ``x_label`` and ``y_label`` name, thinned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    x_label: str
    y_label: str
    x: list[float | None]
    y: list[float | None]
    references: list[tuple[str, list[float | None], list[float | None]]]
    """Who published it, its x and y."""


def glass_stamp(store: Store, record: CampaignRecord, iteration: int) -> object:
    """What the glasses of an iteration, as they are shown, depend on; without reading curves."""
    asked = (record.spec.get("validate") or {}).get("references") or ()
    files = [Path(record.base) / name for name in asked]
    at = store.iterations.get(record.name, iteration)
    return (
        record.created,
        record.spec,
        [file.stat().st_mtime_ns if file.is_file() else None for file in files],
        at.glass if at else (),
        store.glasses.iterations(record.name),
        store.glasses.of_iteration(record.name, iteration),
        store.glasses.measured(record.name, iteration),
    )


def glass_view(store: Store, record: CampaignRecord, iteration: int) -> GlassView | None:
    """The glasses of an iteration; None when it has made none."""
    glasses = store.glasses.of_iteration(record.name, iteration)
    measured = store.glasses.measured(record.name, iteration)
    if not glasses and not measured:
        return None
    references, unread = _references(store, record)
    at = store.iterations.get(record.name, iteration)
    names = dict.fromkeys([*(one.system for one in glasses), *measured])
    return GlassView(
        iteration=iteration,
        iterations=store.glasses.iterations(record.name),
        gates=at.glass if at else (),
        systems=[_system(store, name, glasses, measured.get(name), references) for name in names],
        unread=unread,
    )


def glass_curves(view: GlassView, system: str) -> list[DrawnCurve] | None:
    """Curves of a composition's glasses beside those that were published; None without glasses."""
    one = next((one for one in view.systems if one.name == system), None)
    if one is None or one.whole is None or one.references is None:
        return None
    drawn = []
    for name, curve in one.whole.curves.items():
        published = [r for r in one.references.curves if r.name == name]
        drawn.append(_drawn(name, curve, [(r.subject.source, r.x, r.y) for r in published]))
    return sorted(drawn, key=lambda one: (not one.references, one.name))


def _references(store: Store, record: CampaignRecord) -> tuple[References, str]:
    from al_loop.glass.compare import load_references

    try:
        ctx = Context(store, record.name)
        if ctx.spec.validation is None:
            return load_references(), ""
        return references_of(ctx.spec, base=Path(record.base)), ""
    except AlLoopError as error:  # a file, or an engine, that this machine does not have
        return load_references(), error.what


def _system(
    store: Store,
    name: str,
    glasses: list[GlassRecord],
    measured: GlassMeasurement | None,
    references: References,
) -> SystemView:
    from al_loop.glass.compare import caution, compare

    mine = [one for one in glasses if one.system == name]
    if measured is None:
        return SystemView(name, mine, None, None, None, [], [])
    whole = whole_measurement(store, measured)
    verdicts = compare(whole, references)
    known = {one.name for one in verdicts}
    without = [f"{key} {one}" for key, one in whole.values.items() if key not in known]
    ours = references.of(whole.conditions)
    warned = caution(whole, verdicts)
    return SystemView(name, mine, measured, whole, ours, verdicts, without, warned)


def _drawn(name: str, curve: Curve, published: list[tuple[str, Array, Array]]) -> DrawnCurve:
    from al_loop.glass.compare.labels import labels_of, title_of

    x_label, y_label = labels_of(name)
    at = evenly(len(curve.x), MOST_POINTS)
    references = []
    for source, x, y in published:
        some = evenly(len(x), MOST_POINTS)
        references.append((source, plain(x[some]), plain(y[some])))
    return DrawnCurve(
        name=name,
        title=f"angle {title_of(name)}" if name.startswith("angle") else title_of(name),
        x_label=x_label,
        y_label=y_label,
        x=plain(curve.x[at]),
        y=plain(curve.y[at]),
        references=references,
    )
