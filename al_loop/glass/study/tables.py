"""A study as CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.tables import write_tables
from al_loop.glass.oxides import title
from al_loop.glass.study.folder import Study
from al_loop.glass.study.variant import Studied

_ABOUT = ("variant", "composition", "atoms", "rate (K/ps)", "samples")
_VALUE = ("name", "value", "error", "n", "unit")


def write_study(study: Study, folder: str | Path) -> list[Path]:
    """``study.csv`` (a row for each variant and value), ``states.csv`` and ``trends.csv``.

    And for each variant a folder of its values and curves, as
    :func:`~al_loop.glass.measuring.tables.write_tables` does.
    """
    target = Path(folder)
    paths = [target / name for name in ("study.csv", "states.csv", "trends.csv")]
    try:
        target.mkdir(parents=True, exist_ok=True)
        _write(paths[0], (*_ABOUT, *_VALUE), _values(study))
        _write(paths[1], (*_ABOUT, "state", *_VALUE), _states(study))
        rows = (
            (one.of, one.over, " ".join(f"{x:g}" for x in one.at), *_cells(one.name, one.slope))
            for one in study.trends
        )
        _write(paths[2], ("of", "over", "at (K/ps, atoms)", *_VALUE), rows)
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=folder) from None
    for one in study.variants:
        paths += write_tables(one.measurement, target / file_name(one))
    return paths


def file_name(one: Studied) -> str:
    """Of a variant's files: its name without folders."""
    return one.name.replace("/", "-")


def as_json(study: Study) -> str:
    """One document: each variant with its measurement and states, and the trends."""
    document: dict[str, Any] = {
        "variants": [
            {
                "name": one.name,
                "rate": one.rate,
                "atoms": one.atoms,
                "left_out": list(one.left_out),
                "states": {
                    state.name: {name: asdict(value) for name, value in state.values.items()}
                    for state in one.states
                },
                "measurement": json.loads(one.measurement.as_json()),
            }
            for one in study.variants
        ],
        "trends": [asdict(one) for one in study.trends],
    }
    return json.dumps(document, indent=1, ensure_ascii=False)


def _values(study: Study) -> Iterator[Sequence[object]]:
    for one in study.variants:
        for name, value in one.measurement.values.items():
            yield (*_about(one), *_cells(name, value))


def _states(study: Study) -> Iterator[Sequence[object]]:
    for one in study.variants:
        for state in one.states:
            for name, value in state.values.items():
                yield (*_about(one), state.name, *_cells(name, value))


def _about(one: Studied) -> tuple[object, ...]:
    at = one.measurement.conditions
    rate = "" if one.rate is None else f"{one.rate:g}"
    return (one.name, title(at.fractions), one.atoms, rate, len(at.atoms))


def _cells(name: str, one: Estimate) -> tuple[object, ...]:
    error = "" if one.error is None else f"{one.error:.6g}"
    return (name, f"{one.value:.8g}", error, one.n, one.unit)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)
