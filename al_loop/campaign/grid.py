"""Composition grids: one entry of ``structures`` that stands for a system at each composition."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from math import isfinite
from typing import Annotated, Any, Literal

from ase.formula import Formula
from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from al_loop.campaign.composition import (
    MOST,
    REST,
    Box,
    Grid,
    compositions,
    title,
    whole_units,
)
from al_loop.campaign.options import Composition, Options, PairDistances
from al_loop.campaign.quench import Quenching
from al_loop.campaign.structures import (
    MeltQuenchSource,
    PackedSource,
    Perturbation,
    StructureSource,
)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _points(given: Any) -> Any:
    """Mol % of an oxide: a number, a list, ``{from, to, step}`` or ``rest``."""
    if given == REST:
        return given
    values = [given] if _number(given) else given
    if isinstance(given, dict):
        if set(given) != {"from", "to", "step"} or not all(map(_number, given.values())):
            raise ValueError("a range is {from: 0, to: 30, step: 10}, in mol %")
        start, end, step = given["from"], given["to"], given["step"]
        if step <= 0 or end < start:
            raise ValueError("a range goes up: from <= to, and step > 0")
        steps = min(MOST, int((end - start) / step + 1e-9))
        values = [round(start + n * step, 6) for n in range(steps + 1)]
    if not isinstance(values, list | tuple) or not values or not all(map(_number, values)):
        raise ValueError("give mol % as a number, a list, {from: 0, to: 30, step: 10}, or rest")
    if not all(0 <= value <= 100 for value in values):
        raise ValueError("mol % is between 0 and 100")
    if len(set(values)) < len(values):
        raise ValueError("a value is given twice")
    return tuple(float(value) for value in values)


def _densities(given: Any) -> Any:
    """g/cm3: a number, a number for each composition, or a number for each oxide."""
    if isinstance(given, dict):
        values = list(given.values())
    else:
        values = list(given) if isinstance(given, list | tuple) else [given]
    if not values or not all(_number(value) and value > 0 for value in values):
        raise ValueError(
            "give g/cm3 as a number, a list with one for each composition, or one for each oxide"
        )
    return given


Points = Annotated[tuple[float, ...] | Literal["rest"], BeforeValidator(_points)]
Density = float | tuple[float, ...] | dict[str, float]
Densities = Annotated[Density, BeforeValidator(_densities)]


class GridSource(Options):
    """A system at each composition of a grid, of random boxes or of melt-quenches."""

    grid: dict[Composition, Points] = Field(
        min_length=2,
        description="Oxide -> mol %: a number, a list, {from: 0, to: 30, step: 10}, or rest.",
    )
    atoms: int = Field(ge=2, le=5000, description="Atoms in a box, about: whole formula units.")
    density: Densities = Field(
        description="g/cm3: one, one for each composition in their order, or one for each oxide "
        "(its molar volume is then the same at all compositions)."
    )
    min_distance: PairDistances = Field(
        default_factory=dict,
        description="Smallest distances in random boxes, Å; of all pairs unless they are melted.",
    )
    boxes: int = Field(1, ge=1, le=1000, description="Random boxes of each composition.")
    melt_quench: Quenching | None = Field(
        None, description="How each composition is melted and quenched; default: random boxes."
    )
    label: bool = Field(
        True, description="Whether they are labelled at the start, or are starts of walkers only."
    )
    perturb: Perturbation = Field(default_factory=Perturbation)

    @field_validator("grid")
    @classmethod
    def _adds_up(cls, grid: Grid) -> Grid:
        if sum(points == REST for points in grid.values()) > 1:
            raise ValueError("only one oxide can be the rest")
        if not compositions(grid):
            raise ValueError("no composition adds up to 100 mol %")
        return grid

    @field_validator("density")
    @classmethod
    def _one_each(cls, density: Density, info: ValidationInfo) -> Density:
        grid: Grid | None = info.data.get("grid")
        if grid is None:  # which is the error
            return density
        found = [title(one) for one in compositions(grid)]
        if isinstance(density, tuple) and len(density) != len(found):
            raise ValueError(
                f"{len(density)} densities for {len(found)} compositions: {', '.join(found)}"
            )
        if isinstance(density, dict) and density.keys() != grid.keys():
            raise ValueError(f"give one for each of {', '.join(grid)}, and for no other")
        return density

    @field_validator("min_distance")
    @classmethod
    def _of_the_grid(cls, distances: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        elements = {s for oxide in info.data.get("grid", ()) for s in Formula(oxide).count()}
        if elements and (odd := [p for p in distances if not set(p.split("-")) <= elements]):
            raise ValueError(f"{', '.join(odd)} is not a pair of elements of this grid")
        return distances

    @field_validator("melt_quench")
    @classmethod
    def _not_both(cls, wish: Quenching | None, info: ValidationInfo) -> Quenching | None:
        if wish is not None and info.data.get("boxes", 1) != 1:
            raise ValueError("boxes are for grids that are not melted; melt_quench has samples")
        return wish

    def members(self, name: str) -> Iterator[tuple[str, StructureSource]]:
        """The system of each composition, by its name (``nas-20Na2O-80SiO2``).

        Raises
        ------
        ValueError
            With the key that is wrong, and why.
        """
        seen: dict[str, str] = {}
        for i, shares in enumerate(compositions(self.grid)):
            called = title(shares)
            try:
                box = whole_units(shares, atoms=self.atoms)
            except ValueError as error:
                raise ValueError("atoms", f"{called}: {error}") from None
            if (twin := seen.setdefault(box.formula, called)) != called:
                raise ValueError("atoms", f"{called} and {twin} give the same box: take more atoms")
            if missing := [] if self.melt_quench else self._pairs_missing(box):
                raise ValueError(
                    "min_distance", f"no smallest distance is given for {', '.join(missing)}"
                )
            yield f"{name}-{called}", self._member(name, box, self._density_of(i, box), called)

    def _member(self, name: str, box: Box, density: float, called: str) -> StructureSource:
        asked = {"formula": box.formula, "atoms": box.atoms, "density": density}
        shared: dict[str, Any] = {
            "label": self.label,
            "perturb": self.perturb.model_dump(),
            "member_of": name,
        }
        elements = set(box.counts)
        near = {p: d for p, d in self.min_distance.items() if set(p.split("-")) <= elements}
        if self.melt_quench is None:
            return PackedSource.model_validate(
                {**asked, **shared, "min_distance": near, "boxes": self.boxes}
            )
        wish = {**self.melt_quench.model_dump(), **asked, "min_distance": near}
        try:
            return MeltQuenchSource.model_validate({"melt_quench": wish, **shared})
        except ValidationError as error:
            why = error.errors()[0]["msg"]
            raise ValueError("melt_quench", f"{called}: {why}") from None

    def _pairs_missing(self, box: Box) -> list[str]:
        pairs = combinations_with_replacement(sorted(box.counts), 2)
        return [pair for a, b in pairs if (pair := f"{a}-{b}") not in self.min_distance]

    def _density_of(self, i: int, box: Box) -> float:
        if isinstance(self.density, dict):
            return box.density(self.density)
        return self.density[i] if isinstance(self.density, tuple) else self.density


def expand(given: Any) -> Any:
    """``structures`` of a campaign file with the members of each grid in its place.

    Raises
    ------
    ValidationError
        What is wrong with a grid, at its key.
    """
    if not isinstance(given, dict):
        return given
    found: dict[str, Any] = {}
    errors: list[InitErrorDetails] = []
    for name, source in given.items():
        if not isinstance(source, dict) or "grid" not in source:
            found[name] = source
            continue
        try:
            grid = GridSource.model_validate(source)
            for member, one in grid.members(name):
                if member in given:
                    raise ValueError("grid", f"{member} is the name of another structure, too")
                found[member] = one
        except ValidationError as error:
            errors += [_error(one["msg"], name, *one["loc"]) for one in error.errors()]
        except ValueError as error:
            key, why = error.args
            errors.append(_error(why, name, key))
    if errors:
        raise ValidationError.from_exception_data("structures", errors)
    return found


def _error(message: str, name: str, *key: int | str) -> InitErrorDetails:
    """At its key, as pydantic says where: with the kind of source."""
    kind = PydanticCustomError("grid", "{why}", {"why": message})
    return InitErrorDetails(type=kind, loc=(name, "grid", *key), input=None)
