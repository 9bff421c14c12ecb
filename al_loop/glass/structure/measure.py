"""All structure of a trajectory at once, as named values and curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

from ase import Atoms

from al_loop.glass.estimate import Curve, Estimate, average, combine, combine_curves
from al_loop.glass.structure.angles import angles_of, angles_of_frame
from al_loop.glass.structure.bonds import Bonds, Integers, bond_cutoffs, find_bonds
from al_loop.glass.structure.boron_rings import (
    FrameBoronRings,
    boron_rings_of,
    boron_rings_of_frame,
)
from al_loop.glass.structure.contacts import Approach, closest_approaches
from al_loop.glass.structure.coordination import (
    FrameCoordination,
    coordination_of,
    coordination_of_frame,
)
from al_loop.glass.structure.options import StructureOptions
from al_loop.glass.structure.qn import qn_of, qn_of_frame
from al_loop.glass.structure.repeats import Repeats
from al_loop.glass.structure.rings import Criterion, FrameRings, rings_of, rings_of_frame
from al_loop.glass.structure.totals import measure_scattering
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array


@dataclass(frozen=True)
class Structure:
    """Named values and curves, and the pairs of atoms that overlap (none in a sound glass).

    Names: ``density``, ``peak/O-Si``, ``fsdp/position``, ``species/Si-4``, ``length/O-Si``,
    ``qn/Si/4``, ``angle/Si-O-Si/mean``, ``rings/king/6`` (rings of six, per former), ...; curves
    ``g/O-Si``, ``g/neutron``, ``T``, ``S/O-Si``, ``S/neutron``,
    ``S/neutron/wave_vectors``, ``S/xray``,
    ``angle/Si-O-Si``. ``missing`` says why a name (or what it begins with) is not there.
    """

    values: dict[str, Estimate]
    curves: dict[str, Curve]
    overlaps: tuple[Approach, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Frames:
    """What is kept of each frame until the means are taken."""

    coordination: list[FrameCoordination] = field(default_factory=list)
    qn: dict[str, list[Integers]] = field(default_factory=dict)
    angles: dict[str, list[Array]] = field(default_factory=dict)
    rings: dict[Criterion, list[FrameRings]] = field(default_factory=dict)
    boron: list[FrameBoronRings] = field(default_factory=list)

    def repeat_rings(self) -> None:
        """The rings of the last frame once more."""
        for found in self.rings.values():
            found.append(found[-1])
        self.boron += self.boron[-1:]


def measure_structure(
    trajectory: Trajectory,
    options: StructureOptions | None = None,
    *,
    advance: Callable[[], None] = lambda: None,
) -> Structure:
    """Everything that this room knows of structure. ``advance`` is called after each frame.

    The first sharp peak is absent where S(q) has no maximum in its range, a peak of g(r) where it
    has none, an angle where a frame has none, what neutrons or X-rays see where an element's
    scattering is not known, and whatever needs formers or oxygen without them.
    """
    options = options or StructureOptions.model_validate({})
    network = "O" in trajectory.elements and any(
        one in options.formers for one in trajectory.elements
    )
    seen = measure_scattering(trajectory, options)
    values = {"density": average(trajectory.densities, unit="g/cm3"), **seen.values}
    curves = dict(seen.curves)
    if network:
        limits = bond_cutoffs(trajectory.elements, options.cutoffs)
        kept, repeats = _Frames(), Repeats(options.formers)
        for k, atoms in enumerate(trajectory.frames):
            bonds = find_bonds(atoms, limits)
            _look(atoms, bonds, limits, options, kept)
            if options.rings and k % options.rings_every == 0:
                if repeats.seen(atoms, bonds):
                    kept.repeat_rings()
                else:
                    _look_for_rings(atoms, limits, options, kept)
            advance()
        _add_network(kept, options, values, curves)
    approaches = closest_approaches(trajectory)
    for pair, one in approaches.items():
        values[f"closest/{pair}"] = Estimate(one.distance, None, 1, "Å")
    return Structure(
        values, curves, tuple(one for one in approaches.values() if one.overlap), seen.missing
    )


def combine_structures(samples: Sequence[Structure]) -> Structure:
    """Mean over independent samples; errors as :func:`al_loop.glass.combine`.

    What occurs in some samples only (five-fold silicon, rings of two) is zero in the others,
    where it is a part or a number; else (a peak that was not found) the mean is over those that
    have it. Closest approaches are the smallest of all samples.
    """
    values = combine_values([one.values for one in samples], looked=len(samples))
    curves = {
        name: combine_curves([one.curves[name] for one in samples])
        for name in samples[0].curves
        if all(name in one.curves for one in samples)
    }
    missing = {name: why for one in reversed(samples) for name, why in one.missing.items()}
    return Structure(values, curves, tuple(x for one in samples for x in one.overlaps), missing)


def combine_values(
    samples: Sequence[Mapping[str, Estimate]], *, looked: int
) -> dict[str, Estimate]:
    """Means by name, as :func:`combine_structures`; ``looked``: samples with known structure."""
    values = {}
    for name in dict.fromkeys(name for one in samples for name in one):
        there = [one[name] for one in samples if name in one]
        if name.startswith("closest"):
            values[name] = min(there, key=lambda one: one.value)
            continue
        if zero_if_absent(name, there[0].unit):
            there += [Estimate(0.0, None, 1, there[0].unit)] * (looked - len(there))
        values[name] = combine(there)
    return values


def zero_if_absent(name: str, unit: str) -> bool:
    """Whether a value that a sample lacks is zero there: parts and numbers of rings."""
    return unit == "%" or name.startswith("rings")


def _look(
    atoms: Atoms,
    bonds: Bonds,
    limits: Mapping[str, float],
    options: StructureOptions,
    kept: _Frames,
) -> None:
    kept.coordination.append(coordination_of_frame(bonds, options.formers))
    formers = [
        one
        for one in sorted(set(atoms.get_chemical_symbols()))
        if one in options.formers and "-".join(sorted((one, "O"))) in limits
    ]
    for former in formers:
        kept.qn.setdefault(former, []).append(qn_of_frame(bonds, former, options.formers))
    names = [f"O-{one}-O" for one in formers]
    names += [f"{a}-O-{b}" for a, b in combinations_with_replacement(formers, 2)]
    for name in names:
        kept.angles.setdefault(name, []).append(angles_of_frame(bonds, name))


def _look_for_rings(
    atoms: Atoms, limits: Mapping[str, float], options: StructureOptions, kept: _Frames
) -> None:
    for criterion in options.rings:
        kept.rings.setdefault(criterion, []).append(
            rings_of_frame(
                atoms,
                criterion,
                cutoffs=limits,
                formers=options.formers,
                largest=options.largest_ring,
            )
        )
    if 5 in atoms.numbers and "B" in options.formers:
        kept.boron.append(boron_rings_of_frame(atoms, limits))


def _add_network(
    kept: _Frames,
    options: StructureOptions,
    values: dict[str, Estimate],
    curves: dict[str, Curve],
) -> None:
    found = coordination_of(kept.coordination)
    values |= {f"species/{name}": one for name, one in found.species.items()}
    values |= {f"mean/{name}": one for name, one in found.means.items()}
    values |= {f"length/{name}": one for name, one in found.lengths.items()}
    for name in ("bridging", "non_bridging", "edge_sharing"):
        if (one := getattr(found, name)) is not None:
            values[name] = one
    for former, frames in kept.qn.items():
        parts = qn_of(frames)
        values |= {f"qn/{former}/{n}": one for n, one in parts.parts.items()}
        values[f"qn/{former}/mean"] = parts.connectivity
    for name, measured in kept.angles.items():
        if not all(map(len, measured)):
            continue
        angle = angles_of(measured, name=name, width=options.angle_width)
        curves[f"angle/{name}"] = angle.histogram
        for what in ("mean", "spread", "maximum", "below_100"):
            values[f"angle/{name}/{what}"] = getattr(angle, what)
    for criterion, of_frames in kept.rings.items():
        statistics = rings_of(of_frames, criterion)
        values |= {f"rings/{criterion}/{n}": one for n, one in statistics.per_former.items()}
        if statistics.mean_size is not None:
            values[f"ring_size/{criterion}"] = statistics.mean_size
    if kept.boron:
        boron = boron_rings_of(kept.boron)
        values["boron/in_rings"] = boron.in_rings
        values["boron/in_boroxol"] = boron.in_boroxol
