"""Pair distributions, structure factors and the first sharp peak of a trajectory, as named."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.structure.fsdp import REACH, first_sharp_peak
from al_loop.glass.structure.options import StructureOptions
from al_loop.glass.structure.pairs import PairDistributions, first_peak, pair_distributions
from al_loop.glass.structure.scattering import StructureFactors, structure_factors
from al_loop.glass.structure.wave_vectors import wave_vectors
from al_loop.glass.trajectory import Trajectory


@dataclass
class Scattering:
    """Named values and curves, and why a name (or what it begins with) is not there."""

    values: dict[str, Estimate] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def measure_scattering(trajectory: Trajectory, options: StructureOptions) -> Scattering:
    """g(r), T(r) and S(q), partial and total; first peaks of g(r), first sharp peak of S(q).

    An element whose scattering length or form factor is not known takes away the totals of
    neutrons or X-rays alone.
    """
    pairs = pair_distributions(trajectory, r_max=options.r_max, width=options.r_width)
    points = np.arange(max(options.q_step, 0.3), options.q_max + 1e-9, options.q_step)
    factors = structure_factors(pairs, q=points, window=options.window)
    found = Scattering()
    for pair, frames in pairs.partials.items():
        if np.isfinite((place := first_peak(pairs.r, frames)).value):
            found.values[f"peak/{pair}"] = place
        found.curves[f"g/{pair}"] = pairs.partial(pair)
        found.curves[f"S/{pair}"] = factors.partial(pair)
    found.curves["g"] = pairs.total()
    try:
        _add_neutrons(found, options, pairs, factors)
    except DatasetError as error:
        found.missing |= dict.fromkeys(("g/neutron", "T", "S/neutron", "fsdp"), error.in_brackets)
    try:
        found.curves["S/xray"] = factors.xray()
    except DatasetError as error:
        found.missing["S/xray"] = error.in_brackets
    if "fsdp" in found.missing:
        return found
    try:
        _add_first_sharp_peak(found, options, trajectory)
    except DatasetError as error:
        found.missing["fsdp"] = error.in_brackets
    return found


def _add_neutrons(
    found: Scattering,
    options: StructureOptions,
    pairs: PairDistributions,
    factors: StructureFactors,
) -> None:
    found.curves["S/neutron"] = factors.neutron(options.lengths)
    found.curves["g/neutron"] = pairs.neutron(options.lengths)
    found.curves["T"] = pairs.total_correlation(options.lengths)


def _add_first_sharp_peak(
    found: Scattering, options: StructureOptions, trajectory: Trajectory
) -> None:
    vectors = wave_vectors(trajectory, q_max=options.fsdp[1] + REACH, lengths=options.lengths)
    peak, found.curves["S/neutron/wave_vectors"] = first_sharp_peak(vectors, within=options.fsdp)
    found.values["fsdp/position"] = peak.position
    found.values["fsdp/height"] = peak.height
    found.values["fsdp/width"] = peak.width
