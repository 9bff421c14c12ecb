"""A protocol: how a glass is made, as frozen data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from al_loop.campaign.options import Name, Options, Positive
from al_loop.glass.make.start import Glass, Pack, Start
from al_loop.glass.make.steps import Quench, Step
from al_loop.hashing import derive_seed

if TYPE_CHECKING:
    from typing_extensions import Self


class Vary(Options):
    """What is varied: all combinations are made."""

    rates: tuple[Positive, ...] = Field(
        (), description="Rates of the first quench, K/ps: a study of the cooling rate."
    )
    atoms: tuple[Annotated[int, Field(ge=2, le=1_000_000)], ...] = Field(
        (), description="Atoms: a study of the size."
    )
    compositions: tuple[Glass, ...] = Field((), description="Compositions with their densities.")


class Protocol(Options):
    """How a glass is made: a start, and steps one after another."""

    name: Name = Field(description="Name of its folders.")
    about: str = Field("", description="What it is, and where it is from.")
    start: Start = Field(description="A random box (pack), a crystal, or a file.")
    steps: tuple[Step, ...] = Field(min_length=1, description="What is done, in turn.")
    timestep: float = Field(1.0, gt=0, le=5.0, description="fs.")
    thermostat: Positive = Field(100.0, description="Time constant of the thermostat, fs.")
    barostat: Positive = Field(1000.0, description="Time constant of the barostat, fs.")
    frames: Positive = Field(1.0, description="Time between frames, ps.")
    thermo: Positive = Field(0.1, description="Time between values of T, P, density, ..., ps.")
    samples: int = Field(1, ge=1, le=1000, description="Independent samples of each variant.")
    seed: int = Field(1, ge=0, description="All random numbers follow from it.")
    piece: int = Field(
        10_000, ge=100, description="MD steps after which a run can go on: a kill costs no more."
    )
    vary: Vary = Field(default_factory=lambda: Vary.model_validate({}))

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.vary.rates and not any(isinstance(step, Quench) for step in self.steps):
            raise ValueError("vary.rates: there is no quench")
        if (self.vary.atoms or self.vary.compositions) and not isinstance(self.start, Pack):
            raise ValueError("vary.atoms and vary.compositions need a start of kind pack")
        from al_loop.glass.make.plan import segments_of

        names = [one.name for one in variants(self)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"vary: two variants are called {', '.join(twice)}")
        for one in variants(self):  # all must be possible
            segments_of(one)
            if isinstance(one.start, Pack):
                one.start.counts()
        return self


@dataclass(frozen=True)
class Run:
    """One sample of one variant: what a job makes. ``name`` is its folder, ``rate-1/sample-0``."""

    name: str
    protocol: Protocol
    sample: int

    @property
    def seed(self) -> int:
        """Of this sample alone."""
        return sample_seed(self.protocol, self.sample)


def runs_of(protocol: Protocol) -> tuple[Run, ...]:
    """All samples of all variants."""
    several = bool(protocol.vary.rates or protocol.vary.atoms or protocol.vary.compositions)
    return tuple(
        Run(f"{one.name}/sample-{n}" if several else f"sample-{n}", one, n)
        for one in variants(protocol)
        for n in range(protocol.samples)
    )


def sample_seed(protocol: Protocol, sample: int) -> int:
    """Seed of a sample; variants of one protocol have different ones."""
    return derive_seed(protocol.seed, "glass", protocol.name, sample)


def variants(protocol: Protocol) -> Iterator[Protocol]:
    """The protocol with each combination of what it varies, named after it; itself without."""
    vary = protocol.vary
    for glass in vary.compositions or (None,):
        for atoms in vary.atoms or (None,):
            for rate in vary.rates or (None,):
                yield _variant(protocol, glass=glass, atoms=atoms, rate=rate)


def _variant(
    protocol: Protocol, *, glass: Glass | None, atoms: int | None, rate: float | None
) -> Protocol:
    names, start, steps = [], protocol.start, list(protocol.steps)
    if isinstance(start, Pack):
        if glass is not None:
            names.append(glass.title)
            start = start.model_copy(update=glass.model_dump())
        if atoms is not None:
            names.append(f"{atoms}-atoms")
            start = start.model_copy(update={"atoms": atoms})
    if rate is not None:
        names.append(f"{rate:g}-K-per-ps")
        at = next(i for i, step in enumerate(steps) if isinstance(step, Quench))
        steps[at] = steps[at].model_copy(update={"rate": rate})
    if not names:
        return protocol
    update = {
        "name": "-".join(names),
        "start": start,
        "steps": tuple(steps),
        "vary": Vary.model_validate({}),
    }
    return protocol.model_copy(update=update)
