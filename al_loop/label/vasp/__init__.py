"""VASP: single points through pymatgen (inputs, results) and custodian (the run)."""

from al_loop.label.vasp.labeller import VaspLabeller
from al_loop.label.vasp.options import VaspOptions
from al_loop.label.vasp.presets import PRESETS

__all__ = ["PRESETS", "VaspLabeller", "VaspOptions"]
