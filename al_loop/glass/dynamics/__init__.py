"""How atoms move: displacements, diffusion, conduction, velocities."""

from al_loop.glass.dynamics.arrhenius import Arrhenius, arrhenius
from al_loop.glass.dynamics.conductivity import (
    einstein_conductivity,
    haven_ratio,
    nernst_einstein,
)
from al_loop.glass.dynamics.diffusion import SelfDiffusion, green_kubo_diffusion, self_diffusion
from al_loop.glass.dynamics.msd import mean_square_displacement
from al_loop.glass.dynamics.unwrap import paths_of, unwrapped
from al_loop.glass.dynamics.vacf import (
    finite_difference_velocities,
    velocities_of,
    velocity_autocorrelation,
)

__all__ = [
    "Arrhenius",
    "SelfDiffusion",
    "arrhenius",
    "einstein_conductivity",
    "finite_difference_velocities",
    "green_kubo_diffusion",
    "haven_ratio",
    "mean_square_displacement",
    "nernst_einstein",
    "paths_of",
    "self_diffusion",
    "unwrapped",
    "velocities_of",
    "velocity_autocorrelation",
]
