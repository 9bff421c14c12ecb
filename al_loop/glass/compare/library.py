"""References out of files: shipped ones, and those of the user."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from al_loop.errors import DatasetError
from al_loop.glass.compare.curve_file import read_curve
from al_loop.glass.compare.measured import from_measurement
from al_loop.glass.compare.reference import Reference, References
from al_loop.glass.compare.static import at_rest
from al_loop.glass.measuring.measurement import Measurement

_SHIPPED = Path(__file__).parents[1] / "references"


def shipped_references() -> References:
    """All that comes with the package: silica, silicates, borosilicates, polymorphs."""
    found = References()
    for one in sorted(_SHIPPED.glob("*.yaml")):
        found += _values(one, one.name)
    return found


def read_references(path: str | Path) -> References:
    """References of a user: YAML (values), CSV (a curve), or JSON (a measurement).

    Raises
    ------
    DatasetError
        The file cannot be read, or a line of it is wrong.
    """
    file = Path(path)
    if not file.is_file():
        raise DatasetError("there is no such file", where=file)
    if file.suffix in (".yaml", ".yml"):
        return _values(file, str(file))
    if file.suffix in (".csv", ".txt", ".dat"):
        return References(curves=(read_curve(file),))
    if file.suffix == ".json":
        return from_measurement(Measurement.read(file), source=str(file))
    raise DatasetError(
        f"references of kind {file.suffix or 'none'!r}",
        where=file,
        remedy="values: .yaml; a curve: .csv; a measurement of `al-loop glass measure`: .json",
    )


def load_references(own: Iterable[str | Path] = (), *, shipped: bool = True) -> References:
    """The user's files, and those that come with the package."""
    found = References()
    for path in own:
        found += read_references(path)
    return (found + shipped_references()) if shipped else found


def _values(file: Path, where: str) -> References:
    """A list ``values`` whose entries take what they lack from the top of the file.

    ``tables``: lists of values under common keys of their own. What is said of crystals counts for
    crystals at rest, too (:func:`~al_loop.glass.compare.static.at_rest`).
    """
    try:
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise DatasetError(f"it cannot be read: {error}", where=where) from None
    if not isinstance(data, dict):
        raise DatasetError("a mapping of keys is needed", where=where, remedy="see docs/glass.md")
    common = {key: one for key, one in data.items() if key not in ("values", "tables")}
    groups = [(common, data.get("values") or [])]
    for table in data.get("tables") or []:
        own = {key: one for key, one in table.items() if key != "values"}
        groups.append(({**common, **own}, table.get("values") or []))
    found = []
    for shared, values in groups:
        for number, one in enumerate(values, 1):
            try:
                found.append(Reference.model_validate({**shared, **one}))
            except ValidationError as error:
                first = error.errors()[0]
                key = ".".join(map(str, first["loc"]))
                name = one.get("name", f"value {number}") if isinstance(one, dict) else number
                what = first["msg"].removeprefix("Value error, ")
                raise DatasetError(
                    f"{name}: {key + ': ' if key else ''}{what}", where=where
                ) from None
    static = [one for one in map(at_rest, found) if one is not None]
    return References((*found, *static))
