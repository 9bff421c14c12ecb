"""Campaigns as a person finds them: one that has just trained, runs, has ended, is broken."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.glass_gates import judged
from al_loop.store import CampaignRecord, Event, JobRecord, Store
from al_loop.train import CURVE
from tests.campaigns import CHEAP, write_campaign
from tests.glasses import hot_silica, put_glass, write_curve
from tests.loop.test_late_labels import Hands

HOSTILE = "<img src=x onerror=alert(1)>"
RUNNING, ENDED, BROKEN = "cheap", "ends", "breaks"
REFERENCES = ("s_neutron", "g_Si-O")
"""Curves that stand beside those of the glass."""
HOSTILE_NAME = "<script>alert('1')&"


def begin(store: Store, folder: Path, name: str, **sections: dict[str, object]) -> None:
    """Register a campaign of cheap engines, with other values in some of its sections."""
    spec = load_campaign(write_campaign(folder, CHEAP, name=name))
    data = dump_campaign(spec) | {"folder": str(folder / name)}
    data["label"] |= {"frames_per_job": 2}
    data["structures"] = {"cristobalite": data["structures"]["cristobalite"]}
    data["explore"]["stages"] = data["explore"]["stages"][:1]
    for section, values in sections.items():
        data[section] = (data[section] or {}) | values
    register(store, CampaignSpec.model_validate(data), base=folder)


def carry_on(
    store: Store,
    name: str,
    until: Callable[[], bool],
    *,
    hold: Callable[[JobRecord], bool] = lambda job: False,
    break_: Callable[[JobRecord], bool] = lambda job: False,
) -> None:
    """Run what is due in this process until something holds; fails when nothing moves any more."""
    hands = Hands()
    hands.hold, hands.break_ = hold, break_
    for _ in range(60):
        advance(store, name, hands)
        if until():
            return
    raise AssertionError(f"stuck: {store.iterations.latest(name)}")


def at(store: Store, name: str, index: int, stage: str) -> bool:
    """Whether a campaign has come to this stage."""
    latest = store.iterations.latest(name)
    return latest is not None and (latest.index, latest.stage) == (index, stage)


def trains(store: Store, folder: Path, name: str) -> None:
    """At its first training; a job of first labels has been given up. No molecular dynamics."""
    begin(store, folder, name)
    carry_on(
        store, name, lambda: at(store, name, 0, "train"),
        hold=lambda job: job.stage == "train",
        break_=lambda job: job.stage == "start" and job.name.endswith("0"),
    )  # fmt: skip


def runs(store: Store, folder: Path, name: str) -> None:
    """Its second iteration explores; a job of the first was given up; an event is hostile."""
    begin(store, folder, name, label={"quorum": 0.5})
    carry_on(
        store, name, lambda: at(store, name, 1, "explore"),
        break_=lambda job: job.stage == "label" and job.name.endswith("0"),
    )  # fmt: skip
    store.events.add(Event(campaign=name, kind="hostile", text=HOSTILE))


def ends(store: Store, folder: Path, name: str) -> None:
    """Its budget is spent; a glass has failed a gate, and a model has left a learning curve."""
    box = {"formula": "SiO2", "atoms": 24, "density": 2.2}
    other = hot_silica(1)
    for curve in REFERENCES:
        write_curve(other, curve, folder / f"{curve}.csv", source="another box (2026)")
    begin(
        store, folder, name,
        budget={"iterations": 1},
        validate={"systems": {"silica": box}, "references": [f"{c}.csv" for c in REFERENCES]},
        converge={"glass": {"density": "20 %", "length_Si-O": "1 %"}},
    )  # fmt: skip
    carry_on(store, name, lambda: store.campaigns.state(name) == "stopped")
    put_glass(store, name, 0, folder, hot_silica(2), samples=2)
    store.iterations.record(name, 0, glass=judged(Context(store, name), 0))
    leave_learning_curve(store, name)


def leave_learning_curve(store: Store, name: str) -> None:
    """Of the first model, as DeePMD-kit writes it."""
    (model, *_) = store.models.of_iteration(name, 0)
    lines = ["# step rmse_val rmse_trn rmse_e_val rmse_e_trn rmse_f_val rmse_f_trn lr"]
    for step in range(100, 40_100, 100):
        noise = 1 + 0.2 * math.sin(step)
        force, energy, rate = noise * 30 / step**0.5, noise * 2 / step**0.7, 1e-3 * 0.9999**step
        errors = (force, force / 1.2, energy, energy / 1.2, force, force / 1.2)
        lines.append(" ".join([str(step), *(f"{one:.3e}" for one in (*errors, rate))]))
    key = store.files.put_bytes("\n".join(lines).encode(), name=CURVE)
    store.models.table.delete({"_id": model.id})
    store.models.put(model.model_copy(update={"files": {**model.files, CURVE: key}}))


def breaks(store: Store, folder: Path, name: str) -> None:
    """No member of its committee can be trained."""
    begin(store, folder, name)
    carry_on(
        store, name, lambda: store.campaigns.state(name) == "failed",
        break_=lambda job: job.stage == "train",
    )  # fmt: skip


def hostile(store: Store, name: str) -> None:
    """Nothing but a document in the database, with names that no campaign file could have."""
    record = CampaignRecord(name=name, spec={}, schema_version=1, folder="/x", reason=HOSTILE)
    store.campaigns.create(record.model_copy(update={"state": "failed"}))
    store.events.add(Event(campaign=name, kind=HOSTILE, text=HOSTILE))


def all_of_them(store: Store, folder: Path) -> None:
    """One in each state."""
    runs(store, folder, RUNNING)
    ends(store, folder, ENDED)
    breaks(store, folder, BROKEN)
    hostile(store, HOSTILE_NAME)
