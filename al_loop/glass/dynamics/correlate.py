"""Time averages over all origins, by FFT, some atoms at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve
from al_loop.units import Array

_NUMBERS_AT_ONCE = 4_000_000  # of float64; some 100 MB with what the FFT needs beside them

Kernel = Callable[[Array, int], Array]
"""Series (frames, atoms, 3) and a number of lags to a curve for each atom, (lags, atoms)."""


def standard_masses(symbols: Sequence[str]) -> Array:
    """Standard atomic masses (atoms,), u."""
    return np.array([atomic_masses[atomic_numbers[symbol]] for symbol in symbols])


def atoms_by_species(symbols: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Indices of the atoms of each element, elements in alphabetical order."""
    names = np.asarray(symbols)
    return {str(name): np.flatnonzero(names == name) for name in np.unique(names)}


@dataclass(frozen=True)
class Motion:
    """Positions (Å, unwrapped) or velocities (Å/ps) of all atoms, evenly spaced in time.

    ``series`` (frames, atoms, 3), ``dt`` ps between frames, ``centre`` (frames, 3) is what is taken
    off: the centre of mass or zero.
    """

    series: Array
    symbols: Sequence[str]
    dt: float
    centre: Array

    @classmethod
    def of(
        cls,
        series: Array,
        symbols: Sequence[str],
        dt: float,
        *,
        drift: bool,
        masses: Array | None,
        what: str,
    ) -> Motion:
        """Checked; DatasetError where the shape is wrong, a number is not finite, dt is not > 0."""
        if series.ndim != 3 or series.shape[1:] != (len(symbols), 3):
            raise DatasetError(
                f"{what} of shape {series.shape}; (frames, {len(symbols)}, 3) is needed for "
                f"{len(symbols)} symbols"
            )
        if len(series) < 2:
            raise DatasetError(f"{what} of {len(series)} frame; 2 or more are needed")
        if not all(np.isfinite(frame).all() for frame in series):
            raise DatasetError(f"{what} must be finite")
        if not dt > 0:
            raise DatasetError(f"dt: {dt} ps between frames; it must be positive")
        centre = np.zeros((len(series), 3))
        if not drift:
            mass = standard_masses(symbols) if masses is None else np.asarray(masses)
            centre = np.array([mass @ frame for frame in series]) / mass.sum()
        return cls(series, symbols, dt, centre)

    def lags(self, longest: float | None) -> int:
        """Lags from 0 to ``longest`` ps, or over half of the frames.

        Raises
        ------
        DatasetError
            The trajectory is shorter.
        """
        frames = len(self.series)
        if longest is None:
            return max(2, frames // 2)
        lags = round(longest / self.dt) + 1
        if not 2 <= lags <= frames:
            raise DatasetError(
                f"times up to {longest:g} ps of {frames} frames {self.dt:g} ps apart",
                remedy=f"ask for {self.dt:g} to {(frames - 1) * self.dt:g} ps",
            )
        return lags

    def times(self, lags: int) -> Array:
        """Times (lags,) in ps, from 0."""
        return np.arange(lags, dtype=np.float64) * self.dt

    def piece(self, start: int, stop: int) -> Motion:
        """Some of its frames."""
        return Motion(self.series[start:stop], self.symbols, self.dt, self.centre[start:stop])

    def curves(self, atoms: NDArray[np.intp], kernel: Kernel, lags: int) -> Iterator[Array]:
        """Curves (lags, some atoms) of these atoms, as many atoms at once as memory allows."""
        step = max(1, _NUMBERS_AT_ONCE // (6 * len(self.series)))
        for start in range(0, len(atoms), step):
            chunk = self.series[:, atoms[start : start + step]].astype(np.float64)
            yield kernel(chunk - self.centre[:, None], lags)

    def of_elements(self, kernel: Kernel, longest: float | None, unit: str) -> dict[str, Curve]:
        """Means of each element over its atoms, in ``unit`` over ps; lags as :meth:`lags`."""
        lags, found = self.lags(longest), {}
        for name, atoms in atoms_by_species(self.symbols).items():
            mean, error = over_atoms(self.curves(atoms, kernel, lags))
            found[name] = Curve(self.times(lags), mean, error, len(atoms), "ps", unit)
        return found


def over_atoms(curves: Iterable[Array]) -> tuple[Array, Array | None]:
    """Mean over atoms and its standard error, each (lags,), of curves (lags, some atoms).

    Atoms count as independent. None for a single atom, which says nothing about its error.
    """
    count, mean, spread = 0, np.zeros(1), np.zeros(1)
    for part in curves:  # joined as by Chan, Golub and LeVeque
        n = part.shape[1]
        middle = part.mean(axis=1)
        apart = middle - mean
        spread = spread + ((part - middle[:, None]) ** 2).sum(axis=1)
        spread = spread + apart**2 * (count * n / (count + n))
        mean = mean + apart * (n / (count + n))
        count += n
    return mean, np.sqrt(spread / (count - 1) / count) if count > 1 else None


def autocorrelations(series: Array, lags: int) -> Array:
    """<x(0) · x(t)> (lags, atoms) over all origins, of a series (frames, atoms, 3)."""
    frames = len(series)
    size = next_fast_len(frames + lags, real=True)
    power = (np.abs(rfft(series, n=size, axis=0)) ** 2).sum(axis=2)
    summed: Array = irfft(power, n=size, axis=0)[:lags]
    return summed / (frames - np.arange(lags))[:, None]


def squared_displacements(series: Array, lags: int) -> Array:
    """<|x(t) - x(0)|²> (lags, atoms) over all origins, of a series (frames, atoms, 3).

    From squares and an autocorrelation: Calandrini, Pellegrini, Calligari, Hinsen and Kneller,
    Collection SFN 12, 201 (2011), section 4.2.
    """
    frames = len(series)
    near = series - series.mean(axis=0)  # only differences count, and small numbers lose less
    squares = (near**2).sum(axis=2)
    ends = np.zeros((lags, squares.shape[1]))
    ends[1:] = np.cumsum(squares[: lags - 1] + squares[:-lags:-1], axis=0)
    both = (2 * squares.sum(axis=0) - ends) / (frames - np.arange(lags))[:, None]
    found: Array = np.maximum(both - 2 * autocorrelations(near, lags), 0.0)
    found[0] = 0.0
    return found
