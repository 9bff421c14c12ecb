"""One single point of tblite, from atoms to a label."""

from __future__ import annotations

from ase import Atoms
from ase.units import Bohr, Hartree, kB

from al_loop.label.interface import Label
from al_loop.label.xtb.faults import fault_from
from al_loop.label.xtb.options import XtbOptions


def single_point(atoms: Atoms, options: XtbOptions) -> Label:
    """Energy, forces and virial of a periodic frame.

    The library is asked directly and not through its ASE calculator: a fresh calculator and
    a fresh guess for each frame, so that a label does not depend on what was labelled before.
    tblite's virial is dE/d(strain) in Hartree; ours has the opposite sign.

    Raises
    ------
    PhysicsFault
        tblite has no answer for this frame.
    """
    from tblite.exceptions import TBLiteRuntimeError
    from tblite.interface import Calculator

    try:
        calculator = Calculator(
            options.method,
            atoms.numbers,
            atoms.positions / Bohr,
            charge=0.0,
            uhf=0,
            lattice=atoms.cell.array / Bohr,
            periodic=atoms.pbc,
            color=False,
            logger=_quiet,
        )
        calculator.set("verbosity", 0)
        calculator.set("accuracy", options.accuracy)
        calculator.set("temperature", options.electronic_temperature * kB / Hartree)
        calculator.set("max-iter", options.max_iterations)
        result = calculator.singlepoint()
        return Label(
            energy=float(result["energy"]) * Hartree,
            forces=result["gradient"] * (-Hartree / Bohr),
            virial=result["virial"] * -Hartree,
        )
    except TBLiteRuntimeError as error:
        raise fault_from(str(error)) from None


def _quiet(message: str) -> None:
    """Take a line of tblite's protocol, which would go to standard output."""
