"""POTCARs: found by pymatgen's rules, known by title and hash, and never kept or shown.

VASP's licence does not allow to pass them on. They go into the folder of a run and are deleted
with its end; the fingerprint has of each its TITEL and the SHA-256 of its bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from al_loop.errors import EngineMissing

_ENDINGS = ("", ".gz")
_TITLE = re.compile(r"^\s*TITEL\s*=\s*(.*?)\s*$", re.MULTILINE)
_ENMAX = re.compile(r"\bENMAX\s*=\s*([\d.]+)")
_LIBRARY_REMEDY = (
    "set PMG_VASP_PSP_DIR (environment, or ~/.config/.pmgrc.yaml) to the folder that holds "
    "POT_GGA_PAW_PBE_54 and its like; `pmg config -p` makes one from what VASP ships"
)


@dataclass(frozen=True, repr=False)
class Potcar:
    """One element's POTCAR. ``enmax`` is its recommended cutoff energy, eV."""

    title: str
    digest: str
    enmax: float
    data: bytes

    def __repr__(self) -> str:
        return f"Potcar({self.title!r})"

    @property
    def identity(self) -> str:
        """``PAW_PBE Si 05Jan2001 sha256:...``."""
        return f"{self.title} sha256:{self.digest}"


def find_potcars(symbols: Mapping[str, str], functional: str) -> dict[str, Potcar]:
    """POTCAR of each element.

    Raises
    ------
    EngineMissing
        The library, or a POTCAR in it, is not there or is not one.
    """
    folder = _library(functional)
    return {element: _read(folder, element, symbol) for element, symbol in symbols.items()}


def joined(potcars: Mapping[str, Potcar], elements: Iterable[str]) -> bytes:
    """Content of the POTCAR file for these elements, in their order."""
    return b"".join(
        data if data.endswith(b"\n") else data + b"\n"
        for data in (potcars[element].data for element in elements)
    )


def _library(functional: str) -> Path:
    from pymatgen.core import SETTINGS
    from pymatgen.io.vasp.inputs import PotcarSingle

    place = os.environ.get("PMG_VASP_PSP_DIR") or SETTINGS.get("PMG_VASP_PSP_DIR")
    if not place:
        raise EngineMissing("it is not known where the POTCARs are", remedy=_LIBRARY_REMEDY)
    names = {**PotcarSingle.functional_dir, **SETTINGS.get("PMG_VASP_PSP_SUB_DIRS", {})}
    if functional not in names:
        raise EngineMissing(
            f"pymatgen knows no POTCAR library {functional!r}",
            remedy=f"set label.options.potcar_functional to one of: {', '.join(names)}",
        )
    folder = Path(place).expanduser() / str(names[functional])
    if not folder.is_dir():
        raise EngineMissing(
            "this library of POTCARs is not here", where=folder, remedy=_LIBRARY_REMEDY
        )
    return folder


def _read(folder: Path, element: str, symbol: str) -> Potcar:
    stems = (folder / f"POTCAR.{symbol}", folder / symbol / "POTCAR")
    for path in (stem.with_name(stem.name + ending) for stem in stems for ending in _ENDINGS):
        if path.is_file():
            raw = path.read_bytes()
            return _parsed(gzip.decompress(raw) if path.suffix == ".gz" else raw, element, path)
    raise EngineMissing(
        f"there is no POTCAR {symbol!r} (for {element})",
        where=folder,
        remedy="name one that is there under label.options.potcars",
    )


def _parsed(data: bytes, element: str, path: Path) -> Potcar:
    text = data.decode("utf-8", errors="replace")
    titles, enmax = _TITLE.findall(text), _ENMAX.search(text)
    if len(titles) != 1 or enmax is None:
        raise EngineMissing(
            f"this is not the POTCAR of one element ({len(titles)} TITEL lines)",
            where=path,
            remedy="put VASP's own file there",
        )
    title = " ".join(titles[0].split())
    if not re.search(rf"\b{element}(_|\b)", title):
        raise EngineMissing(
            f"this POTCAR is {title!r}, not one of {element}",
            where=path,
            remedy="correct label.options.potcars",
        )
    return Potcar(title, hashlib.sha256(data).hexdigest(), float(enmax[1]), data)
