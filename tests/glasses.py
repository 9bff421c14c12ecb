"""A measured glass in the store, as a validation leaves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from al_loop.glass import Measurement
from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.measuring import Conditions
from al_loop.store import GlassMeasurement, GlassRecord, Store


def put_silica(store: Store, campaign: str, iteration: int, folder: Path) -> None:
    """One glass and its measurement: a good density, Si-O as nobody found it."""
    r = np.linspace(0.0, 6.0, 1000)
    told = Measurement(
        Conditions("glass", {"Si": 1 / 3, "O": 2 / 3}, 300.0, 0.0, (72,), (10,), ("silica",)),
        {
            "density": Estimate(2.201, 0.001, 3, "g/cm3"),
            "length_Si-O": Estimate(1.75, 0.002, 3, "Å"),
            "porosity_of_nothing": Estimate(0.5, None, 1, "1"),
        },
        {"g_Si-O": Curve(r, np.exp(-((r - 1.62) ** 2) / 0.01), None, 1, "Å", "")},
    )
    told.write(folder / "measurement.json")
    key = {"campaign": campaign, "iteration": iteration, "system": "silica"}
    store.glasses.put(
        GlassRecord.model_validate(
            {**key, "sample": 0, "model": "m", "seed": 1, "stop": "completed"}
        )
    )
    file = store.files.put(folder / "measurement.json")
    store.glasses.put_measured(
        GlassMeasurement.model_validate({**key, "samples": (0,), "values": (), "file": file})
    )


def take_away(store: Store, campaign: str) -> None:
    """All glasses of a campaign."""
    store.glasses.table.delete({"campaign": campaign})
