"""Which runs of a protocol `al-loop glass make` is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from al_loop.cli.console import out
from al_loop.errors import UserError

if TYPE_CHECKING:
    from al_loop.glass.make import Protocol, Run


def chosen_runs(protocol: Protocol, *, only: str, number: int | None) -> dict[int, Run]:
    """Runs by their number among all of the protocol, from 1.

    ``only``: a whole name or a whole part of one (``sample-1`` is not ``sample-10``), or a pattern
    of such. ``number``: one run.

    Raises
    ------
    UserError
        There is none.
    """
    from al_loop.glass.make import runs_of

    every = dict(enumerate(runs_of(protocol), start=1))
    named = {
        n: run
        for n, run in every.items()
        if not only or any(fnmatchcase(part, only) for part in (run.name, *run.name.split("/")))
    }
    first, last = every[1].name, every[len(every)].name
    there = f"there are {first} to {last}; --dry-run lists them with their numbers"
    if not named:
        raise UserError(
            f"no run, and no part of its name between slashes, is {only!r}",
            where="--only",
            remedy=f"{there}; * stands for any characters",
        )
    if number is None:
        return named
    if number not in named:
        what = f"there is no run {number} of {len(every)}"
        raise UserError(f"{what}{' in --only' if only else ''}", where="--run", remedy=there)
    return {number: named[number]}


def show_plan(protocol: Protocol, runs: Mapping[int, Run]) -> None:
    """Print runs with their numbers, and the segments of each variant once."""
    from al_loop.glass.make import segments_of
    from al_loop.glass.make.start import Pack

    number = f"{len(runs)} run{'s, each' if len(runs) > 1 else ''} of its own seed"
    out.print(f"{protocol.name}: {number}", markup=False)
    told: set[str] = set()
    for place, run in runs.items():
        box = run.protocol.start
        atoms = ""
        if isinstance(box, Pack):
            atoms = f"{sum(box.counts().values())} atoms of {box.title}, {box.density:g} g/cm3, "
        segments = segments_of(run.protocol)
        steps = sum(segment.steps for segment in segments)
        ps = steps * run.protocol.timestep * 1e-3
        size = f"{atoms}{ps:g} ps in {steps:,} MD steps"
        out.print(f"run {place:<6d} {run.name}   {size}", markup=False)
        if run.protocol.name in told:
            continue
        told.add(run.protocol.name)
        for segment in segments:
            ps = segment.steps * run.protocol.timestep * 1e-3
            bar = f", {_span(segment.pressure)} GPa" if segment.ensemble == "npt" else ""
            what = "at rest" if segment.still else f"{ps:g} ps, {_span(segment.temperature)} K{bar}"
            under = f", under {segment.under}" if segment.under else ""
            out.print(f"  {segment.name:26s} {segment.ensemble:5s} {what}{under}", markup=False)


def _span(ends: tuple[float, float]) -> str:
    """``3500 to 300``; one number where it stays."""
    return " to ".join(f"{one:g}" for one in dict.fromkeys(ends))
