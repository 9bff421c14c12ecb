"""What all parts of a campaign are made of: frozen options, and the kinds of their values."""

from __future__ import annotations

from typing import Annotated

from ase.data import atomic_numbers
from ase.formula import Formula
from pydantic import (
    AfterValidator,
    Field,
)

from al_loop.campaign.strict import StrictModel


def _element(symbol: str) -> str:
    if symbol not in atomic_numbers or symbol == "X":
        raise ValueError(f"{symbol!r} is not a chemical element")
    return symbol


def pair_key(a: str, b: str) -> str:
    """Name of a pair of elements: alphabetical, joined by a hyphen (``O-Si``)."""
    return "-".join(sorted((a, b)))


def _pairs(distances: dict[str, float]) -> dict[str, float]:
    normal: dict[str, float] = {}
    for key, distance in distances.items():
        parts = key.split("-")
        if len(parts) != 2:
            raise ValueError(f"{key!r} is not a pair of elements such as Si-O")
        if not 0 < distance < 10:
            raise ValueError(f"{key}: {distance} Å is not a distance between atoms")
        name = pair_key(_element(parts[0]), _element(parts[1]))
        if name in normal:
            raise ValueError(f"{key} is given twice")
        normal[name] = distance
    return normal


def _formula(text: str) -> str:
    try:
        counts = Formula(text).count()
    except ValueError:
        counts = {}
    if not counts or not all(symbol in atomic_numbers for symbol in counts):
        raise ValueError(f"{text!r} is not a formula such as SiO2")
    return text


Element = Annotated[str, AfterValidator(_element)]
Composition = Annotated[str, AfterValidator(_formula)]
PairDistances = Annotated[dict[str, float], AfterValidator(_pairs)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]


class Options(StrictModel):
    """Base of all parts of a campaign: frozen, and an unknown key is an error."""
