"""CP2K's Quickstep: density-functional theory with Gaussians and plane waves, for everyone."""

from al_loop.label.cp2k.labeller import Cp2kLabeller
from al_loop.label.cp2k.options import Cp2kOptions

__all__ = ["Cp2kLabeller", "Cp2kOptions"]
