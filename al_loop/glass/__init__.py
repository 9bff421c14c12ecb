"""What a glass is like: structure, dynamics, vibrations and mechanics of any trajectory.

:func:`measure` does it all at once; :mod:`al_loop.glass.compare` holds it against references.

The room stands alone. It takes ``ase.Atoms`` of any origin and needs neither FireWorks nor
MongoDB.
"""

from al_loop.glass.estimate import Curve, Estimate, average, average_curve, combine, combine_curves
from al_loop.glass.measuring import GROUPS, Measurement, MeasureOptions, measure
from al_loop.glass.reading import read_trajectory
from al_loop.glass.trajectory import Trajectory

__all__ = [
    "GROUPS",
    "Curve",
    "Estimate",
    "MeasureOptions",
    "Measurement",
    "Trajectory",
    "average",
    "average_curve",
    "combine",
    "combine_curves",
    "measure",
    "read_trajectory",
]
