"""What needs a potential: elastic moduli and modes of a sample at rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ase import Atoms
from ase.calculators.calculator import Calculator

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.moving import add_spectrum
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.mechanics import Elasticity, elastic_constants, isotropic_moduli
from al_loop.glass.relax import relaxed
from al_loop.glass.trajectory import Trajectory
from al_loop.glass.vibrations import dynamical_matrix, mode_density_of_states, normal_modes

_NO_CALCULATOR = "it needs a potential: give `calculator` (an ASE calculator)"


def modes(sample: Trajectory, options: MeasureOptions, calculator: Calculator) -> Part:
    """Density of states of the modes of its last frame at rest, and how many are imaginary."""
    part = Part()
    with part.attempt("vdos"):
        last = sample.frames[-1]
        symbols = last.get_chemical_symbols()
        rest = relaxed(last, calculator, force=min(options.force, 1.0e-3))
        found = normal_modes(dynamical_matrix(rest, calculator), symbols)
        spectrum = mode_density_of_states(
            found, broadening=options.broadening, maximum=options.max_frequency
        )
        add_spectrum(part, spectrum, symbols, options)
        part.values["imaginary_modes"] = Estimate(float(found.imaginary()), None, 1)
    return part


def mechanics(
    samples: Sequence[Trajectory],
    options: MeasureOptions,
    calculator: Calculator | None,
    advance: Callable[[], None],
) -> Part:
    """Hill's moduli, with errors over samples; each sample relaxed with its cell first."""
    part = Part()
    with part.attempt("mechanics"):
        if calculator is None:
            raise DatasetError(_NO_CALCULATOR)
        found = []
        for sample in samples:
            found.append(_stiffness(sample.frames[-1], options, calculator))
            advance()
        moduli = isotropic_moduli(found)
        for name in ("bulk", "shear", "young"):
            part.values[f"{name}_modulus"] = moduli[name]
        part.values["poisson_ratio"] = moduli["poisson"]
    return part


def _stiffness(atoms: Atoms, options: MeasureOptions, calculator: Calculator) -> Elasticity:
    rest = relaxed(atoms, calculator, cell="free", force=options.force)
    return elastic_constants(rest, calculator, strain=options.strain, force=options.force)
