"""Dynamics and vibrations of a sample, from its run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.dynamics import (
    einstein_conductivity,
    green_kubo_diffusion,
    haven_ratio,
    mean_square_displacement,
    nernst_einstein,
    paths_of,
    self_diffusion,
    velocities_of,
    velocity_autocorrelation,
)
from al_loop.glass.estimate import Curve, Estimate, average
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.trajectory import Trajectory
from al_loop.glass.vibrations import (
    Spectrum,
    dynamic_structure_factor,
    effective_neutron,
    velocity_density_of_states,
)
from al_loop.units import Array

_DIFFUSIVE = (0.8, 1.3)
"""Where the MSD grows with another power of time (2: free flight), its slope is no diffusion."""
_MOST_POINTS = 1000
_SHELL = 0.2  # 1/Å, width of the shell of wave vectors
_LONGEST_VACF = 1.0  # ps


def temperature(sample: Trajectory) -> Estimate | None:
    """K, of the velocities of its frames; None without."""
    if not all(atoms.has("momenta") for atoms in sample.frames):
        return None
    return average([float(atoms.get_temperature()) for atoms in sample.frames], unit="K")


def dynamics(sample: Trajectory, options: MeasureOptions, kelvin: float | None) -> Part:
    """Displacements, diffusion, conductivity, velocity autocorrelations, and density waves."""
    part = Part()
    with part.attempt("dynamics"):
        step, symbols = sample.time_step(), list(sample.ordered_symbols())
        paths = paths_of(sample)
        for name, curve in mean_square_displacement(paths, symbols, step).items():
            part.curves[f"msd_{name}"] = _thinned(curve)
        length = step * (len(sample) - 1)
        window = options.window or _default_window(step, len(sample))
        with part.attempt("diffusion"):
            found = self_diffusion(paths, symbols, step, window=window)
            for name, one in found.items():
                with part.attempt(f"diffusion_{name}"):
                    _diffusive(name, one.exponent, window)
                    part.values[f"diffusion_{name}"] = one.coefficient
        with part.attempt("conductivity"):
            kelvin = _conducts(options, part.values, kelvin)
            volume = float(np.mean([atoms.get_volume() for atoms in sample.frames]))
            ions = {name: part.values[f"diffusion_{name}"] for name in options.charges}
            part.values["conductivity"] = nernst_einstein(
                ions, sample.counts, options.charges, volume=volume, temperature=kelvin
            )
            with part.attempt("conductivity_einstein"):
                part.values["conductivity_einstein"] = einstein_conductivity(
                    paths,
                    symbols,
                    step,
                    charges=options.charges,
                    volume=volume,
                    temperature=kelvin,
                    window=window,
                )
        with part.attempt("vacf"):
            longest = min(_LONGEST_VACF, length / 2)
            velocities = velocities_of(sample.frames)
            found_v = velocity_autocorrelation(velocities, symbols, step, longest=longest)
            part.curves |= {f"vacf_{name}": curve for name, curve in found_v.items()}
            with part.attempt("green_kubo"):
                _resolves(step, options)
                found_g = green_kubo_diffusion(velocities, symbols, step, window=window)
                moving = [name for name in found_g if f"diffusion_{name}" in part.values]
                part.values |= {f"green_kubo_{name}": found_g[name] for name in moving}
        with part.attempt("dynamic_s_neutron"):
            part.curves["dynamic_s_neutron"] = _waves(sample, paths, step, options)
    return part


def _default_window(step: float, frames: int) -> tuple[float, float]:
    """A sixteenth to an eighth of the run, ps, so that there are pieces for the error.

    Two to four frames of a short run: a line needs three points.
    """
    end = max((frames - 1) // 8, 4)
    return step * (end // 2), step * end


def _resolves(step: float, options: MeasureOptions) -> None:
    """The integral of a VACF whose vibrations are not resolved is not that of the VACF."""
    if step > 0.5 / options.max_frequency * (1 + 1e-9):
        raise DatasetError(
            f"velocities every {1000 * step:g} fs do not resolve vibrations up to "
            f"{options.max_frequency:g} THz, and the VACF is to be integrated",
            remedy="write them every 10 fs or more often",
        )


def _waves(sample: Trajectory, paths: Array, step: float, options: MeasureOptions) -> Curve:
    if not sample.fixed_cell:
        raise DatasetError(
            "the cell changes, and its waves with it", remedy="a run at constant volume"
        )
    return dynamic_structure_factor(
        paths,
        list(sample.ordered_symbols()),
        step,
        cell=sample.frames[0].cell.array,
        q=options.wave_number,
        width=_SHELL,
        lengths=options.structure.lengths,
        broadening=options.broadening,
        maximum=options.max_frequency,
    )


def vibrations(sample: Trajectory, options: MeasureOptions) -> Part:
    """Density of states from velocities."""
    part = Part()
    with part.attempt("vdos"):
        symbols = list(sample.ordered_symbols())
        spectrum = velocity_density_of_states(
            velocities_of(sample.frames),
            symbols,
            sample.time_step(),
            broadening=options.broadening,
            maximum=options.max_frequency,
        )
        add_spectrum(part, spectrum, symbols, options)
    return part


def add_spectrum(
    part: Part, spectrum: Spectrum, symbols: list[str], options: MeasureOptions
) -> None:
    """A density of states, its species, and how neutrons see it."""
    part.curves["vdos"] = spectrum.total
    part.curves |= {f"vdos_{name}": curve for name, curve in spectrum.species.items()}
    with part.attempt("vdos_neutron"):
        part.curves["vdos_neutron"] = effective_neutron(
            spectrum, symbols, lengths=options.structure.lengths
        )


def _diffusive(name: str, exponent: float, window: tuple[float, float]) -> None:
    if not _DIFFUSIVE[0] <= exponent <= _DIFFUSIVE[1]:
        raise DatasetError(
            f"{name} does not diffuse: from {window[0]:.3g} to {window[1]:.3g} ps its MSD grows as "
            f"t^{exponent:.2f}",
            remedy="a longer run, a later window"
            + (" or a hotter melt" if exponent < _DIFFUSIVE[0] else ": they fly freely there"),
        )


def _conducts(
    options: MeasureOptions, values: Mapping[str, Estimate], kelvin: float | None
) -> float:
    """The temperature, K, where conductivities can be told."""
    if not options.charges:
        raise DatasetError("it needs `charges` (e, of the elements that conduct)")
    if kelvin is None:
        raise DatasetError("it needs a `temperature`: there are no velocities that tell it")
    if still := [name for name in options.charges if f"diffusion_{name}" not in values]:
        raise DatasetError(f"{', '.join(still)} in `charges` does not diffuse")
    return kelvin


def add_haven_ratio(part: Part) -> None:
    """Of the means over samples: the ratio of single ones has noise that does not average out."""
    if {"conductivity", "conductivity_einstein"} <= part.values.keys():
        with part.attempt("haven_ratio"):
            part.values["haven_ratio"] = haven_ratio(
                part.values["conductivity"], part.values["conductivity_einstein"]
            )


def _thinned(curve: Curve) -> Curve:
    """At most a thousand points, evenly spaced."""
    every = -(-len(curve.x) // _MOST_POINTS)
    error = None if curve.error is None else curve.error[::every]
    return Curve(curve.x[::every], curve.y[::every], error, curve.n, curve.x_unit, curve.y_unit)
