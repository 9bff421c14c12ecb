"""The names of what is measured, with their units: the same in files, references and gates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from al_loop.errors import DatasetError


@dataclass(frozen=True)
class Observable:
    """A name (or many of one form, ``X`` and ``n`` for elements and numbers) and its unit.

    ``kind``: a value, or a curve over ``x_unit``.
    """

    form: str
    unit: str
    what: str
    kind: Literal["value", "curve"] = "value"
    x_unit: str = ""

    @property
    def group(self) -> str:
        """With which group (:data:`~al_loop.glass.GROUPS`) it is measured.

        ``study``: of a protocol's run as a whole (:mod:`al_loop.glass.study`), not of its frames.
        """
        if self.form.endswith("_pressure"):
            return "study"
        return next((group for group, stems in _GROUPS if self.form.startswith(stems)), "structure")

    def fits(self, name: str) -> bool:
        """Whether a name is of this form."""
        return re.fullmatch(_pattern(self.form), name) is not None


_PARTS = {
    "<pair>": "[A-Z][a-z]?-[A-Z][a-z]?",
    "<angle>": "[A-Z][a-z]?-[A-Z][a-z]?-[A-Z][a-z]?",
    "<X>": "[A-Z][a-z]?",
    "<n>": "[0-9]+",
    "<species>": "(?:si|b|al|p|ge|o)[0-9]+",
    "<criterion>": "king|guttman|primitive",
    "<axis>": "[abc]",
    "<greek>": "alpha|beta|gamma",
}


_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("rings", ("rings_", "ring_size_", "boron_in_")),
    ("study", ("diffusion_temperature_",)),
    (
        "dynamics",
        ("diffusion_", "conductivity", "haven_ratio", "msd_", "vacf_", "green_kubo_", "dynamic_s_"),
    ),
    ("vibrations", ("imaginary_modes", "participation_ratio", "vdos")),
    ("mechanics", ("energy_at_rest", "density_at_rest", "bulk_modulus", "shear_modulus")),
    ("mechanics", ("young_modulus", "poisson_ratio", "lattice_at_rest", "eos_", "energy_volume")),
    ("study", ("fictive_temperature", "thermal_expansion", "activation_energy_", "energy_")),
    ("study", ("volume_", "stress_strain")),
)


def _pattern(form: str) -> str:
    return "".join(f"(?:{_PARTS[p]})" if p in _PARTS else p for p in re.split("(<[^>]+>)", form))


def _curve(form: str, x_unit: str, unit: str, what: str) -> Observable:
    return Observable(form, unit, what, "curve", x_unit)


OBSERVABLES: tuple[Observable, ...] = (
    Observable("density", "g/cm3", "mass density"),
    Observable("temperature", "K", "of the velocities, where the files have them"),
    Observable("lattice_<axis>", "Å", "conventional cell of a crystal"),
    Observable("lattice_<greek>", "degree", "its angles"),
    Observable("fsdp_position", "1/Å", "first sharp peak of the neutron S(q)"),
    Observable("fsdp_height", "", "its height"),
    Observable("fsdp_width", "1/Å", "twice its half width at half height, low-q side"),
    Observable("peak_<pair>", "Å", "first peak of the partial g(r)"),
    Observable("length_<pair>", "Å", "mean bond length"),
    Observable("coordination_<pair>", "", "mean number of oxygens"),
    Observable("coordination_O", "", "mean number of formers of an oxygen"),
    Observable("si<n>", "%", "silicon with n oxygens"),
    Observable("b<n>", "%", "boron with n oxygens"),
    Observable("al<n>", "%", "aluminium with n oxygens"),
    Observable("p<n>", "%", "phosphorus with n oxygens"),
    Observable("ge<n>", "%", "germanium with n oxygens"),
    Observable("o<n>", "%", "oxygen with n formers"),
    Observable("bridging_oxygen", "%", "oxygen with two or more formers"),
    Observable("non_bridging_oxygen", "%", "oxygen with one former"),
    Observable("edge_sharing", "%", "linked formers that share an edge"),
    Observable("qn_<n>", "%", "silicon with n bridging oxygens"),
    Observable("qn_mean", "", "mean number of bridging oxygens of silicon"),
    Observable("qn_<X>_<n>", "%", "another former with n bridging oxygens"),
    Observable("qn_<X>_mean", "", "mean number of bridging oxygens of another former"),
    Observable("angle_<angle>_mean", "degree", "mean angle at the middle atom"),
    Observable("angle_<angle>_peak", "degree", "maximum of its smoothed histogram"),
    Observable("angle_<angle>_spread", "degree", "standard deviation of the angles"),
    Observable("angle_<angle>_below_100", "%", "angles below 100 degrees"),
    Observable("rings_<criterion>_<n>", "", "rings of n formers, per former"),
    Observable("ring_size_<criterion>", "", "mean ring size, formers"),
    Observable("boron_in_rings", "%", "boron in three-membered rings"),
    Observable("boron_in_boroxol", "%", "boron in boroxol rings"),
    Observable("closest_<pair>", "Å", "closest approach in all frames"),
    Observable("overlapping_pairs", "", "pairs of elements of which two atoms overlap"),
    Observable("diffusion_<X>", "cm2/s", "self-diffusion, from displacements"),
    Observable("green_kubo_<X>", "cm2/s", "self-diffusion, from velocities"),
    Observable("conductivity", "S/cm", "of ions by themselves, after Nernst and Einstein"),
    Observable("conductivity_einstein", "S/cm", "of all ions together, with their correlations"),
    Observable("haven_ratio", "", "the first of the two conductivities over the second"),
    Observable("imaginary_modes", "", "modes that lower the energy, at rest"),
    Observable("energy_at_rest", "eV/atom", "relaxed with its cell: ranks glasses"),
    Observable("density_at_rest", "g/cm3", "relaxed with its cell"),
    Observable("lattice_at_rest_<axis>", "Å", "conventional cell of a crystal without heat"),
    Observable("lattice_at_rest_<greek>", "degree", "its angles"),
    Observable("eos_volume", "Å3/atom", "where Birch-Murnaghan's E(V) is lowest"),
    Observable("eos_energy", "eV/atom", "the energy there"),
    Observable("eos_bulk_modulus", "GPa", "the bulk modulus there"),
    Observable("eos_derivative", "", "its derivative by pressure"),
    Observable("eos_residual", "eV/atom", "what the fit misses, root of the mean square"),
    Observable("bulk_modulus", "GPa", "Hill average; of a study by pressure"),
    Observable("shear_modulus", "GPa", "Hill average"),
    Observable("young_modulus", "GPa", "Hill average; of a study by tension"),
    Observable("poisson_ratio", "", "Hill average; of a study by tension"),
    Observable("fictive_temperature", "K", "kink of the enthalpy along a quench"),
    Observable("thermal_expansion", "1/K", "of the volume; a third of it is the linear one"),
    Observable("activation_energy_<X>", "eV", "of self-diffusion"),
    _curve("g_<pair>", "Å", "", "partial pair distribution"),
    _curve("g_total", "Å", "", "pair distribution of all atoms"),
    _curve("g_neutron", "Å", "", "weighted by neutron scattering lengths"),
    _curve("t_neutron", "Å", "1/Å2", "total correlation function T(r) of neutrons"),
    _curve("s_<pair>", "1/Å", "", "Faber-Ziman partial structure factor"),
    _curve("s_neutron", "1/Å", "", "neutron structure factor"),
    _curve("s_neutron_wave_vectors", "1/Å", "", "the same by sums over wave vectors, low q"),
    _curve("s_xray", "1/Å", "", "X-ray structure factor"),
    _curve("angle_<angle>", "degree", "1/degree", "distribution of bond angles"),
    _curve("msd_<X>", "ps", "Å2", "mean-square displacement"),
    _curve("vacf_<X>", "ps", "Å2/ps2", "velocity autocorrelation"),
    _curve("dynamic_s_neutron", "THz", "1/THz", "coherent S(q, f) at one q"),
    _curve("diffusion_temperature_<X>", "K", "cm2/s", "self-diffusion over temperature"),
    _curve("energy_cooling", "K", "eV/atom", "potential energy (npt: enthalpy) along a quench"),
    _curve("energy_heating", "K", "eV/atom", "the same on the way up"),
    _curve("volume_cooling", "K", "Å3/atom", "volume along a quench"),
    _curve("volume_heating", "K", "Å3/atom", "the same on the way up"),
    _curve("density_pressure", "GPa", "g/cm3", "density under pressure"),
    _curve("volume_pressure", "GPa", "Å3/atom", "volume under pressure"),
    _curve("energy_pressure", "GPa", "eV/atom", "potential energy under pressure"),
    _curve("<species>_pressure", "GPa", "%", "silicon with 5 oxygens (si5), ... under pressure"),
    _curve("coordination_<pair>_pressure", "GPa", "", "mean number of oxygens under pressure"),
    _curve("length_<pair>_pressure", "GPa", "Å", "mean bond length under pressure"),
    _curve("angle_<angle>_mean_pressure", "GPa", "degree", "mean angle under pressure"),
    _curve("fsdp_position_pressure", "GPa", "1/Å", "first sharp peak under pressure"),
    _curve("energy_volume", "Å3/atom", "eV/atom", "energy at rest over volume"),
    _curve("stress_strain", "", "GPa", "stress under uniaxial strain, positive in tension"),
    _curve("vdos", "THz", "1/THz", "vibrational density of states"),
    _curve("vdos_<X>", "THz", "1/THz", "share of an element in it"),
    _curve("participation_ratio", "THz", "", "of modes: 1 where all atoms take part alike"),
    _curve("vdos_neutron", "THz", "1/THz", "as inelastic neutron scattering sees it"),
)
"""Everything that has a name. Pairs have the cation first (``Si-O``), else the alphabet."""

SHORT: dict[str, str] = {
    "fsdp": "fsdp_position",
    "bulk": "bulk_modulus",
    "shear": "shear_modulus",
    "young": "young_modulus",
    "poisson": "poisson_ratio",
    "overlaps": "overlapping_pairs",
    "s": "s_neutron",
}
"""Short names that gates may use."""

_EXAMPLES = tuple(
    one.form.replace("<pair>", "Si-O")
    .replace("<angle>", "Si-O-Si")
    .replace("<X>", element)
    .replace("<n>", number)
    .replace("<species>", "si5")
    .replace("<criterion>", "king")
    .replace("<axis>", "a")
    .replace("<greek>", "beta")
    for one in OBSERVABLES
    for element in ("Si", "O", "Li", "Na")
    for number in "34"
)


def observable(name: str, *, where: str = "") -> tuple[str, Observable]:
    """The full, stored form of a name, and what it is: ``fsdp``, ``peak_O-Si`` are understood.

    Raises
    ------
    DatasetError
        Nothing has this name.
    """
    full = SHORT.get(name, name)
    full = re.sub(r"[A-Z][a-z]?(?:-[A-Z][a-z]?)+", lambda m: _ordered(m.group()), full)
    for one in OBSERVABLES:
        if one.fits(full):
            return full, one
    near = get_close_matches(name, [*SHORT, *_EXAMPLES], n=1)
    raise DatasetError(
        f"nothing that is measured is called {name!r}"
        + (f"; did you mean {near[0]}?" if near else ""),
        where=where or None,
        remedy="`al-loop glass names` lists all names",
    )


def elements_of(name: str) -> set[str]:
    """Elements without which nothing has this (full) name."""
    found = set(re.findall(r"[A-Z][a-z]?", name))
    if stem := re.match(r"(si|b|al|p|ge|o)[0-9]+$", name):
        found.add(stem.group(1).capitalize())
    if re.match(r"qn_([0-9]+|mean)$", name):
        found.add("Si")
    return found | {"B"} if name.startswith("boron_") else found


def pair_name(pair: str) -> str:
    """``O-Si`` as it is usually written, ``Si-O``: oxygen last, else by the alphabet."""
    return "-".join(sorted(pair.split("-"), key=lambda one: (one == "O", one)))


def _ordered(elements: str) -> str:
    parts = elements.split("-")
    if len(parts) == 2:
        return pair_name(elements)
    first, last = sorted((parts[0], parts[-1]))
    return "-".join([first, *parts[1:-1], last])
