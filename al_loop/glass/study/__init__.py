"""What glasses that a protocol has made tell: rates, sizes, heat, pressure, strain, diffusion.

The bridge between :mod:`al_loop.glass.make` and the observables.
"""

from al_loop.glass.study.folder import Study, study_folder, variants_in
from al_loop.glass.study.options import StudyOptions
from al_loop.glass.study.trends import Trend, trends
from al_loop.glass.study.variant import State, Studied, study_variant

__all__ = [
    "State",
    "Studied",
    "Study",
    "StudyOptions",
    "Trend",
    "study_folder",
    "study_variant",
    "trends",
    "variants_in",
]
