"""Everything that can be measured of samples, in one call and with names."""

from al_loop.glass.measuring.measurement import Conditions, Measurement
from al_loop.glass.measuring.names import OBSERVABLES, Observable, elements_of, observable
from al_loop.glass.measuring.options import GROUPS, Group, MeasureOptions
from al_loop.glass.measuring.part_files import PartFiles
from al_loop.glass.measuring.run import measure

__all__ = [
    "GROUPS",
    "OBSERVABLES",
    "Conditions",
    "Group",
    "MeasureOptions",
    "Measurement",
    "Observable",
    "PartFiles",
    "elements_of",
    "measure",
    "observable",
]
