"""Cost of the structure of a glass: against vitrum, sovapy and matscipy, and by size.

Frames are 3,000 atoms of ideal cristobalite displaced at random by 0.15 Å: some bonds are broken
at 2.0 Å, so there are rings of several sizes. Both sides must give the same numbers. Times
are CPU seconds of one process and depend on the machine, so compare the ratios; compiled code is
compiled before. vitrum's time for a frame comes from a few frames. The last line is one JSON
object.

    pip install 'al-loop[dev]' sovapy     # without sovapy its column is missing
    python benchmarks/glass.py [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from ase import Atoms
from matscipy.rings import ring_statistics

from al_loop.glass import Trajectory
from al_loop.glass.structure import (
    StructureOptions,
    measure_structure,
    pair_distributions,
    structure_factors,
)
from al_loop.glass.structure.rings import CRITERIA, rings_of_frame
from al_loop.structures import crystal

T = TypeVar("T")

CUTOFF = 2.0
"""Å."""
LARGEST = 8
"""Formers in a ring: peers slow down fast beyond."""
RADIUS = 17.0
"""Å: end of g(r) at 3,000 atoms."""


def cpu_seconds(action: Callable[[], T]) -> tuple[float, T]:
    """CPU time of this process, all threads, and the answer."""
    start = time.process_time()
    answer = action()
    return time.process_time() - start, answer


def frames(cells: int, count: int) -> Trajectory:
    """Displaced crystals of 24 cells^3 atoms."""
    generator = np.random.default_rng(cells)
    made = []
    for _ in range(count):
        atoms = crystal("beta-cristobalite", supercell=(cells, cells, cells))
        atoms.positions += generator.normal(0.0, 0.15, atoms.positions.shape)
        made.append(atoms)
    return Trajectory(tuple(made))


def options(**changes: Any) -> StructureOptions:
    return StructureOptions(cutoffs={"O-Si": CUTOFF}, largest_ring=LARGEST, **changes)


def naive(run: Trajectory) -> dict[str, Any]:
    """The same observables by vitrum, called as its documentation shows."""
    from vitrum.coordination import Coordination
    from vitrum.scattering import Scattering

    every = list(run.frames)
    scattering = Scattering(every, rrange=RADIUS, nbin=850, disable_progress=True)
    cut: dict[str | tuple[str, str], float] = {("Si", "O"): CUTOFF}
    network = Coordination(every)
    numbers = network.get_coordination_numbers("Si", "O", cutoff=cut)
    network.get_coordination_numbers("O", "Si", cutoff=cut)
    network.get_bridging_analysis("Si", "O", former_types=["Si"], cutoff=cut)
    network.get_angles("Si", "O", cutoff=cut)
    angles = np.concatenate(network.get_angles("O", "Si", cutoff=cut))
    return {
        "s": scattering.get_structure_factor("neutron", lorch=True),
        "x": scattering.get_structure_factor("xray", lorch=True),
        "g": scattering.get_partial_pdf(("O", "Si")),
        "t": scattering.get_T_r_pdf(),
        "si4": 100.0 * numbers[4],
        "angle": float(angles.mean()),
        "rings": {criterion: vitrum_rings(every, criterion) for criterion in CRITERIA},
    }


def vitrum_rings(every: list[Atoms], criterion: str) -> Counter[int]:
    from vitrum.rings import RingAnalysis

    counts: Counter[int] = Counter()
    for atoms in every:
        analysis = RingAnalysis(atoms, ["Si", "O"], [("Si", "O")])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of paths across the boundary
            analysis.calculate(
                criterion=criterion,
                max_size=2 * LARGEST,
                cutoff={("Si", "O"): CUTOFF},
                repeat=(1, 1, 1),
            )
        counts.update({n // 2: c for n, c in analysis.get_ring_size_distribution().items()})
    return counts


def sovapy_rings(atoms: Atoms, criterion: str) -> Counter[int]:
    """Rings by sovapy, which reads files of its own kind; its progress bars go nowhere."""
    from sovapy.computation.rings import RINGs
    from sovapy.core.file import File

    edge = atoms.cell[0, 0]
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stderr(nowhere),
        contextlib.redirect_stdout(nowhere),
    ):
        file = Path(folder) / "frame.xyz"
        rows = [
            f"{symbol} {x:.8f} {y:.8f} {z:.8f}"
            for symbol, (x, y, z) in zip(
                atoms.get_chemical_symbols(), atoms.positions - edge / 2, strict=True
            )
        ]
        file.write_text("\n".join([str(len(atoms)), f"CUB {edge}", *rows]) + "\n")
        theirs = File.open(str(file)).get_atoms()
        theirs.set_bond_lengths({("Si", "O"): CUTOFF, ("Si", "Si"): -1, ("O", "O"): -1})
        kind = getattr(RINGs.RingType, criterion.upper())
        found = RINGs(theirs).calculate(ring_type=kind, pair_atom_symbols=[["Si", "O"]])
    sizes = (len(ring.indexes) // 2 for ring in found)
    return Counter(n for n in sizes if n <= LARGEST)


def against_vitrum(count: int, theirs: int) -> dict[str, Any]:
    """Seconds a frame of all observables, here and by vitrum; the answers must agree."""
    run = frames(5, count)
    few = Trajectory(run.frames[:theirs])
    measure_structure(Trajectory(run.frames[:1]), options(r_max=RADIUS))  # compiles
    naive(Trajectory((frames(3, 1).frames[0].repeat((2, 2, 2)),)))
    seconds, _ = cpu_seconds(lambda: measure_structure(run, options(r_max=RADIUS)))
    their_seconds, expected = cpu_seconds(lambda: naive(few))
    ours = measure_structure(few, options(r_max=RADIUS))
    silicons = 1000 * theirs
    for criterion in CRITERIA:
        for n, rings in expected["rings"][criterion].items():
            agree(ours.values[f"rings/{criterion}/{n}"].value, rings / silicons)
    agree(ours.values["species/Si-4"].value, expected["si4"])
    agree(ours.values["angle/Si-O-Si/mean"].value, expected["angle"], within=0.01)
    assert np.allclose(ours.curves["g/O-Si"].y, expected["g"], atol=1e-9)
    pairs = pair_distributions(few, r_max=RADIUS)
    s = structure_factors(pairs, q=np.linspace(0.5, 20.0, 850)).neutron().y
    assert np.abs(s - expected["s"]).max() < 0.02
    return {
        "atoms": len(run.frames[0]),
        "frames": count,
        "seconds_a_frame": seconds / count,
        "vitrum_frames": theirs,
        "vitrum_seconds_a_frame": their_seconds / theirs,
        "ratio": their_seconds / theirs / (seconds / count),
    }


def agree(ours: float, theirs: float, *, within: float = 1e-6) -> None:
    if abs(ours - theirs) > within * max(1.0, abs(theirs)):
        sys.exit(f"two answers: {ours} here, {theirs} there")


def rings(*, quick: bool) -> dict[str, Any]:
    """Seconds for the rings of one frame, and the ratios to each peer that can do it."""
    atoms = frames(3 if quick else 5, 1).frames[0]
    table: dict[str, Any] = {}
    for criterion in CRITERIA:  # compiles
        rings_of_frame(atoms[:3], criterion, cutoffs={"O-Si": CUTOFF}, largest=LARGEST)
    for criterion in CRITERIA:
        seconds, found = cpu_seconds(
            lambda c=criterion: rings_of_frame(  # type: ignore[misc]
                atoms, c, cutoffs={"O-Si": CUTOFF}, largest=LARGEST
            )
        )
        counts = Counter(found.sizes.tolist())
        row: dict[str, Any] = {"atoms": len(atoms), "rings": len(found.sizes), "seconds": seconds}
        peers: dict[str, Callable[[], Counter[int]]] = {
            "vitrum": lambda c=criterion: vitrum_rings([atoms], c)  # type: ignore[misc]
        }
        if find_spec("sovapy") and criterion != "primitive":
            peers["sovapy"] = lambda c=criterion: sovapy_rings(atoms, c)  # type: ignore[misc]
        if criterion == "primitive":
            peers["matscipy"] = lambda: matscipy_rings(atoms)
        for name, peer in peers.items():
            their_seconds, theirs = cpu_seconds(peer)
            row[name] = {
                "seconds": their_seconds,
                "ratio": their_seconds / seconds,
                "same": theirs == counts,
            }
        table[criterion] = row
    return table


def matscipy_rings(atoms: Atoms) -> Counter[int]:
    found = ring_statistics(atoms, {("Si", "O"): CUTOFF}, maxlength=2 * LARGEST + 1)
    return Counter({n // 2: int(count) for n, count in enumerate(found) if count})


def one_size(cells: int) -> dict[str, float]:
    """Seconds of one frame, and the most memory that this process has had."""
    measure_structure(frames(2, 1), options(r_max=7.0))
    base = peak_megabytes()
    run = frames(cells, 1)
    parts = {
        "pairs": lambda: pair_distributions(run, r_max=10.0),
        "network": lambda: measure_structure(run, options(r_max=5.0, rings=())),
        "rings": lambda: [
            rings_of_frame(run.frames[0], c, cutoffs={"O-Si": CUTOFF}, largest=LARGEST)
            for c in CRITERIA
        ],
    }
    row: dict[str, float] = {"atoms": len(run.frames[0])}
    for name, part in parts.items():
        row[f"{name}_us_an_atom"] = cpu_seconds(part)[0] / len(run.frames[0]) * 1e6
    row["megabytes"] = peak_megabytes() - base
    return row


def peak_megabytes() -> float:
    """Most memory that this program has had; getrusage begins with that of its parent."""
    status = Path("/proc/self/status").read_text()
    return float(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def by_size(sizes: list[int]) -> list[dict[str, float]]:
    """One process for each size, so that memory is its own."""
    rows = []
    for cells in sizes:
        command = [sys.executable, __file__, "--one", str(cells)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1])
    return rows


def main() -> None:
    """Print the tables, and the JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute: few frames, small sizes")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one_size(chosen.one)))
        return
    everything = against_vitrum(*((3, 1) if chosen.quick else (100, 3)))
    print(everything)
    ring_table = rings(quick=chosen.quick)
    for criterion, row in ring_table.items():
        print(criterion, row)
    sizes = by_size([5, 8] if chosen.quick else [5, 8, 12, 16])
    print(json.dumps({"structure": everything, "rings": ring_table, "sizes": sizes}))


if __name__ == "__main__":
    main()
