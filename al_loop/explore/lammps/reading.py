"""From the raw output of a walker's folder to its Walk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.d3 import D3, correction
from al_loop.explore.interface import KeepRule, Limits, Walk, Walker
from al_loop.explore.lammps.parse import parse_atomic_deviation
from al_loop.explore.lammps.restart import remove_raw
from al_loop.explore.lammps.samples import RawSample, joined, snapshots, text_of
from al_loop.explore.reduce import Ending, Samples, reduce_samples, reduced_walk
from al_loop.lammps.cell import RestrictedCell
from al_loop.lammps.dump import frame_of
from al_loop.units import Array


def read_walk(
    folder: Path,
    walker: Walker,
    start: Atoms,
    *,
    limits: Limits,
    keep: KeepRule,
    ending: Ending,
    dispersion: D3 | None = None,
) -> Walk:
    """Reduce the output in a walker's folder and remove what is large.

    The dump is read twice and never held as a whole: once to check each sample, once to take
    the configurations that are kept. Frames are turned back to the orientation of ``start``.
    LAMMPS dumps the sum of its forces: ``dispersion`` is taken off again.
    """
    found = joined(folder, start, limits=limits)
    samples = _columns({step: one for _, rows in found for step, one in rows.items()})
    reduction = reduce_samples(samples, walker=walker, limits=limits, keep=keep, ending=ending)
    kept = [int(step) for step in samples.step[reduction.kept]]
    last, beyond = (
        None if index is None else int(samples.step[index])
        for index in (reduction.last, reduction.beyond)
    )
    wanted = {*kept, *(step for step in (last, beyond) if step is not None)}
    frames: dict[int, Atoms] = {}
    forces: dict[int, Array] = {}
    deviations: dict[int, Array] = {}
    rotation = RestrictedCell.of(start.cell.array).rotation
    for part, rows in found:
        left = wanted & rows.keys()
        deviations |= parse_atomic_deviation(text_of(part.deviation), left)
        for snapshot in snapshots(part) if left else ():
            if snapshot.step in left:
                frame = frame_of(snapshot, start, rotation)
                added = correction(frame, dispersion).forces if dispersion else 0.0
                frames[snapshot.step] = frame
                forces[snapshot.step] = snapshot.forces @ rotation - added
                left.remove(snapshot.step)
            if not left:
                break
    remove_raw(folder)
    return reduced_walk(
        walker,
        samples,
        reduction,
        frames=[frames[step] for step in kept],
        forces=[forces[step] for step in kept],
        deviations=[deviations[step] for step in kept],
        last=None if last is None else frames[last],
        beyond=None if beyond is None else frames[beyond],
    )


def _columns(rows: dict[int, RawSample]) -> Samples:
    samples = list(rows.values())
    temperatures = np.array([one.thermo.temperature for one in samples])
    return Samples(
        step=np.array(list(rows), dtype=np.int64),
        max_force_deviation=np.array([one.deviation.max_force for one in samples]),
        mean_force_deviation=np.array([one.deviation.mean_force for one in samples]),
        max_virial_deviation=np.array([one.deviation.max_virial for one in samples]),
        temperature=temperatures,
        pressure=np.array([one.thermo.pressure for one in samples]),
        finite=np.array([one.finite for one in samples], dtype=np.bool_)
        & np.isfinite(temperatures),
        whole=np.array([one.whole for one in samples], dtype=np.bool_),
        apart=np.array([one.apart for one in samples], dtype=np.bool_),
    )
