"""Records to put into a store."""

from datetime import datetime, timezone

import numpy as np

from al_loop.store import (
    CampaignRecord,
    LabelRecord,
    ModelRecord,
    WalkRecord,
)

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
AWKWARD = np.array([[0.1, -0.0, 5e-324], [np.nan, np.inf, 1.7976931348623157e308]])


def campaign(name: str = "glass", **changes: object) -> CampaignRecord:
    values = {"name": name, "spec": {}, "schema_version": 1, "folder": "/f", **changes}
    return CampaignRecord.model_validate(values)


def label(frame: str, **changes: object) -> LabelRecord:
    values = {
        "state": "ok",
        "energy": -1.0 / 3.0,
        "forces": np.full((6, 3), 0.1),
        "virial": np.eye(3) / 7.0,
        "engine": "xtb",
        "seconds": 1.5,
        "cores": 1,
        "host": "node",
        "when": WHEN,
        **changes,
    }
    return LabelRecord(frame=frame, method="m", **values)  # type: ignore[arg-type]


def failed(frame: str, reason: str = "scf") -> LabelRecord:
    return label(frame, state="failed", energy=None, forces=None, virial=None, reason=reason)


def model(iteration: int = 0, member: int = 0, **changes: object) -> ModelRecord:
    values = {
        "campaign": "glass",
        "iteration": iteration,
        "member": member,
        "seed": 1,
        "trainer": "deepmd",
        "options": {"a.b": [1, 2.5], "$c": None},
        "training_set": "t",
        "state": "ok",
        **changes,
    }
    return ModelRecord.model_validate(values)


def walk(walker: str, samples: int) -> WalkRecord:
    values = np.random.default_rng(3).random((4, samples))
    return WalkRecord(
        campaign="glass",
        iteration=1,
        walker=walker,
        structure="quartz",
        ensemble="nvt",
        temperature=300.0,
        pressure=0.0,
        stop="completed",
        detail="",
        cut=2,
        step=np.arange(samples) * 10,
        max_force_deviation=values[0],
        target_temperature=values[1],
        sample_temperature=values[2],
        sample_pressure=values[3],
    )
