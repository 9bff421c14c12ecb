"""What was measured, with names; stored as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import ValidationError

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.measuring.names import elements_of
from al_loop.glass.measuring.stored import StoredCurve, StoredValue, Strict, plain
from al_loop.glass.oxides import title
from al_loop.glass.structure import zero_if_absent
from al_loop.jobfolder import write_atomically

FORMAT = "al-loop glass measurement 1"
_DIGITS = 8


@dataclass(frozen=True)
class Conditions:
    """What the samples are: ``fractions`` of atoms by element, K (or None), GPa.

    ``atoms`` of a sample and ``frames`` of each, ``sources``: where they come from.
    """

    phase: str
    fractions: Mapping[str, float]
    temperature: float | None
    pressure: float
    atoms: tuple[int, ...]
    frames: tuple[int, ...]
    sources: tuple[str, ...]


_OF_GROUP = (
    (r"\w+_modulus|poisson_ratio|(energy|density|lattice)_at_rest\w*", "mechanics"),
    (r"eos_\w+|energy_volume", "mechanics"),
    (r"s_neutron_wave_vectors", "fsdp"),
    (r"(diffusion|green_kubo|msd|vacf|dynamic_s|conductivity|haven)\w*", "dynamics"),
    (r"vdos\w*|participation_ratio|imaginary_modes", "vdos"),
    (r"rings_\w+|ring_size_\w+", "rings"),
)
"""What is missing where one of these is: what its group says."""


@dataclass(frozen=True)
class Measurement:
    """Named values and curves, means over the samples.

    ``missing`` says why a value or a group (by name) is not there. ``overlaps`` are sentences on
    atoms that are too close. ``by_sample`` has the values of each sample by itself.
    """

    conditions: Conditions
    values: Mapping[str, Estimate]
    curves: Mapping[str, Curve]
    missing: Mapping[str, str] = field(default_factory=dict)
    overlaps: tuple[str, ...] = ()
    by_sample: tuple[Mapping[str, float], ...] = ()

    def why_missing(self, name: str) -> str:
        """Why there is no value or curve of this name."""
        if lacking := sorted(elements_of(name) - set(self.conditions.fractions)):
            return f"there is no {' nor '.join(lacking)} in {title(self.conditions.fractions)}"
        group = next((group for form, group in _OF_GROUP if re.fullmatch(form, name)), "structure")
        for prefix in (name, name.rsplit("_", 1)[0], name.split("_")[0], group):
            if prefix in self.missing:
                return self.missing[prefix]
        return "it was not asked for, or the samples have no such thing"

    def samples_of(self, name: str) -> int:
        """Independent samples that a value or curve is the mean of: those that have it."""
        there = sum(name in one for one in self.by_sample)
        value = self.values.get(name)
        if value is None or not there or zero_if_absent(name, value.unit):
            return len(self.conditions.atoms)
        return there

    def as_json(self) -> str:
        """One document of numbers, lists and text."""
        return _Stored.model_validate(
            {
                "format": FORMAT,
                "conditions": asdict(self.conditions),
                "values": {name: asdict(one) for name, one in self.values.items()},
                "curves": {name: plain(one, digits=_DIGITS) for name, one in self.curves.items()},
                "missing": dict(self.missing),
                "overlaps": self.overlaps,
                "by_sample": self.by_sample,
            }
        ).model_dump_json(indent=1)

    def write(self, path: str | Path) -> None:
        """As JSON (:meth:`as_json`), so that a reader sees all of the file or nothing."""
        try:
            write_atomically(Path(path), self.as_json() + "\n")
        except OSError as error:
            raise DatasetError(f"cannot be written: {error.strerror}", where=path) from None

    @classmethod
    def read(cls, path: str | Path) -> Measurement:
        """Read what :meth:`write` has written.

        Raises
        ------
        DatasetError
            The file cannot be read, or is something else.
        """
        remedy = "give a file that `al-loop glass measure -o FILE` has written"
        try:
            stored = _Stored.model_validate_json(Path(path).read_bytes())
        except OSError as error:
            raise DatasetError(f"cannot be read: {error.strerror}", where=path) from None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise DatasetError(
                f"this is no measurement: {place}: {first['msg']}", where=path, remedy=remedy
            ) from None
        if stored.format != FORMAT:
            raise DatasetError(f"its format is {stored.format!r}", where=path, remedy=remedy)
        return cls(
            Conditions(**stored.conditions.model_dump()),
            {name: Estimate(**one.model_dump()) for name, one in stored.values.items()},
            {name: one.curve(f"{path}: {name}") for name, one in stored.curves.items()},
            stored.missing,
            stored.overlaps,
            tuple(stored.by_sample),
        )


class _Conditions(Strict):
    phase: str
    fractions: dict[str, float]
    temperature: float | None
    pressure: float
    atoms: tuple[int, ...]
    frames: tuple[int, ...]
    sources: tuple[str, ...]


class _Stored(Strict):
    format: str
    conditions: _Conditions
    values: dict[str, StoredValue]
    curves: dict[str, StoredCurve]
    missing: dict[str, str]
    overlaps: tuple[str, ...]
    by_sample: list[dict[str, float]]
