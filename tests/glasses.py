"""Measured glasses in the store, as a validation leaves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from al_loop.crystals import crystal
from al_loop.glass import Measurement, measure
from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.measuring import Conditions, MeasureOptions
from al_loop.glass.trajectory import Trajectory
from al_loop.store import GlassMeasurement, GlassRecord, Store


def put_silica(
    store: Store,
    campaign: str,
    iteration: int,
    folder: Path,
    *,
    samples: int = 1,
    density: float = 2.201,
) -> None:
    """Glasses and their measurement: a good density (g/cm3), Si-O as nobody found it."""
    r = np.linspace(0.0, 6.0, 1000)
    told = Measurement(
        Conditions("glass", {"Si": 1 / 3, "O": 2 / 3}, 300.0, 0.0, (72,), (10,), ("silica",)),
        {
            "density": Estimate(density, 0.001, 3, "g/cm3"),
            "length_Si-O": Estimate(1.75, 0.002, 3, "Å"),
            "porosity_of_nothing": Estimate(0.5, None, 1, "1"),
        },
        {"g_Si-O": Curve(r, np.exp(-((r - 1.62) ** 2) / 0.01), None, 1, "Å", "")},
    )
    put_glass(store, campaign, iteration, folder, told, samples=samples)


def put_glass(
    store: Store,
    campaign: str,
    iteration: int,
    folder: Path,
    told: Measurement,
    *,
    samples: int = 1,
) -> None:
    """So many glasses of silica, and what was measured of them."""
    told.write(folder / "measurement.json")
    key = {"campaign": campaign, "iteration": iteration, "system": "silica"}
    for sample in range(samples):
        made = {**key, "sample": sample, "model": "m", "seed": 1, "stop": "completed"}
        store.glasses.put(GlassRecord.model_validate(made))
    file = store.files.put(folder / "measurement.json")
    found = {**key, "samples": tuple(range(samples)), "values": (), "file": file}
    store.glasses.put_measured(GlassMeasurement.model_validate(found))


def hot_silica(seed: int) -> Measurement:
    """Disordered cristobalite, measured in two samples; rings as they are in silica glass."""
    still = crystal("beta-cristobalite").repeat(2)
    samples = []
    for n in range(2):
        atoms = still.copy()
        atoms.rattle(0.12, seed=10 * seed + n)
        samples.append(Trajectory((atoms,)))
    options = MeasureOptions(groups=("structure",), temperature=300.0)
    found = measure(samples, options)
    shares = {4: 0.05, 5: 0.42, 6: 1.1, 7: 0.55, 8: 0.16}
    for size, share in shares.items():
        found.values[f"rings_king_{size}"] = Estimate(share, 0.03, 2, "1")
        found.values[f"rings_guttman_{size}"] = Estimate(0.8 * share, 0.02, 2, "1")
    return found


def write_curve(found: Measurement, name: str, path: Path, *, source: str) -> None:
    """One of its curves as a file of references."""
    curve = found.curves[name]
    lines = [f"# name: {name}", "# composition: SiO2", "# method: DFT", f"# source: {source}"]
    lines.append(f"x ({curve.x_unit}), y ({curve.y_unit or 1})")
    lines += [f"{x:.4f}, {y:.6f}" for x, y in zip(curve.x, curve.y, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def take_away(store: Store, campaign: str) -> None:
    """All glasses of a campaign."""
    store.glasses.table.delete({"campaign": campaign})
