"""INCAR tags of a user, sorted by what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

Tag = bool | int | float | str | list[float]

OPTIONS_OF_TAGS: Mapping[str, str] = {
    "ENCUT": "encut",
    "EDIFF": "ediff",
    "SIGMA": "sigma",
    "NELM": "max_iterations",
}
"""Tags that are an option of ours under another name, with the same value."""

_FUNCTIONALS = {"PE": "PBE", "PS": "PBEsol", "AM": "AM05", "SCAN": "SCAN", "R2SCAN": "r2SCAN"}
_SMEARINGS = {0: "gaussian", -1: "fermi", -5: "tetrahedron"}
_DISPERSIONS = {0: "none", 11: "d3-zero", 12: "d3-bj"}


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


OF_THE_RUN = _tags("""
    SYSTEM NSW IBRION ISIF ISYM POTIM EDIFFG SMASS TEBEG TEEND NBLOCK KBLOCK MDALGO ANDERSEN_PROB
    LANGEVIN_GAMMA LANGEVIN_GAMMA_L PMASS PSTRESS NFREE ISTART ICHARG LWAVE LCHARG NWRITE LORBIT
    LAECHG LELF LVTOT LVHAR NEDOS EMIN EMAX APACO NPACO
""")
"""Tags that say what is done with a structure and what is written: for a label we know that."""

OF_THE_MACHINE = _tags("NCORE NPAR KPAR NSIM LPLANE LSCALU LSCALAPACK LUSE_VDW_MPI")
"""Tags that change the speed and no number."""

OF_THE_SOLVER = _tags("""
    ALGO IALGO NELM NELMIN NELMDL AMIX BMIX AMIX_MAG BMIX_MAG AMIN IMIX MIXPRE WC INIMIX MAXMIX
    TIME ISEARCH SYMPREC
""")
"""Tags of the way to the solution: they decide whether it is found, not which it is."""

OF_ONE_STRUCTURE = _tags("MAGMOM LDAUL LDAUU LDAUJ NELECT NBANDS NUPDOWN FERWE FERDO")
"""Tags that belong to one set of atoms: frames of a campaign differ."""

OF_KPOINTS = frozenset({"KSPACING", "KGAMMA"})


def read_template(path: str) -> dict[str, Any]:
    """Tags of an INCAR file. Raises ValueError when it cannot be read."""
    from pymatgen.io.vasp.inputs import Incar

    try:
        return dict(Incar.from_str(Path(path).expanduser().read_text()))
    except OSError as error:
        raise ValueError(f"the INCAR template cannot be read: {error}") from None


def as_options(tags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(options of ours that tags of a template set, tags that stay as they are).

    Raises
    ------
    ValueError
        A tag cannot be used for labels.
    """
    options: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for tag, value in ((name.upper(), value) for name, value in tags.items()):
        if tag in OF_THE_RUN:
            continue
        if tag in OF_ONE_STRUCTURE:
            raise ValueError(f"{tag} belongs to one structure, and the frames differ: take it out")
        if tag in OF_KPOINTS:
            raise ValueError(f"{tag}: set label.options.kpoints instead")
        if tag in OPTIONS_OF_TAGS:
            options[OPTIONS_OF_TAGS[tag]] = value
        elif tag in ("GGA", "METAGGA"):
            options["functional"] = _known(tag, str(value).upper(), _FUNCTIONALS)
        elif tag == "ISMEAR":
            options["smearing"] = _known(tag, int(value), _SMEARINGS)
        elif tag == "IVDW":
            options["dispersion"] = _known(tag, int(value), _DISPERSIONS)
        else:
            rest[tag] = value
    return options, rest


def _known(tag: str, value: Any, known: Mapping[Any, str]) -> str:
    if value not in known:
        raise ValueError(f"{tag} = {value} is not offered; offered: {', '.join(map(str, known))}")
    return known[value]
