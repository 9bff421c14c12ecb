"""A measurement as CSV: one table of values, one file a curve."""

from __future__ import annotations

import csv
from pathlib import Path

from al_loop.errors import DatasetError
from al_loop.glass.measuring.measurement import Measurement
from al_loop.glass.oxides import oxides_of


def write_tables(measurement: Measurement, folder: str | Path) -> list[Path]:
    """``values.csv`` (name, value, error, n, unit) and ``NAME.csv`` of each curve, which is a
    reference that `al-loop glass compare --reference` reads."""
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        paths = [target / "values.csv"]
        with paths[0].open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["name", "value", "error", "n", "unit"])
            for name, one in measurement.values.items():
                error = "" if one.error is None else f"{one.error:.6g}"
                table.writerow([name, f"{one.value:.8g}", error, one.n, one.unit])
        for name in measurement.curves:
            paths.append(target / f"{name}.csv")
            paths[-1].write_text(_curve(measurement, name), encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=folder) from None
    return paths


def _curve(measurement: Measurement, name: str) -> str:
    curve, at = measurement.curves[name], measurement.conditions
    parts = oxides_of(at.fractions) or at.fractions
    composition = ", ".join(f"{oxide} {share:.6g}" for oxide, share in parts.items())
    lines = [f"# name: {name}", f"# composition: {composition}", f"# phase: {at.phase}"]
    lines += [f"# pressure: {at.pressure:g}", "# method: measurement"]
    if at.temperature is not None:
        lines.append(f"# temperature: {at.temperature:.6g}")
    columns = [f"x ({curve.x_unit or '1'})", f"y ({curve.y_unit or '1'})"]
    rows = [curve.x, curve.y]
    if curve.error is not None:
        columns.append(f"error ({curve.y_unit or '1'})")
        rows.append(curve.error)
    lines.append(", ".join(columns))
    lines += [", ".join(f"{value:.8g}" for value in row) for row in zip(*rows, strict=True)]
    return "\n".join(lines) + "\n"
