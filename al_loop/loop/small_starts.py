"""Where a glass is too large to be labelled: boxes of the campaign that are quenched as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ase.formula import Formula

from al_loop.campaign import CampaignSpec
from al_loop.campaign.structures import CrystalSource
from al_loop.explore import Walker
from al_loop.loop.validating import course_of
from al_loop.structures import Start
from al_loop.units import density

_USUAL = 250
"""Atoms of a box that DFT can do."""
_SAME = 0.01
"""Fractions of atoms by which compositions may differ: boxes have whole atoms."""
_MOST_SAMPLES = 1000

Starts = Mapping[str, Sequence[Start]]
"""Starting structures by the name they have in the campaign."""


def explored_up_to(spec: CampaignSpec, starts: Starts) -> int:
    """Atoms of the largest glass from whose own states walkers start."""
    assert spec.validation is not None
    if (asked := spec.validation.explore_up_to) is not None:
        return asked
    labelled = [len(starts[name][0].atoms) for name, one in spec.structures.items() if one.label]
    return max([_USUAL, *labelled])


def too_large(spec: CampaignSpec, starts: Starts) -> dict[str, str | None]:
    """Systems that are larger -> the structure whose boxes are quenched instead, None without one.

    It has the composition and is small enough; of several the one that is no crystal and nearest
    in density.
    """
    assert spec.validation is not None
    most = explored_up_to(spec, starts)
    return {
        system: _instead(spec, starts, system, most)
        for system, wish in spec.validation.systems.items()
        if wish.atoms > most
    }


def quench_of(spec: CampaignSpec, *, name: str, seed: int) -> Walker:
    """A walker on the glasses' own way: melt, quench and hold, sampled all along."""
    course = course_of(spec, seed=seed)
    steps = course.way.steps + course.hold.steps
    return Walker(
        name=name,
        legs=(*course.way.legs, *course.hold.legs),
        timestep=course.way.timestep,
        sample_every=max(spec.explore.sample_every, -(-steps // _MOST_SAMPLES)),
        seed=seed,
    )


def _instead(spec: CampaignSpec, starts: Starts, system: str, most: int) -> str | None:
    assert spec.validation is not None
    wish = spec.validation.systems[system]
    asked = _fractions(Formula(wish.formula).count())
    found = []
    for name, (first, *_) in starts.items():
        have = _fractions(first.atoms.symbols.formula.count())
        apart = max(abs(asked.get(one, 0.0) - have.get(one, 0.0)) for one in {*asked, *have})
        if apart <= _SAME and len(first.atoms) <= most:
            ordered = isinstance(spec.structures[name], CrystalSource)
            found.append((ordered, abs(density(first.atoms) - wish.density), name))
    return min(found)[2] if found else None


def _fractions(counts: Mapping[str, int]) -> dict[str, float]:
    return {symbol: n / sum(counts.values()) for symbol, n in counts.items()}
