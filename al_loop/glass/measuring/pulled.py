"""What needs a potential: energy, elastic moduli and modes of a sample at rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.measuring.lattice import lattice
from al_loop.glass.measuring.moving import add_spectrum
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.mechanics import (
    compress,
    elastic_constants,
    equation_of_state,
    isotropic_moduli,
)
from al_loop.glass.relax import relaxed
from al_loop.glass.trajectory import Trajectory
from al_loop.glass.vibrations import (
    dynamical_matrix,
    mode_density_of_states,
    normal_modes,
    participation_curve,
)
from al_loop.units import density

_VOLUMES = 7
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
    """Of the last frame, relaxed with its cell: energy, density, lattice, Hill's moduli.

    All of them at the pressure of the options, moduli those of stress over strain there, so that
    the bulk modulus is -V dP/dV. If asked for, the equation of state, too.
    """
    part = Part()
    with part.attempt("mechanics"):
        if calculator is None:
            raise DatasetError(_NO_CALCULATOR)
        rest = relaxed(
            sample.frames[-1],
            calculator,
            cell="free",
            pressure=options.pressure,
            force=options.force,
            listen=listen,
        )
        energy = float(rest.get_potential_energy()) / len(rest)
        part.values["energy_at_rest"] = Estimate(energy, None, 1, "eV/atom")
        part.values["density_at_rest"] = Estimate(density(rest), None, 1, "g/cm3")
        _add_lattice(part, rest, options)
        if options.equation_of_state:
            with part.attempt("eos"):
                _add_equation_of_state(part, rest, options, calculator, listen)
        stiffness = elastic_constants(
            rest, calculator, strain=options.strain, force=options.force, listen=listen
        )
        moduli = isotropic_moduli([stiffness])
        for name in ("bulk", "shear", "young"):
            part.values[f"{name}_modulus"] = moduli[name]
        part.values["poisson_ratio"] = moduli["poisson"]
    return part


def _add_lattice(part: Part, rest: Atoms, options: MeasureOptions) -> None:
    """Of a crystal, the parameters of the conventional cell without heat."""
    found = lattice(Trajectory((rest,)), options)
    for name, one in found.values.items():
        part.values[name.replace("lattice", "lattice_at_rest")] = one
    if "lattice" in found.missing:
        part.missing["lattice_at_rest"] = found.missing["lattice"]


def _add_equation_of_state(
    part: Part,
    rest: Atoms,
    options: MeasureOptions,
    calculator: BaseCalculator,
    listen: Callable[[], None],
) -> None:
    """E(V) under hydrostatic pressure, per atom, and the parameters of Birch and Murnaghan."""
    volumes = [float(one) for one in np.linspace(*options.volumes, _VOLUMES)]
    found = compress(
        rest, calculator, volumes=volumes, shape=True, force=options.force, listen=listen
    )
    v, e = found.volumes / len(rest), found.energies / len(rest)
    part.curves["energy_volume"] = Curve(v, e, None, 1, "Å3/atom", "eV/atom")
    fitted = equation_of_state(v, e)
    part.values |= {
        "eos_volume": replace(fitted.volume, unit="Å3/atom"),
        "eos_energy": replace(fitted.energy, unit="eV/atom"),
        "eos_bulk_modulus": fitted.bulk_modulus,
        "eos_derivative": fitted.derivative,
        "eos_residual": Estimate(fitted.residual, None, 1, "eV/atom"),
    }
