"""Section ``dispersion`` of a campaign: D3 that is added to labels, or to the potential in MD.

What engines say of themselves, if they know it, decides whether it fits:

- a labeller's options have ``functional``, and ``dispersion``, what its labels hold already
  (``none``: nothing); where that is no option, or not the whole truth, ``own_dispersion`` says it;
- an explorer's class has ``dispersion_functionals``, those whose D3 it can add.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ase.data import atomic_numbers
from pydantic import Field, model_validator

from al_loop.campaign.engines import EngineOptions, engine_class
from al_loop.campaign.strict import StrictModel
from al_loop.d3 import D3, LAST_ELEMENT, Damping

D3Functional = Literal["pbe", "pbesol", "revpbe", "rpbe", "tpss", "scan", "r2scan", "pbe0", "hse06"]
Contradiction = tuple[tuple[str | int, ...], str]


class Dispersion(StrictModel):
    """D3 beside what the labeller computes (docs/dispersion.md)."""

    where: Literal["labels", "md"] = Field(
        description="labels: s-dftd3 adds it to each label, and the potential learns it. md: "
        "labels stay without it, and whoever runs the potential adds it."
    )
    functional: D3Functional = Field("pbe", description="That of the labels.")
    damping: Damping = Field("bj", description="bj: Becke and Johnson; zero: the original one.")
    cutoff: float = Field(15.0, ge=6.0, le=60.0, description="Of the pairs, Å.")
    cn_cutoff: float = Field(
        10.0, ge=5.0, le=60.0, description="Of the coordination numbers, Å; at most cutoff."
    )

    @model_validator(mode="after")
    def _possible(self) -> Dispersion:
        if self.cn_cutoff > self.cutoff:
            raise ValueError(f"cn_cutoff ({self.cn_cutoff}) must not be above cutoff")
        if (self.functional, self.damping) == ("r2scan", "zero"):
            raise ValueError("D3 has no zero damping for r2scan: set damping: bj")
        return self

    @property
    def d3(self) -> D3:
        """What is added."""
        return D3(
            functional=self.functional,
            damping=self.damping,
            cutoff=self.cutoff,
            cn_cutoff=self.cn_cutoff,
        )

    def __str__(self) -> str:
        if self.where == "labels":
            return f"{self.d3}, added to the labels: the potential has learned it"
        return f"{self.d3}, to be added wherever the potential runs: its labels are without"


def contradictions(
    dispersion: Dispersion,
    *,
    elements: Sequence[str],
    labeller: str,
    options: EngineOptions,
    explorer: str,
) -> Iterator[Contradiction]:
    """Why this section does not fit the engines: (key, what is wrong)."""
    own = getattr(options, "own_dispersion", getattr(options, "dispersion", "none"))
    if own != "none":
        yield (
            ("dispersion",),
            f"labels by {labeller} hold dispersion already ({own}), and it would count twice: take "
            "this section out, or have the labeller leave it out",
        )
    functional = getattr(options, "functional", None)
    if functional is not None and str(functional).lower() != dispersion.functional:
        yield (
            ("dispersion", "functional"),
            f"the labels are by {functional}, and this would add the D3 of {dispersion.functional}",
        )
    for i, element in enumerate(elements):
        if atomic_numbers[element] > LAST_ELEMENT:
            yield ("elements", i), f"D3 has no parameters for {element}"
    if dispersion.where == "md":
        engine = engine_class("explore", explorer)
        known: frozenset[str] = getattr(engine, "dispersion_functionals", frozenset())
        if not known:
            yield (
                ("dispersion", "where"),
                f"the explorer {explorer} cannot add dispersion: set where: labels",
            )
        elif dispersion.functional not in known:
            yield (
                ("dispersion", "functional"),
                f"the explorer {explorer} knows only D3 of {', '.join(sorted(known))}: set where: "
                "labels",
            )
