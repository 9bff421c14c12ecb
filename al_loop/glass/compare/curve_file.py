"""Curves as CSV: two or three columns, with names and units in the header."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from al_loop.errors import DatasetError
from al_loop.glass.compare.reference import ReferenceCurve, Subject
from al_loop.glass.compare.units import factor
from al_loop.glass.measuring.names import observable
from al_loop.glass.structure import Window
from al_loop.units import Array

TOLERANCE = 0.1
"""R_chi up to which curves agree, unless a file says otherwise."""

_REMEDY = (
    "begin it like this: `# name: s_neutron`, `# composition: SiO2`, `# method: experiment`, "
    "`# source: ...`, then `q (1/Å), S (1)` and lines of numbers"
)
_NUMBERS = ("temperature", "pressure")


def read_curve(path: Path) -> ReferenceCurve:
    """Read ``# key: value`` lines, a line ``x (unit), y (unit)[, error (unit)]``, and numbers.

    Keys: ``name`` (needed), ``composition`` (``SiO2`` or ``SiO2 67, Na2O 33``; needed), ``method``
    (experiment unless said), ``source`` (the file's name), ``technique``, ``doi``, ``note``,
    ``phase``, ``temperature`` (K), ``pressure`` (GPa), ``tolerance`` (R_chi, 0.1), ``scaled``
    (``yes``: only the shape counts), and of a curve over r that was transformed from an S(q):
    ``q_max`` (1/Å), where that ended, and ``window`` (``lorch`` unless said, or ``none``); ours is
    brought to that resolution before it is compared. Units are converted; y without a unit may be
    ``arbitrary`` where it is scaled.

    Raises
    ------
    DatasetError
        A key, a unit or a line is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"it cannot be read: {error}", where=path) from None
    keys, body = _split(lines)
    try:
        name, what = observable(keys.get("name", path.stem), where=str(path))
    except DatasetError:
        if "name" in keys:
            raise
        raise DatasetError("no line `# name: ...`", where=path, remedy=_REMEDY) from None
    keys.pop("name", None)
    if not body:
        raise DatasetError("there are no numbers", where=path, remedy=_REMEDY)
    if what.kind != "curve":
        raise DatasetError(f"{name}: this is no curve", where=path, remedy=_REMEDY)
    tolerance = _number(keys.pop("tolerance", str(TOLERANCE)), path)
    scaled = keys.pop("scaled", "no") in ("yes", "true")
    q_max, window = _resolution(keys, over_r=what.x_unit == "Å", path=path)
    units = _units(body[0], path)
    table = _table(body[1:], len(units), path)
    y_unit = what.unit if scaled and units[1] == "arbitrary" else units[1]
    where = f"{path}: {name}"
    stretch = factor(units[0], what.x_unit, where=where)
    height = _height(y_unit, what.unit, stretch, where)
    subject = _subject(keys, path)
    order = np.argsort(table[:, 0])
    x, y = table[order, 0] * stretch, table[order, 1] * height
    bars = table[order, 2] * height if len(units) == 3 else None
    if (np.diff(x) <= 0).any():
        raise DatasetError("two points have the same x", where=path)
    return ReferenceCurve(name, subject, x, y, bars, tolerance, scaled, q_max, window)


def _resolution(keys: dict[str, str], *, over_r: bool, path: Path) -> tuple[float | None, Window]:
    told = {key: keys.pop(key) for key in ("q_max", "window") if key in keys}
    if told and not over_r:
        raise DatasetError(
            f"`{next(iter(told))}` is of curves over r: t_neutron, g_neutron, g_Si-O",
            where=path,
            remedy="leave it out",
        )
    window = told.get("window", "lorch")
    if window not in ("lorch", "none"):
        raise DatasetError(f"window {window!r}", where=path, remedy="it is lorch or none")
    if "q_max" not in told:
        if told:
            raise DatasetError("a window without q_max", where=path, remedy="add `# q_max: 45`")
        return None, "lorch"
    q_max = _number(told["q_max"], path)
    if q_max <= 0.0:
        raise DatasetError(f"q_max {q_max:g}", where=path, remedy="it is above zero, in 1/Å")
    return q_max, "none" if window == "none" else "lorch"


def _height(unit: str, wanted: str, stretch: float, where: str) -> float:
    """As :func:`factor`; a density over x in another unit of x is understood (``cm`` for 1/THz)."""
    if wanted == "1/THz" and unit in ("cm", "1/meV"):
        return 1.0 / stretch
    return factor(unit, wanted, where=where)


def _split(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    keys: dict[str, str] = {}
    body = []
    for line in filter(None, map(str.strip, lines)):
        if line.startswith("#"):
            key, colon, value = line.lstrip("# ").partition(":")
            if colon and re.fullmatch(r"[a-z_]+", key.strip()):
                keys[key.strip()] = value.strip()
        else:
            body.append(line)
    return keys, body


def _units(header: str, path: Path) -> list[str]:
    columns = re.split(r"[,;\t]", header)
    found = [re.search(r"[(\[](.*)[)\]]", one) for one in columns]
    if len(columns) not in (2, 3) or not all(found):
        raise DatasetError(
            f"{header!r} does not name two or three columns with their units",
            where=path,
            remedy=_REMEDY,
        )
    return [one.group(1).strip() for one in found if one]


def _table(lines: list[str], columns: int, path: Path) -> Array:
    rows = []
    for line in lines:
        parts = [one for one in re.split(r"[,;\s]+", line) if one]
        if len(parts) != columns:
            raise DatasetError(f"{line!r} has not {columns} numbers", where=path)
        rows.append([_number(one, path) for one in parts])
    if len(rows) < 2:
        raise DatasetError("a curve has two points or more", where=path)
    return np.array(rows)


def _number(text: str, path: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise DatasetError(f"{text!r} is no number", where=path)
    return value


def _subject(keys: dict[str, str], path: Path) -> Subject:
    data: dict[str, Any] = {"method": "experiment", "source": path.name, **keys}
    data.setdefault("composition", "")
    for key in _NUMBERS:
        if key in data:
            data[key] = _number(data[key], path)
    try:
        return Subject.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        what = {"extra_forbidden": "there is no such key", "too_short": "it is missing"}.get(
            first["type"], first["msg"]
        )
        raise DatasetError(f"{key}: {what}", where=path, remedy=_REMEDY) from None
