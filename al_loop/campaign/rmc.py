"""Structures by RMC, hybrid RMC and FEAR as options: a random box moved towards a known g(r)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ase.formula import Formula
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from al_loop.campaign.options import Element, Options, Positive, pair_key
from al_loop.campaign.quench import Potential, RandomBox
from al_loop.pair_potentials import POTENTIALS

if TYPE_CHECKING:
    from typing_extensions import Self

WHOLE = ("total", "neutron")
"""Curves that are of no pair."""


class PairCurves(Options):
    """Curves g(r), or the path of a CSV of them, which is read once, with the campaign file.

    The first column is r in Å. The others are named: a pair (Si-O), total (all atoms alike) or
    neutron.
    """

    r: tuple[float, ...] = Field(min_length=2, description="Å, rising.")
    g: dict[str, tuple[float, ...]] = Field(min_length=1, description="Name -> g at each r.")

    @model_validator(mode="after")
    def _curves(self) -> Self:
        if any(b <= a for a, b in pairwise(self.r)):
            raise ValueError("r must rise")
        for name, values in self.g.items():
            if len(values) != len(self.r):
                raise ValueError(f"{name}: {len(values)} values for {len(self.r)} distances")
            if name not in WHOLE and len(name.split("-")) != 2:
                raise ValueError(f"{name!r} is no pair such as Si-O, nor {' nor '.join(WHOLE)}")
        return self


def read_curves(path: Path) -> dict[str, Any]:
    """The columns of a CSV: a line of names (r, then curves), numbers, and comments after #.

    Raises
    ------
    ValueError
        It cannot be read; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    rows = [(n, line.split("#")[0].strip()) for n, line in enumerate(text.splitlines(), 1)]
    (_, head), *body = [row for row in rows if row[1]] or [(1, "")]
    names = [name.strip() for name in head.split(",")]
    if len(names) < 2 or names[0] != "r":
        raise ValueError(f"{path}: the first line must name the columns, such as r,neutron")
    table: list[list[float]] = []
    for n, line in body:
        try:
            table.append([float(value) for value in line.split(",")])
        except ValueError:
            raise ValueError(f"{path}, line {n}: {line!r} are no numbers") from None
        if len(table[-1]) != len(names):
            raise ValueError(f"{path}, line {n}: {len(table[-1])} values for {len(names)} columns")
    columns = list(zip(*table, strict=True))
    if not columns:
        raise ValueError(f"{path}: there are no numbers")
    return {"r": columns[0], "g": dict(zip(names[1:], columns[1:], strict=True))}


def _read(given: Any, info: ValidationInfo) -> Any:
    if not isinstance(given, str):
        return given
    base = info.context.get("base") if isinstance(info.context, Mapping) else None
    return read_curves(Path(base or ".") / given)


class Hybrid(Options):
    """The energy that moves of hybrid RMC see, too."""

    potential: Potential = Field(description="Published: bks, pmmcs, du-teter or shik.")
    temperature: Positive = Field(description="Moves up by kT are taken, K.")


class Minimise(Options):
    """The way downhill after each cycle of FEAR."""

    potential: Potential = Field(description="Published: bks, pmmcs, du-teter or shik.")
    steps: int = Field(100, ge=1, le=100_000, description="Of the minimisation, at most.")
    force: Positive = Field(0.1, description="It ends where no force is larger, eV/Å.")


class Rmc(RandomBox):
    """Random boxes whose atoms are moved, one at a time, until their g(r) is the one asked for."""

    target: Annotated[PairCurves, BeforeValidator(_read)] = Field(
        description="CSV of g(r), relative to the campaign file, or its columns (r, g).",
    )
    sigma: Positive = Field(0.05, description="Uncertainty of g: what a misfit is measured by.")
    r_max: Positive | None = Field(
        None, description="Å; default: half the box, or where the curve ends."
    )
    bin: float = Field(0.05, gt=0.001, le=1.0, description="Width of the bins, Å.")
    lengths: dict[Element, float] = Field(
        default_factory=dict,
        description="Scattering lengths for a curve called neutron, fm; default: Sears (1992).",
    )
    step: Positive = Field(0.2, le=5.0, description="Largest move along x, y and z, Å.")
    moves: int = Field(
        5000, ge=1, le=10_000_000, description="Accepted moves of a cycle; 20 times as many tries."
    )
    cycles: int = Field(1, ge=1, le=10_000, description="Cycles of moves and of a minimisation.")
    minimise: Minimise | None = Field(None, description="After each cycle: FEAR; default: RMC.")
    hybrid: Hybrid | None = Field(None, description="Moves see an energy, too; default: none.")
    frames: int = Field(
        1, ge=1, le=1000, description="Of one sample: cycles, evenly spread, that are kept."
    )
    samples: int = Field(1, ge=1, le=1000, description="Independent boxes.")

    @field_validator("frames")
    @classmethod
    def _kept(cls, frames: int, info: ValidationInfo) -> int:
        if frames > (cycles := info.data.get("cycles", frames)):
            raise ValueError(f"{frames} frames cannot be kept of {cycles} cycles")
        return frames

    @model_validator(mode="after")
    def _possible(self) -> Self:
        counts = Formula(self.formula).count()
        for one in (self.minimise, self.hybrid):
            if one and (refusal := POTENTIALS[one.potential].refuses(counts)):
                raise ValueError(refusal)
        for name in self.target.g:
            if name not in WHOLE and not set(pair_key(*name.split("-")).split("-")) <= set(counts):
                raise ValueError(f"the curve of {name} is of no pair of {self.formula}")
        return self

    @property
    def method(self) -> str:
        """RMC, hybrid RMC, FEAR or hybrid FEAR."""
        return ("hybrid " if self.hybrid else "") + ("FEAR" if self.minimise else "RMC")

    @property
    def kept(self) -> tuple[int, ...]:
        """Cycles, from 1, after which a frame is kept; the last one always."""
        return tuple(round((n + 1) * self.cycles / self.frames) for n in range(self.frames))
