"""Time of selection against plain Python loops over pairs and over samples.

The loops do what scripts around DP-GEN do: each pair of atoms by the minimum image, each row of
the deviations by ``if``. Both sides must give the same answer. The last line is one JSON object;
its times are CPU seconds, the smallest of several runs, and depend on the machine, so compare the
ratios.

    python benchmarks/selection.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import combinations
from math import isfinite, sqrt
from typing import TypeVar

import numpy as np
from ase import Atoms
from ase.build import bulk

from al_loop.campaign.stages import TrustLevels
from al_loop.select import ACCURATE, CANDIDATE, FAILED, classify, make_filter

T = TypeVar("T")

FORCE = TrustLevels(lower=0.1, upper=0.3)
VIRIAL = TrustLevels(lower=0.01, upper=0.05)
MINIMA = {"O-O": 2.0, "O-Si": 1.3, "Si-Si": 2.2}
"""Å."""


def cpu_seconds(action: Callable[[], T], *, runs: int) -> tuple[float, T]:
    """Smallest CPU time of ``runs`` runs, and the answer."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        answer = action()
        times.append(time.process_time() - start)
    return min(times), answer


def frames(count: int) -> list[Atoms]:
    """Disturbed crystals of 192 atoms, from none too close to several."""
    generator = np.random.default_rng(1)
    crystal = bulk("Si", "diamond", a=5.431, cubic=True).repeat((2, 3, 4))
    crystal.symbols[::3] = "O"
    made = []
    for size in np.linspace(0.01, 0.3, count):
        atoms = crystal.copy()
        atoms.positions += generator.normal(0.0, size, atoms.positions.shape)
        made.append(atoms)
    return made


def pair_by_pair(atoms: Atoms, minima: Mapping[str, float]) -> str | None:
    """The worst pair below its minimum, in a rectangular cell; as the filter words it."""
    lengths = atoms.cell.lengths().tolist()
    positions = atoms.positions.tolist()
    symbols = atoms.get_chemical_symbols()
    worst, reason = 1.0, None
    for i, j in combinations(range(len(atoms)), 2):
        name = "-".join(sorted((symbols[i], symbols[j])))
        square = 0.0
        for a, b, length in zip(positions[i], positions[j], lengths, strict=True):
            apart = a - b
            apart -= length * round(apart / length)
            square += apart * apart
        ratio = sqrt(square) / minima[name]
        if ratio < worst:
            worst, reason = ratio, f"{name} closer than {minima[name]:g} Å"
    return reason


def row_by_row(force: list[float], virial: list[float]) -> list[int]:
    """Codes of the samples, one after the other."""
    codes = []
    for f, v in zip(force, virial, strict=True):
        if not (isfinite(f) and isfinite(v)) or f >= FORCE.upper or v >= VIRIAL.upper:
            codes.append(FAILED)
        elif f >= FORCE.lower or v >= VIRIAL.lower:
            codes.append(CANDIDATE)
        else:
            codes.append(ACCURATE)
    return codes


def measure_filter(*, count: int, runs: int) -> dict[str, float | int | bool]:
    made = frames(count)
    check = make_filter(min_distance=MINIMA, density=None)
    check(made[0])
    ours, found = cpu_seconds(lambda: [check(atoms) for atoms in made], runs=runs)
    loop, expected = cpu_seconds(lambda: [pair_by_pair(a, MINIMA) for a in made], runs=1)
    return {
        "frames": count,
        "atoms": len(made[0]),
        "refused": sum(why is not None for why in found),
        "seconds_per_frame": ours / count,
        "loop_seconds_per_frame": loop / count,
        "times_faster": loop / ours,
        "agree": found == expected,
    }


def measure_classify(*, count: int, runs: int) -> dict[str, float | int | bool]:
    generator = np.random.default_rng(1)
    force, virial = generator.exponential(0.1, count), generator.exponential(0.01, count)
    force[:: max(count // 100, 1)] = np.nan
    ours, codes = cpu_seconds(
        lambda: classify(force, levels=FORCE, virial_deviation=virial, virial_levels=VIRIAL),
        runs=runs,
    )
    # Lists are what a plain loop is fastest on; rows of an array take several times as long.
    lists = force.tolist(), virial.tolist()
    loop, expected = cpu_seconds(lambda: row_by_row(*lists), runs=min(runs, 3))
    return {
        "samples": count,
        "seconds": ours,
        "loop_seconds": loop,
        "times_faster": loop / ours,
        "agree": codes.tolist() == expected,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of selection against plain loops.")
    parser.add_argument("--quick", action="store_true", help="a few seconds, rougher numbers")
    quick = parser.parse_args().quick
    result = {
        "benchmark": "selection",
        "quick": quick,
        "filter": measure_filter(count=10 if quick else 100, runs=5),
        "classify": measure_classify(count=100_000 if quick else 1_000_000, runs=10),
    }
    print(json.dumps(result))
    return 0 if result["filter"]["agree"] and result["classify"]["agree"] else 1


if __name__ == "__main__":
    sys.exit(main())
