"""What a glass is like: structure, dynamics, vibrations and mechanics of any trajectory.

The room stands alone. It takes ``ase.Atoms`` of any origin and needs neither FireWorks nor
MongoDB.
"""

from al_loop.glass.estimate import Curve, Estimate, average, average_curve, combine, combine_curves
from al_loop.glass.reading import read_trajectory
from al_loop.glass.trajectory import Trajectory

__all__ = [
    "Curve",
    "Estimate",
    "Trajectory",
    "average",
    "average_curve",
    "combine",
    "combine_curves",
    "read_trajectory",
]
