"""What needs a potential: energy, elastic moduli and modes of a sample at rest."""

from __future__ import annotations

from collections.abc import Callable

from ase.calculators.calculator import BaseCalculator

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.moving import add_spectrum
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.mechanics import elastic_constants, isotropic_moduli
from al_loop.glass.relax import relaxed
from al_loop.glass.trajectory import Trajectory
from al_loop.glass.vibrations import (
    dynamical_matrix,
    mode_density_of_states,
    normal_modes,
    participation_curve,
)
from al_loop.units import density

_NO_CALCULATOR = "it needs a potential: give `calculator` (an ASE calculator)"


def modes(
    sample: Trajectory,
    options: MeasureOptions,
    calculator: BaseCalculator,
    listen: Callable[[], None],
) -> Part:
    """Density of states and participation of the modes of its last frame at rest."""
    part = Part()
    with part.attempt("vdos"):
        last = sample.frames[-1]
        symbols = last.get_chemical_symbols()
        rest = relaxed(last, calculator, force=min(options.force, 1.0e-3), listen=listen)
        found = normal_modes(dynamical_matrix(rest, calculator, listen=listen), symbols)
        spectrum = mode_density_of_states(
            found, broadening=options.broadening, maximum=options.max_frequency
        )
        add_spectrum(part, spectrum, symbols, options)
        part.curves["participation_ratio"] = participation_curve(
            found, broadening=options.broadening, maximum=options.max_frequency
        )
        part.values["imaginary_modes"] = Estimate(float(found.imaginary()), None, 1)
    return part


def mechanics(
    sample: Trajectory,
    options: MeasureOptions,
    calculator: BaseCalculator | None,
    listen: Callable[[], None],
) -> Part:
    """Of the last frame, relaxed with its cell: energy, density, Hill's moduli."""
    part = Part()
    with part.attempt("mechanics"):
        if calculator is None:
            raise DatasetError(_NO_CALCULATOR)
        rest = relaxed(
            sample.frames[-1], calculator, cell="free", force=options.force, listen=listen
        )
        energy = float(rest.get_potential_energy()) / len(rest)
        part.values["energy_at_rest"] = Estimate(energy, None, 1, "eV/atom")
        part.values["density_at_rest"] = Estimate(density(rest), None, 1, "g/cm3")
        stiffness = elastic_constants(
            rest, calculator, strain=options.strain, force=options.force, listen=listen
        )
        moduli = isotropic_moduli([stiffness])
        for name in ("bulk", "shear", "young"):
            part.values[f"{name}_modulus"] = moduli[name]
        part.values["poisson_ratio"] = moduli["poisson"]
    return part
