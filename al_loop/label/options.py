"""Kinds of options that programs for electronic structure share."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

from pydantic import AfterValidator


def _splits(command: str) -> str:
    if not shlex.split(command):
        raise ValueError("say how the program is started")
    return command


Command = Annotated[str, AfterValidator(_splits)]
"""How a program is started; no shell is asked."""

AnyKpoints = Literal["gamma"] | float | tuple[int, int, int]


def _positive(kpoints: AnyKpoints) -> AnyKpoints:
    numbers = kpoints if isinstance(kpoints, tuple) else (kpoints,)
    if any(not isinstance(x, str) and x <= 0 for x in numbers):
        raise ValueError("k-points must be positive numbers")
    return kpoints


Kpoints = Annotated[AnyKpoints, AfterValidator(_positive)]
"""Γ alone, a density per Å-3 of the reciprocal cell, or a mesh."""


def kpoints_in_words(kpoints: AnyKpoints) -> str:
    """As a fingerprint has it: ``gamma``, ``density 64``, ``mesh 2x2x1``."""
    if isinstance(kpoints, tuple):
        return "mesh " + "x".join(map(str, kpoints))
    return kpoints if isinstance(kpoints, str) else f"density {kpoints:g}"
