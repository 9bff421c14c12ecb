"""LAMMPS as an explorer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from ase import Atoms

from al_loop.campaign.engines import EngineOptions
from al_loop.d3 import D3, check_d3
from al_loop.errors import EngineMissing
from al_loop.explore.committee import relative_models
from al_loop.explore.interface import Committee, KeepRule, Limits, Walk, Walker
from al_loop.explore.lammps.inputs import (
    CONTINUE,
    SCRIPT,
    nvt_example,
    walker_script,
)
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.explore.lammps.reading import read_walk
from al_loop.explore.lammps.restart import prepare
from al_loop.explore.lammps.run import run_in_turn
from al_loop.jobfolder import Clock
from al_loop.lammps.data import DATA, DISPERSION_FUNCTIONALS, data_file
from al_loop.lammps.executable import check_program, find_program
from al_loop.lammps.process import program_in


class LammpsExplorer:
    """Molecular dynamics under DeePMD-kit models; LAMMPS computes the deviations, too."""

    Options: ClassVar[type[EngineOptions]] = LammpsOptions
    preload: ClassVar[tuple[str, ...]] = ()
    formats: ClassVar[frozenset[str]] = frozenset({"deepmd"})
    dispersion_functionals: ClassVar[frozenset[str]] = DISPERSION_FUNCTIONALS

    def __init__(self, options: LammpsOptions) -> None:
        self.options = options

    def check(self) -> str:
        """LAMMPS' version; EngineMissing when it is not here or has no ``pair_style deepmd``."""
        return check_program(self.options)

    def ran(self, folder: Path) -> str:
        """LAMMPS and DeePMD-kit's plug-in by what they printed there; empty without it."""
        return program_in(folder)

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
        """Run the walkers in turn in one LAMMPS process, each in ``folder/<its name>``.

        If LAMMPS gives up on a walker, a new process runs those that are left. A walker that
        was stopped or killed goes on from its last restart file. A walker's folder keeps
        ``in.lammps``, ``start.data`` and ``log.lammps``.
        """
        if committee.model_format not in self.formats:
            raise EngineMissing(
                f"LAMMPS cannot run models of format {committee.model_format!r} here",
                remedy="explore with the engine ase",
            )
        if committee.dispersion is not None:
            check_d3()  # takes it off the forces again
        program = find_program(self.options)
        continued = {
            walker.name
            for walker, atoms in walkers
            if self._prepare(walker, atoms, committee, folder=folder, limits=limits)
        }
        left = {walker.name: (walker, atoms) for walker, atoms in walkers}
        while left:
            for name, ending in run_in_turn(
                list(left),
                continued=continued,
                folder=folder,
                program=program,
                limit=limits.deviation,
                clock=clock,
            ):
                walker, atoms = left.pop(name)
                yield read_walk(
                    folder / name,
                    walker,
                    atoms,
                    limits=limits,
                    keep=keep,
                    ending=ending,
                    dispersion=committee.dispersion,
                )

    def render(self, walker: Walker, atoms: Atoms, committee: Committee) -> dict[str, str]:
        """``in.lammps`` and ``start.data`` of a walker, with the default limits."""
        models = [str(model) for model in committee.models]
        limits = Limits(deviation=float("inf"))
        return self._inputs(walker, atoms, committee, models=models, limits=limits)

    @staticmethod
    def example(
        model_file: str,
        atoms: Atoms,
        *,
        temperature: float,
        steps: int,
        elements: Sequence[str],
        dispersion: D3 | None = None,
    ) -> dict[str, str]:
        """Input that runs an exported model at once, file name -> text."""
        return nvt_example(
            model_file,
            atoms,
            temperature=temperature,
            steps=steps,
            elements=elements,
            dispersion=dispersion,
        )

    def _prepare(
        self,
        walker: Walker,
        atoms: Atoms,
        committee: Committee,
        *,
        folder: Path,
        limits: Limits,
    ) -> bool:
        """Make a walker's folder ready to run; whether it goes on from a restart file."""
        place = folder / walker.name
        models = relative_models(committee, place)
        inputs = self._inputs(walker, atoms, committee, models=models, limits=limits)
        restart = prepare(place, walker, atoms, inputs=inputs)
        if restart is None:
            return False
        script = walker_script(
            walker,
            atoms=atoms,
            models=models,
            elements=committee.elements,
            limits=limits,
            options=self.options,
            dispersion=committee.dispersion,
            restart=restart.file,
            step=restart.step,
            restarts=restart.order,
        )
        (place / CONTINUE).write_text(script)
        return True

    def _inputs(
        self,
        walker: Walker,
        atoms: Atoms,
        committee: Committee,
        *,
        models: Sequence[str],
        limits: Limits,
    ) -> dict[str, str]:
        script = walker_script(
            walker,
            atoms=atoms,
            models=models,
            elements=committee.elements,
            limits=limits,
            options=self.options,
            dispersion=committee.dispersion,
        )
        return {SCRIPT: script, DATA: data_file(atoms, committee.elements)}
