"""Structure of a sample, under its public names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.measuring.structure_names import of_structure
from al_loop.glass.structure import Structure, StructureOptions, measure_structure
from al_loop.glass.trajectory import Trajectory

_USUAL: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "si": ("Si", (3, 4, 5, 6)),
    "b": ("B", (3, 4)),
    "o": ("O", (1, 2, 3)),
    "qn_": ("Si", (0, 1, 2, 3, 4)),
}
"""What is zero where it is not found: so that a bound on it can be held."""


def structure(sample: Trajectory, options: MeasureOptions, advance: Callable[[], None]) -> Part:
    """Structure, with rings if they are asked for."""
    wanted = options.structure
    if "rings" not in options.groups:
        wanted = StructureOptions.model_validate({**wanted.model_dump(), "rings": ()})
    part = Part()
    found = Structure({}, {}, ())
    with part.attempt("structure"):
        found = measure_structure(sample, wanted, advance=advance)
        part.values = {of_structure(name): one for name, one in found.values.items()}
        part.curves = {of_structure(name): one for name, one in found.curves.items()}
        part.missing |= {of_structure(name): why for name, why in found.missing.items()}
        part.values["overlapping_pairs"] = Estimate(
            float(len(found.overlaps)), None, len(sample), ""
        )
        _fill(part, sample, wanted)
        _tell_of_peaks(part)
    part.overlaps = tuple(
        f"{one.pair} {one.distance:.3f} Å in frame {one.frame} of {sample.source} (atoms "
        f"{one.atoms[0]} and {one.atoms[1]}); {one.smallest:.2f} Å or more is sound"
        for one in found.overlaps
    )
    return part


def _fill(part: Part, sample: Trajectory, wanted: StructureOptions) -> None:
    """What does not occur is zero, with no error where there are several frames."""
    frames = len(sample)
    none = Estimate(0.0, 0.0 if frames > 1 else None, frames, "%")
    network = any(name.startswith("coordination_") for name in part.values)
    for stem, (element, numbers) in _USUAL.items():
        if network and element in sample.elements and element in (*wanted.formers, "O"):
            for n in numbers:
                part.values.setdefault(f"{stem}{n}", none)
    for criterion in wanted.rings if network else ():
        for n in range(2, wanted.largest_ring + 1):
            part.values.setdefault(f"rings_{criterion}_{n}", Estimate(0.0, none.error, frames, ""))


def _tell_of_peaks(part: Part) -> None:
    pairs = [name[2:] for name in part.curves if name.startswith("g_") and "-" in name]
    for pair in pairs:
        if f"peak_{pair}" not in part.values:
            part.missing[f"peak_{pair}"] = "g(r) has no maximum half as high as the highest"
