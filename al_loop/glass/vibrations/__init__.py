"""How a glass vibrates: densities of states by several routes, and single modes."""

from al_loop.glass.vibrations.crystal import crystal_density_of_states, crystal_phonons
from al_loop.glass.vibrations.density import mode_density_of_states
from al_loop.glass.vibrations.dynamic_structure import dynamic_structure_factor
from al_loop.glass.vibrations.modes import Modes, dynamical_matrix, normal_modes, read_eskm
from al_loop.glass.vibrations.neutron import effective_neutron, neutron_weights
from al_loop.glass.vibrations.participation import participation_curve, participation_ratios
from al_loop.glass.vibrations.spectrum import THZ_IN_PER_CM, Spectrum, combine_spectra
from al_loop.glass.vibrations.vdos import velocity_density_of_states

__all__ = [
    "THZ_IN_PER_CM",
    "Modes",
    "Spectrum",
    "combine_spectra",
    "crystal_density_of_states",
    "crystal_phonons",
    "dynamic_structure_factor",
    "dynamical_matrix",
    "effective_neutron",
    "mode_density_of_states",
    "neutron_weights",
    "normal_modes",
    "participation_curve",
    "participation_ratios",
    "read_eskm",
    "velocity_density_of_states",
]
