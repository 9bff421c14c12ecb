"""A POTCAR library and a VASP for tests: neither holds anything of VASP's."""

from __future__ import annotations

import sys
from pathlib import Path

STAND_IN = Path(__file__).with_name("vasp_std")
COMMAND = f"{sys.executable} {STAND_IN}"
POTCARS = {"Si": "Si", "O": "O"}

ENMAX = {"Si": 245.3, "O": 400.0, "Na_pv": 259.6, "U": 252.5, "B": 318.6, "Li_sv": 499.0}
"""eV."""

_HEADER = """\
  PAW_PBE {symbol} 01Jan2000
   4.00000000000000
 parameters from PSCTR are:
   VRHFIN ={element}: made up for tests
   LEXCH  = PE
   EATOM  =   100.0000 eV,    7.3500 Ry

   TITEL  = PAW_PBE {symbol} 01Jan2000
   LULTRA =        F    use ultrasoft PP ?
   POMASS =   10.000; ZVAL   =    4.000    mass and valenz
   RCORE  =    1.500    outmost cutoff radius
   ENMAX  =  {enmax:.3f}; ENMIN  =  200.000 eV
   LCOR   =        T    correct aug charges

   END of PSCTR-controll parameters
 local part
 {secret}
 End of Dataset
"""
SECRET = "0.123456789E+01 0.987654321E+01"


def write_library(root: Path, *, secret: str = SECRET) -> Path:
    """A library PBE_54 of POTCARs with headers as real ones have, and nothing in them."""
    folder = root / "POT_GGA_PAW_PBE_54"
    for symbol, enmax in ENMAX.items():
        path = folder / symbol / "POTCAR"
        path.parent.mkdir(parents=True, exist_ok=True)
        element = symbol.split("_")[0]
        path.write_text(_HEADER.format(symbol=symbol, element=element, enmax=enmax, secret=secret))
    return root
