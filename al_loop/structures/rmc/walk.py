"""Reverse Monte Carlo: single atoms are moved until the pair distributions are those asked for.

McGreevy and Pusztai, Mol. Simul. 1, 359 (1988). A move is taken with probability
min(1, exp(-Δchi²/2)), chi² = sum of (g - goal)²/sigma². Liu et al., C. R. Géosci. 354 (S1), 35
(2022), write exp(-ΔR_chi²/T_chi) instead: it is the same with T_chi = 2 sigma² / sum of goal².
Hybrid (Opletal et al., Mol. Simul. 28, 927 (2002)): exp(-Δchi²/2 - ΔE/kT).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import kB

from al_loop.errors import StructureError
from al_loop.structures.rmc.energy import NOTHING, PairTable
from al_loop.structures.rmc.kernel import Integers, count, misfit, run_moves, weigh
from al_loop.structures.rmc.target import Grid
from al_loop.units import Array

_BLOCK = 2000
"""Moves of which the random numbers are drawn at once."""


@dataclass(frozen=True)
class Bias:
    """The energy of hybrid moves at a temperature in K: of a table, or of any ASE calculator.

    A table's change takes as long as the count of pairs; a calculator computes the whole box anew
    for every move.
    """

    of: PairTable | Calculator
    temperature: float


@dataclass(frozen=True)
class Tally:
    """Moves so far."""

    tried: int = 0
    accepted: int = 0


class ReverseMonteCarlo:
    """A box whose atoms move.

    ``least``: smallest distance of each pair, Å (keys like ``O-Si``; pairs that are not given may
    meet). ``step``: largest displacement along x, y and z, Å. The same seed gives the same moves.
    """

    def __init__(
        self,
        atoms: Atoms,
        grid: Grid,
        *,
        least: Mapping[str, float],
        step: float = 0.1,
        seed: int = 1,
        bias: Bias | None = None,
    ) -> None:
        box = atoms.cell.lengths()
        if not np.allclose(atoms.cell.array, np.diag(box)) or not atoms.pbc.all():
            raise StructureError("RMC moves atoms in right-angled periodic boxes only")
        self.grid = grid
        self.tally = Tally()
        self._atoms = Atoms(numbers=atoms.numbers, cell=atoms.cell, pbc=True)
        self._box, self._step, self._bias = np.ascontiguousarray(box), step, bias
        elements = sorted(set(atoms.get_chemical_symbols()))
        places = {symbol: n for n, symbol in enumerate(elements)}
        self._kinds: Integers = np.array([places[s] for s in atoms.get_chemical_symbols()])
        ends = [pair.split("-") for pair in grid.pairs]
        self._pairs = np.zeros((len(elements),) * 2, dtype=np.int64)
        self._least = np.zeros((len(elements),) * 2)
        for n, (a, b) in enumerate(ends):
            i, j = places[a], places[b]
            self._pairs[i, j] = self._pairs[j, i] = n
            self._least[i, j] = self._least[j, i] = least.get(grid.pairs[n], 0.0) ** 2
        self._table = bias.of if bias and isinstance(bias.of, PairTable) else NOTHING
        self._images = self._table.images(self._box) if bias else np.zeros((1, 3))
        self._beta = 1 / (kB * bias.temperature) if bias else 0.0
        self._random = np.random.default_rng(seed)
        self.place(atoms.positions)

    def place(self, positions: Array) -> None:
        """Put the atoms somewhere else (a minimisation has moved them), (atoms, 3) in Å."""
        self._positions = np.ascontiguousarray(positions % self._box)
        self.counts = count(
            self._positions,
            self._kinds,
            self._box,
            self._pairs,
            bins=self.grid.bins,
            width=self.grid.width,
        )
        grid = self.grid
        none = np.zeros_like(self.counts)
        self.chi2 = float(misfit(self.counts, none, grid.norm, grid.goal, grid.weight))

    @property
    def atoms(self) -> Atoms:
        """The box as it is."""
        atoms: Atoms = self._atoms.copy()
        atoms.set_positions(self._positions)
        return atoms

    @property
    def curves(self) -> Array:
        """G (curves, bins) as it is."""
        found: Array = np.einsum("cpb,pb->cb", self.grid.norm, self.counts)
        return found

    @property
    def r_chi(self) -> float:
        """sqrt(sum of (g - goal)² / sum of goal²) over the bins that count (Wright, 1993)."""
        counts = self.grid.weight > 0
        off = ((self.curves - self.grid.goal) ** 2)[counts].sum()
        return float(np.sqrt(off / (self.grid.goal**2)[counts].sum()))

    def run(self, accepted: int, *, tries: int) -> Tally:
        """Move until so many moves are ``accepted``, or so many were tried; what was done now."""
        done = Tally()
        while done.accepted < accepted and done.tried < tries:
            draws = self._random.random((min(_BLOCK, tries - done.tried), 5))
            tried, taken = self._moves(draws, accepted - done.accepted)
            done = Tally(done.tried + tried, done.accepted + taken)
        self.tally = Tally(self.tally.tried + done.tried, self.tally.accepted + done.accepted)
        return done

    def _moves(self, draws: Array, wanted: int) -> tuple[int, int]:
        if self._bias and not isinstance(self._bias.of, PairTable):
            return self._moves_by(self._bias.of, draws, wanted)
        grid = self.grid
        tried, taken, self.chi2, _ = run_moves(
            draws, wanted, self.chi2, self._positions, self._kinds, self._box, self._pairs,
            self._least, grid.width, self.counts, grid.norm, grid.goal, grid.weight,
            self._table.energies, self._table.reach, self._images, self._step, self._beta,
        )  # fmt: skip
        return int(tried), int(taken)

    def _moves_by(self, calculator: Calculator, draws: Array, wanted: int) -> tuple[int, int]:
        """As :func:`run_moves`, with the energy of the whole box by a calculator."""
        grid, delta, taken = self.grid, np.zeros_like(self.counts), 0
        atoms = self.atoms
        atoms.calc = calculator
        energy = float(atoms.get_potential_energy())
        for n, (which, *shift, luck) in enumerate(draws):
            if taken == wanted:
                return n, taken
            atom = min(int(which * len(self._kinds)), len(self._kinds) - 1)
            new = (self._positions[atom] + self._step * (2 * np.array(shift) - 1)) % self._box
            allowed, _ = weigh(
                atom, new, self._positions, self._kinds, self._box, self._pairs, self._least,
                grid.width, delta, self._table.energies, self._table.reach, self._images,
            )  # fmt: skip
            if not allowed:
                continue
            chi2 = float(misfit(self.counts, delta, grid.norm, grid.goal, grid.weight))
            atoms.positions[atom] = new
            now = float(atoms.get_potential_energy())
            cost = (chi2 - self.chi2) / 2 + self._beta * (now - energy)
            if cost <= 0 or luck < np.exp(-cost):
                self._positions[atom] = new
                self.counts += delta
                self.chi2, energy = chi2, now
                taken += 1
            else:
                atoms.positions[atom] = self._positions[atom]
        return len(draws), taken
