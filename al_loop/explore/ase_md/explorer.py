"""ASE as an explorer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, get_args

import ase
import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, Calculator, CalculatorError

from al_loop.campaign.dispersion import D3Functional
from al_loop.campaign.engines import EngineOptions
from al_loop.errors import EngineMissing, PhysicsFault
from al_loop.explore.ase_md.dispersion import with_dispersion
from al_loop.explore.ase_md.dynamics import Dynamics, give_velocities
from al_loop.explore.ase_md.options import AseOptions
from al_loop.explore.ase_md.sampler import Sampler
from al_loop.explore.ase_md.state import StateFile, walk_identity
from al_loop.explore.committee import load_members
from al_loop.explore.interface import Committee, KeepRule, Limits, Walk, Walker
from al_loop.explore.legs import leg_at
from al_loop.explore.reduce import (
    COMPLETED,
    Ending,
    reduce_samples,
    temperature_limit,
)
from al_loop.jobfolder import Clock

_HOPELESS = 10.0
"""Between samples a walker ends only this far above its temperature limit."""


class AseExplorer:
    """Molecular dynamics under the leader; all members are evaluated on the samples.

    The same seeds give the same trajectory to the last bit.
    """

    Options: ClassVar[type[EngineOptions]] = AseOptions
    preload: ClassVar[tuple[str, ...]] = ()
    formats: ClassVar[frozenset[str]] = frozenset()
    dispersion_functionals: ClassVar[frozenset[str]] = frozenset(get_args(D3Functional))

    def __init__(self, options: AseOptions) -> None:
        self.options = options

    def check(self) -> str:
        """ASE's version."""
        return f"ASE {ase.__version__}"

    def explore(
        self,
        walkers: Sequence[tuple[Walker, Atoms]],
        committee: Committee,
        *,
        limits: Limits,
        keep: KeepRule,
        folder: Path,
        clock: Clock,
    ) -> Iterator[Walk]:
        """Run the walkers in turn in this process.

        A walker that was stopped or killed goes on from ``<its name>.state`` in ``folder``.
        """
        members = load_members(committee)
        mover = with_dispersion(members[0], committee.dispersion)
        for walker, start in walkers:
            if unknown := set(start.get_chemical_symbols()) - set(committee.elements):
                raise EngineMissing(
                    f"walker {walker.name}: the potential does not know {', '.join(unknown)}"
                )
            of_it = (walker, self.options, limits, keep, committee.dispersion)
            asked = [x.model_dump_json() for x in of_it if x is not None]
            identity = walk_identity(start, models=committee.models, asked=asked)
            state = StateFile(folder / f"{walker.name}.state", identity)
            with clock.span("compute"):
                walk = self._walk(
                    walker,
                    start,
                    mover=mover,
                    members=members,
                    limits=limits,
                    keep=keep,
                    state=state,
                )
            yield walk
            state.remove()

    def render(self, walker: Walker, atoms: Atoms, committee: Committee) -> dict[str, str]:
        """The walker as JSON: ASE has no input file."""
        models = "\n".join(f"# model: {model}" for model in committee.models)
        about = f"# {atoms.get_chemical_formula()}, {len(atoms)} atoms\n{models}\n"
        settings = f"{walker.model_dump_json(indent=1)}\n{self.options.model_dump_json(indent=1)}"
        return {"walker.json": f"{about}{settings}\n"}

    def _walk(
        self,
        walker: Walker,
        start: Atoms,
        *,
        mover: BaseCalculator,
        members: Sequence[Calculator],
        limits: Limits,
        keep: KeepRule,
        state: StateFile,
    ) -> Walk:
        atoms = Atoms(numbers=start.numbers, positions=start.positions, cell=start.cell, pbc=True)
        atoms.calc = mover
        sampler = Sampler(atoms, members, limits=limits, keep=keep, seed=walker.seed)
        with np.errstate(all="ignore"):  # overflow is what an explosion looks like
            ending = self._integrate(atoms, walker, sampler=sampler, limits=limits, state=state)
        reduction = reduce_samples(
            sampler.samples(), walker=walker, limits=limits, keep=keep, ending=ending
        )
        return sampler.walk(walker, reduction)

    def _integrate(
        self,
        atoms: Atoms,
        walker: Walker,
        *,
        sampler: Sampler,
        limits: Limits,
        state: StateFile,
    ) -> Ending:
        """Run until the end or the first unphysical step, taking samples.

        It begins where ``state`` has the walk. Raises JobStopped when asked to stop.
        """
        cell = atoms.cell.array.copy()
        try:
            give_velocities(atoms, walker)
            known = state.load()
            done = -1 if known is None else known.step
            first, _ = leg_at(walker.legs, max(0, done))
            for leg in range(first, len(walker.legs)):
                dynamics = Dynamics(atoms, walker, self.options, leg=leg, start=cell)
                if known is not None and leg == first:
                    known.restore(dynamics.integrator, sampler)
                for step in dynamics.run():
                    if step == done:  # it was looked at before it was saved, or by the leg before
                        continue
                    done = step
                    ending = _look(atoms, walker, step=step, sampler=sampler, limits=limits)
                    if ending is not None:
                        return ending
                    state.keep(dynamics.integrator, sampler)
        except (PhysicsFault, CalculatorError, ArithmeticError, ValueError) as error:
            return Ending("engine", f"{type(error).__name__}: {error}")
        return COMPLETED


def _look(
    atoms: Atoms, walker: Walker, *, step: int, sampler: Sampler, limits: Limits
) -> Ending | None:
    """Take a sample when it is due; how the walk ends when this step is beyond what makes sense.

    What a sample says of itself needs no word of ours.
    """
    if not np.isfinite(atoms.positions).all():
        return Ending("not-finite", f"step {step}: positions are not finite")
    temperature = atoms.get_temperature()
    hottest = temperature_limit(walker, limits, step)
    if step % walker.sample_every == 0:
        return COMPLETED if not sampler.take(step) or temperature > hottest else None
    if temperature > _HOPELESS * hottest:
        return Ending("temperature", f"step {step}: {temperature:.3g} K")
    return None
