"""How stiff a glass is: elastic constants, pulling, pressing, equations of state."""

from al_loop.glass.mechanics.elastic import (
    Elasticity,
    Moduli,
    elastic_constants,
    isotropic_moduli,
)
from al_loop.glass.mechanics.eos import (
    Compression,
    EquationOfState,
    bulk_modulus_from_pressures,
    compress,
    equation_of_state,
)
from al_loop.glass.mechanics.tensile import Pull, static_pull, tensile_moduli

__all__ = [
    "Compression",
    "Elasticity",
    "EquationOfState",
    "Moduli",
    "Pull",
    "bulk_modulus_from_pressures",
    "compress",
    "elastic_constants",
    "equation_of_state",
    "isotropic_moduli",
    "static_pull",
    "tensile_moduli",
]
