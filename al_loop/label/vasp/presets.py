"""What papers on potentials of oxide glasses used, as far as they say it.

What a paper does not state is left to the defaults of :class:`VaspOptions`; no paper gives the
titles of its POTCARs. (Liu et al., C. R. Géosci. 354, 35, is a review: it labels nothing.)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

PresetName = Literal["trillot-2024", "balyakin-2020", "urata-2022", "pedone-2025"]

PRESETS: Mapping[PresetName, Mapping[str, object]] = MappingProxyType(
    {
        # SiO2; Comput. Mater. Sci. 236, 112848. The k-points of its melts are not stated: 384
        # atoms, so Gamma.
        "trillot-2024": {"functional": "PBEsol", "encut": 600.0, "kpoints": "gamma"},
        # SiO2; Phys. Rev. E 102, 052125.
        "balyakin-2020": {"functional": "PBE", "encut": 500.0, "kpoints": "gamma"},
        # Li2O-B2O3-SiO2; J. Phys. Chem. C 126, 21507. k-points not stated.
        "urata-2022": {"functional": "PBE", "encut": 600.0, "ediff": 1.0e-5, "kpoints": "gamma"},
        # Na2O-SiO2; J. Chem. Theory Comput. 21, 4769: PBE, with D3(BJ) as it recommends. It adds
        # D3 in the MD; here it is in the labels. Cutoff energy not stated.
        "pedone-2025": {"functional": "PBE", "dispersion": "d3-bj"},
    }
)
