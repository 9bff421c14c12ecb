"""GFN-xTB through tblite: energy, forces and virial in process, with nothing else installed."""

from al_loop.label.xtb.labeller import XtbLabeller
from al_loop.label.xtb.options import XtbOptions

__all__ = ["XtbLabeller", "XtbOptions"]
