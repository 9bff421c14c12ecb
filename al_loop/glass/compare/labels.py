"""What a curve and its axes are called, in figures and on pages."""

from __future__ import annotations

from al_loop.glass.measuring.names import observable

LABELS: dict[str, tuple[str, str]] = {
    "s": ("q (1/Å)", "S(q)"),
    "g": ("r (Å)", "g(r)"),
    "t": ("r (Å)", "T(r) (1/Å²)"),
    "angle": ("angle (degrees)", "P (1/degree)"),
    "msd": ("t (ps)", "MSD (Å²)"),
    "vacf": ("t (ps)", "VACF (Å²/ps²)"),
    "vdos": ("f (THz)", "density of states (1/THz)"),
    "dynamic_s_neutron": ("f (THz)", "S(q, f) (1/THz)"),
    "participation_ratio": ("f (THz)", "participation ratio"),
    "diffusion": ("T (K)", "D (cm²/s)"),
    "energy_cooling": ("T (K)", "energy (eV/atom)"),
    "energy_heating": ("T (K)", "energy (eV/atom)"),
    "energy_pressure": ("pressure (GPa)", "energy (eV/atom)"),
    "volume_cooling": ("T (K)", "volume (Å³/atom)"),
    "volume_heating": ("T (K)", "volume (Å³/atom)"),
    "volume_pressure": ("pressure (GPa)", "volume (Å³/atom)"),
    "density_pressure": ("pressure (GPa)", "density (g/cm³)"),
    "stress_strain": ("strain", "stress (GPa)"),
    "energy_volume": ("volume (Å³/atom)", "energy (eV/atom)"),
}
"""Labels of the axes, by a curve's name or what it begins with."""
_JOINED = {
    "cooling": "on ",
    "heating": "on ",
    "pressure": "under ",
    "strain": "over ",
    "volume": "over ",
}
_PRESSURE = "_pressure"


def labels_of(name: str) -> tuple[str, str]:
    """Labels of the axes of a curve."""
    if name in LABELS:
        return LABELS[name]
    if name.endswith(_PRESSURE):
        unit = observable(name)[1].unit
        return LABELS["density_pressure"][0], f"{_words(name)} ({unit})" if unit else _words(name)
    return LABELS[name.split("_")[0]]


def title_of(name: str) -> str:
    """``g_Si-O`` as a person would say it."""
    kind, _, of = name.partition("_")
    symbol = {"s": "S(q)", "g": "g(r)", "t": "T(r)", "msd": "MSD", "vacf": "VACF"}.get(kind, kind)
    words = {
        "neutron": "neutrons",
        "neutron_wave_vectors": "neutrons, wave vectors of the cell",
        "xray": "X-rays",
        "total": "all atoms",
    }.get(of, of)
    if kind == "dynamic":
        return "S(q, f), neutrons"
    if name in LABELS and "_" in name:
        return f"{kind} {_JOINED.get(of, '')}{of}"
    if name.endswith(_PRESSURE):
        return f"{_words(name)} under pressure"
    if kind == "diffusion":
        return f"diffusion of {name.rsplit('_', 1)[1]}"
    if kind == "vdos":
        return f"density of states{', ' + words if of else ''}"
    return words if kind == "angle" else f"{symbol}, {words}"


def _words(name: str) -> str:
    """``coordination_Si-O_pressure`` without what it is over: ``coordination Si-O``."""
    return name.removesuffix(_PRESSURE).replace("_", " ")
