"""Published pair potentials of oxides: what melts and quenches a box before there is an NNP.

All have fixed charges under the damped shifted Coulomb sum (Fennell and Gezelter, J. Chem. Phys.
124, 234104 (2006)) and a short-range part between each element and oxygen; one has short-range
parts between cations, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.optimize import brentq

from al_loop.units import Array

Short = Callable[[Array], tuple[Array, Array]]
"""Distances (n,) in Å to energies (n,) in eV and radial forces -dV/dr (n,) in eV/Å."""


@dataclass(frozen=True)
class PairPotential:
    """A potential of which the parameters are published.

    ``charges`` in e. ``cutoff`` of the short-range part and ``coulomb_cutoff`` in Å, ``damping`` of
    the Coulomb sum in 1/Å. ``smoothing`` in Å²: the short-range part is multiplied by
    exp(-smoothing / (r - cutoff)²); with 0 it is shifted to zero at the cutoff, where the force
    jumps. ``balance`` is an element whose charge makes a composition neutral.
    """

    name: str
    source: str
    charges: Mapping[str, float]
    cutoff: float
    damping: float
    coulomb_cutoff: float
    smoothing: float
    pair: Callable[[str, Mapping[str, int]], Short]
    cations: Callable[[str, str], Short | None] | None = None
    """Between two elements that are not oxygen; None where they have no short-range part."""
    balance: str = ""

    def charges_of(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Charge of each element of a composition (element -> number), e."""
        found = {symbol: self.charges[symbol] for symbol in counts}
        if self.balance in counts:
            others = sum(
                found[symbol] * n for symbol, n in counts.items() if symbol != self.balance
            )
            found[self.balance] = -others / counts[self.balance]
        return found

    def pairs(self, counts: Mapping[str, int]) -> list[tuple[str, str]]:
        """Pairs of a composition's elements that have a short-range part."""
        found = [(symbol, "O") for symbol in sorted(counts)]
        cations = sorted(set(counts) - {"O"})
        if self.cations is not None:
            found += [
                (a, b)
                for a, b in combinations_with_replacement(cations, 2)
                if self.cations(a, b) is not None
            ]
        return found

    def refuses(self, counts: Mapping[str, int]) -> str:
        """Why it cannot do a composition (element -> number); empty when it can."""
        if unknown := sorted(set(counts) - set(self.charges)):
            others = [p.name for p in POTENTIALS.values() if not set(counts) - set(p.charges)]
            return (
                f"{self.name} has no parameters for {', '.join(unknown)}, only for "
                f"{', '.join(sorted(self.charges))}; "
                + (f"take {' or '.join(others)}" if others else "no potential here has them all")
            )
        if "O" not in counts:
            return f"{self.name} is a potential of oxides: there is no O"
        charge = sum(q * counts[symbol] for symbol, q in self.charges_of(counts).items())
        if abs(charge) > 1e-6 * sum(counts.values()):
            return f"under {self.name} the formula has a charge of {charge:+.3g} e: it must be 0"
        return ""

    def short_range(self, symbol: str, counts: Mapping[str, int], other: str = "O") -> Short:
        """Short-range part between an element and another one, zero at the cutoff.

        ``counts``: the composition, on which boron's parameters depend.
        """
        bare = self.pair(symbol, counts) if other == "O" else self._between(symbol, other)
        if not self.smoothing:
            (end,), _ = bare(np.array([self.cutoff]))
            return lambda r: (bare(r)[0] - end, bare(r)[1])

        def smooth(r: Array) -> tuple[Array, Array]:
            gap = np.minimum(r - self.cutoff, -1e-4)
            energy, force = bare(r)
            factor = np.exp(-self.smoothing / gap**2)
            return energy * factor, force * factor - energy * factor * 2 * self.smoothing / gap**3

        return smooth

    def _between(self, a: str, b: str) -> Short:
        found = self.cations(a, b) if self.cations is not None else None
        if found is None:
            raise KeyError(f"{self.name}: {a}-{b} has no short-range part")
        return found


BKS = {  # A eV, b 1/Å, C eV Å⁶; epsilon eV and sigma Å of the wall
    "Si": (18003.7572, 4.87318, 133.5381, 0.003097948, 1.313635),
    "O": (1388.7730, 2.76, 175.0, 0.00105105048, 1.779239),
}


def _bks(symbol: str, _: Mapping[str, int]) -> Short:
    """A exp(-br) - C/r⁶, and the 30-6 wall that keeps atoms from falling into each other.

    The smoothing at the cutoff is of the form of Carré et al., J. Chem. Phys. 127, 114512 (2007).
    """
    a, b, c, eps, sigma = BKS[symbol]

    def short(r: Array) -> tuple[Array, Array]:
        far, near = (sigma / r) ** 6, (sigma / r) ** 30
        energy = a * np.exp(-b * r) - c / r**6 + 4 * eps * (near - far)
        force = a * b * np.exp(-b * r) - 6 * c / r**7 + 4 * eps * (30 * near - 6 * far) / r
        return energy, force

    return short


_MORSE = {  # D eV, a 1/Å, r0 Å, C eV Å¹²
    "Si": (0.340554, 2.006700, 2.100000, 1.0),
    "Na": (0.023363, 1.763867, 3.006315, 5.0),
    "Li": (0.001114, 3.429506, 2.681360, 1.0),
    "K": (0.011612, 2.062605, 3.305308, 5.0),
    "Ca": (0.030211, 2.241334, 2.923245, 5.0),
    "Mg": (0.038908, 2.281000, 2.586153, 5.0),
    "Al": (0.361581, 1.900442, 2.164818, 0.9),
    "P": (0.831326, 2.585833, 1.800790, 1.0),
    "O": (0.042395, 1.379316, 3.618701, 22.0),
}


def _pmmcs(symbol: str, _: Mapping[str, int]) -> Short:
    """D [(1 - exp(-a(r - r0)))² - 1] + C/r¹²."""
    d, a, r0, c = _MORSE[symbol]

    def short(r: Array) -> tuple[Array, Array]:
        e = np.exp(-a * (r - r0))
        energy = d * ((1 - e) ** 2 - 1) + c / r**12
        return energy, -2 * d * a * (1 - e) * e + 12 * c / r**13

    return short


_BUCKINGHAM = {  # A eV, rho Å, C eV Å⁶
    "O": (2029.2204, 0.343645, 192.58),
    "Si": (13702.905, 0.193817, 54.681),
    "Na": (4383.7555, 0.243838, 30.70),
    "Li": (41051.938, 0.151160, 0.0),
    "K": (20526.972, 0.233708, 51.489),
    "Ca": (7747.1834, 0.252623, 93.109),
    "Al": (12201.417, 0.195628, 31.997),
}
_SPLICE = {  # B eV Å^n, n, D eV/Å², r0 Å: B/rⁿ + D r² below r0
    "O": (46.462, 3.430, -0.32605, 1.906),
    "Si": (28.950, 3.932, -3.059, 1.168),
    "Na": (48.264, 2.893, -4.730, 1.172),
    "K": (310.841, 2.468, -78.124, 0.950),
    "Ca": (74.737, 3.166, -3.991, 1.318),
    "Al": (51.728, 3.179, -10.197, 1.024),
}
_BORON = (0.171271, 28.5)
_MODIFIERS = {"Li": 0.5, "Na": 0.5, "K": 0.5, "Ca": 1.0}
"""Moles of oxide that an atom gives."""


def boron_strength(silica: float, modifier: float) -> float:
    """A of B-O in eV from SiO2/B2O3 (K) and modifier oxide/B2O3 (R); the model of Dell and Bray.

    Deng and Du, J. Am. Ceram. Soc. 102, 2482 (2019).
    """
    top = silica / 16 + 0.5
    end = silica + 2
    if modifier < top:
        four = modifier
    elif modifier < silica / 4 + 0.5:
        four = top
    else:
        four = max(0.0, top * (end - modifier) / (end - silica / 4 - 0.5))
    if modifier <= top:
        return 11900 + 4350 * (top - (top - four) ** 2 / top) + 85 * silica**2
    third = (11900 + 85 * silica**2 - 12525) / top + 4350
    return 12525 + third * four * top / modifier


def splice(a: float, rho: float, c: float) -> tuple[float, float, float, float]:
    """B, n, D and r0 of the repulsion B/rⁿ + D r² that takes over below r0.

    r0 is where the Buckingham potential's third derivative is zero; there value, slope and
    curvature agree.
    """

    def third(r: float) -> float:
        return float(-a / rho**3 * np.exp(-r / rho) + 336 * c / r**9)

    top = 9 * rho  # where exp(-r/rho) r⁹ is largest: below it the sign changes once
    r0 = float(brentq(third, 0.3, top))
    value = a * np.exp(-r0 / rho) - c / r0**6
    slope = r0 * (-a / rho * np.exp(-r0 / rho) + 6 * c / r0**7)
    curvature = r0**2 * (a / rho**2 * np.exp(-r0 / rho) - 42 * c / r0**8)
    n = (curvature - slope) / (2 * value - slope)
    power = (2 * value - slope) / (2 + n)
    return float(power * r0**n), float(n), float((value - power) / r0**2), r0


def _du_teter(symbol: str, counts: Mapping[str, int]) -> Short:
    """A exp(-r/rho) - C/r⁶, and B/rⁿ + D r² below r0."""
    if symbol == "B":
        oxide = counts["B"] / 2
        modifier = sum(counts.get(s, 0) * moles for s, moles in _MODIFIERS.items())
        a, (rho, c) = boron_strength(counts.get("Si", 0) / oxide, modifier / oxide), _BORON
        b, n, d, r0 = splice(a, rho, c)
    else:
        a, rho, c = _BUCKINGHAM[symbol]
        b, n, d, r0 = _SPLICE.get(symbol, (0.0, 1.0, 0.0, 0.0))

    def short(r: Array) -> tuple[Array, Array]:
        far = a * np.exp(-r / rho)
        energy, force = far - c / r**6, far / rho - 6 * c / r**7
        inside = r < r0
        return (
            np.where(inside, b / r**n + d * r**2, energy),
            np.where(inside, n * b / r ** (n + 1) - 2 * d * r, force),
        )

    return short


_SHIK = {  # A eV, B 1/Å, C eV Å⁶, D eV Å²⁴
    "O-O": (1120.5, 2.8927, 26.132, 16800.0),
    "O-Si": (23108.0, 5.0979, 139.70, 66.0),
    "Si-Si": (2798.0, 4.4073, 0.0, 3_423_204.0),
    "Na-O": (1_127_566.0, 6.8986, 40.562, 16800.0),
    "Na-Si": (495_653.0, 5.4151, 0.0, 16800.0),
    "Na-Na": (1476.9, 3.4075, 0.0, 16800.0),
    "Li-O": (6745.2, 4.9120, 41.221, 70.0),
    "Li-Si": (17284.0, 4.3848, 0.0, 16800.0),
    "Li-Li": (2323.8, 3.9129, 0.0, 3240.0),
    "B-O": (16182.0, 5.6069, 59.203, 32.0),
    "B-B": (1805.5, 3.8228, 69.174, 6000.0),
    "B-Si": (4798.0, 3.6703, 207.0, 16800.0),
    "B-Li": (4148.6, 3.5726, 102.36, 16800.0),
    "B-Na": (3148.5, 3.6183, 34.0, 16800.0),
}


def _shik_pair(key: str) -> Short:
    """A exp(-Br) - C/r⁶ + D/r²⁴."""
    a, b, c, d = _SHIK[key]

    def short(r: Array) -> tuple[Array, Array]:
        near, six, wall = a * np.exp(-b * r), c / r**6, d / r**24
        return near - six + wall, b * near + (24 * wall - 6 * six) / r

    return short


def _shik(symbol: str, _: Mapping[str, int]) -> Short:
    return _shik_pair("-".join(sorted((symbol, "O"))))


def _shik_cations(a: str, b: str) -> Short | None:
    key = "-".join(sorted((a, b)))
    return _shik_pair(key) if key in _SHIK else None


POTENTIALS: Mapping[str, PairPotential] = {
    p.name: p
    for p in (
        PairPotential(
            name="bks",
            source="van Beest, Kramer, van Santen, Phys. Rev. Lett. 64, 1955 (1990); 30-6 wall: "
            "Saika-Voivod et al.",
            charges={"Si": 2.4, "O": -1.2},
            cutoff=5.5,
            damping=0.2,
            coulomb_cutoff=10.0,
            smoothing=0.05,
            pair=_bks,
        ),
        PairPotential(
            name="pmmcs",
            source="Pedone, Malavasi, Menziani, Cormack, Segre, J. Phys. Chem. B 110, 11780 (2006)",
            charges={
                "Si": 2.4,
                "Na": 0.6,
                "Li": 0.6,
                "K": 0.6,
                "Ca": 1.2,
                "Mg": 1.2,
                "Al": 1.8,
                "P": 3.0,
                "O": -1.2,
            },
            cutoff=5.5,
            damping=0.25,
            coulomb_cutoff=8.0,
            smoothing=0.0,
            pair=_pmmcs,
        ),
        PairPotential(
            name="du-teter",
            source="Deng and Du, J. Am. Ceram. Soc. 102, 2482 (2019); npj Comput. Mater. 6, 25 "
            "(2020), table 1",
            charges={
                "Si": 2.4,
                "Na": 0.6,
                "Li": 0.6,
                "K": 0.6,
                "Ca": 1.2,
                "Al": 1.8,
                "B": 1.8,
                "O": -1.2,
            },
            cutoff=8.0,
            damping=0.25,
            coulomb_cutoff=8.0,
            smoothing=0.0,
            pair=_du_teter,
        ),
        PairPotential(
            name="shik",
            source="Sundararaman, Huang, Ispas, Kob, J. Chem. Phys. 148, 194504 (2018); 150, "
            "154505 (2019); 152, 104501 (2020): Wolf's sum to 10 Å without damping",
            charges={"Li": 0.5727, "Na": 0.6018, "B": 1.6126, "Si": 1.7755, "O": -0.88775},
            cutoff=8.0,
            damping=0.0,
            coulomb_cutoff=10.0,
            smoothing=0.04,
            pair=_shik,
            cations=_shik_cations,
            balance="O",
        ),
    )
}
"""By the name that they have in a campaign file."""
