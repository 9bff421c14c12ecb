"""CP2K's files of basis sets and pseudopotentials: what an element gets, and its identity."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ase.data import atomic_numbers

from al_loop.errors import EngineMissing
from al_loop.hashing import digest

_DEBIAN = Path("/usr/share/cp2k")
_WITH_ELECTRONS = re.compile(r"-q(\d+)$")


@dataclass(frozen=True)
class Entry:
    """One basis set or pseudopotential of a family: its element, its full name, its text."""

    element: str
    name: str
    electrons: int
    """Valence electrons, from ``-qN`` of its name."""
    text: str


def find_data(folder: str | None, name: str) -> Path:
    """A file of CP2K's data, or one that is named by its path.

    Raises
    ------
    EngineMissing
        It is not on this machine.
    """
    if Path(name).is_absolute():
        path = Path(name)
    else:
        path = Path(folder or os.environ.get("CP2K_DATA_DIR") or _DEBIAN) / name
    if not path.is_file():
        raise EngineMissing(
            f"CP2K's data file {name} is not installed here",
            where=path,
            remedy="set CP2K_DATA_DIR or label.options.data to the folder that has it "
            "(Debian: the package cp2k-data)",
        )
    return path


def read_family(text: str, family: str) -> dict[str, Entry]:
    """Entries of a family (``DZVP-MOLOPT-SR-GTH``, ``GTH-PBE``) by element. Pure.

    An entry begins with a line of its element and its names; among these is the family's own, or
    that with the number of valence electrons, ``GTH-PBE-q4``. What follows, up to the next
    entry, is its text. The first entry of an element that bears the family's bare name wins.
    """
    found: dict[str, Entry] = {}
    plain: set[str] = set()
    head: tuple[str, list[str]] | None = None
    body: list[str] = []

    def close() -> None:
        if head is None:
            return
        element, names = head
        mine = [n for n in names if n == family or _WITH_ELECTRONS.sub("", n) == family]
        electrons = next((int(m[1]) for n in names if (m := _WITH_ELECTRONS.search(n))), None)
        if not mine or electrons is None or element in plain:
            return
        if family in names:
            plain.add(element)
        elif element in found:
            return
        name = next((n for n in mine if n != family), family)
        found[element] = Entry(element, name, electrons, "\n".join(body))

    for raw in text.splitlines():
        words = raw.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] in atomic_numbers and len(words) > 1 and not _is_number(words[1]):
            close()
            head, body = (words[0], words[1:]), []
        elif head is not None:
            body.append(" ".join(words))
    close()
    return found


def identity(entries: Mapping[str, Entry]) -> str:
    """Digest of a family: of every entry's numbers, whatever the spaces and comments."""
    return digest({element: [e.name, e.text] for element, e in sorted(entries.items())})[:16]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
