"""What a segment leaves: one trajectory and one table out of its pieces, and averages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from al_loop.glass.estimate import Estimate, average
from al_loop.jobfolder import write_atomically
from al_loop.units import Array

COLUMNS = (
    "step",
    "temperature",
    "pressure",
    "density",
    "energy",
    "total_energy",
    "volume",
    "lx",
    "ly",
    "lz",
    "stress_x",
    "stress_y",
    "stress_z",
)
"""Of a thermo table: MD step, K, GPa, g/cm3, eV (potential), eV, Å3, Å, GPa (in tension > 0)."""

UNITS = {
    "temperature": "K",
    "pressure": "GPa",
    "density": "g/cm3",
    "energy": "eV/atom",
    "total_energy": "eV/atom",
    "volume": "Å3/atom",
    "lx": "Å",
    "ly": "Å",
    "lz": "Å",
    "stress_x": "GPa",
    "stress_y": "GPa",
    "stress_z": "GPa",
}
"""Of the averages."""

_GPA_PER_BAR = 1.0e-4
_PER_ATOM = ("energy", "total_energy", "volume")


def read_log(text: str) -> dict[int, tuple[float, ...]]:
    """Rows of LAMMPS' thermo output by step, in the units of :data:`COLUMNS`."""
    rows = {}
    for line in text[: text.rfind("\n") + 1].splitlines():
        words = line.split()
        if len(words) != len(COLUMNS) or not words[0].isdigit():
            continue
        try:
            values = [float(word) for word in words]
        except ValueError:
            continue
        values[2] *= _GPA_PER_BAR
        values[10:] = [-_GPA_PER_BAR * value for value in values[10:]]
        rows[int(words[0])] = tuple(values)
    return rows


def write_table(path: Path, logs: Iterable[Path]) -> None:
    """Rows of a segment's logs as CSV; a step that two logs have counts once."""
    rows: dict[int, tuple[float, ...]] = {}
    for log in logs:
        rows |= read_log(log.read_text(errors="replace"))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step in sorted(rows):
        writer.writerow([step, *(f"{value:.10g}" for value in rows[step][1:])])
    write_atomically(path, stream.getvalue())


def read_table(path: Path) -> dict[str, Array]:
    """Columns of a thermo table, by name."""
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    values = np.array(rows[1:], dtype=np.float64).reshape(-1, len(COLUMNS))
    return {name: values[:, n] for n, name in enumerate(rows[0])}


def averages(table: dict[str, Array], *, atoms: int) -> dict[str, Estimate]:
    """Means over the second half of a segment, with errors that know of correlation."""
    found = {}
    for name, unit in UNITS.items():
        values = table[name][len(table[name]) // 2 :]
        if len(values):
            scale = 1.0 / atoms if name in _PER_ATOM else 1.0
            found[name] = average(values * scale, unit=unit)
    return found


def join_dumps(path: Path, dumps: Sequence[Path]) -> None:
    """Frames of a segment's pieces as one dump; a frame that two pieces have stands there once."""
    scratch = path.with_name(f".{path.name}")
    last = -1
    with scratch.open("w") as target:
        for dump in dumps:
            if not dump.is_file():
                continue
            with dump.open() as stream:
                for step, frame in _frames(stream):
                    if step > last:
                        target.writelines(frame)
                        last = step
    scratch.replace(path)


def _frames(stream: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Steps and lines of the frames of a dump."""
    frame: list[str] = []
    for line in stream:
        if line.startswith("ITEM: TIMESTEP") and frame:
            yield int(frame[1]), frame
            frame = []
        frame.append(line)
    if len(frame) > 1:
        yield int(frame[1]), frame
