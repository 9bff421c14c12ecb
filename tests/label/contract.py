"""The contract of labellers. An engine's tests inherit it and so are held to all of it.

Numbers are checked against finite differences of the engine's own energy, and the energy
against one value that comes from elsewhere (a publication, another program).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from ase import Atoms
from pydantic import ValidationError

from al_loop import stopping
from al_loop.campaign import EngineOptions
from al_loop.errors import JobStopped, PhysicsFault
from al_loop.frame import frame_hash
from al_loop.hashing import canonical_json
from al_loop.jobfolder import Clock
from al_loop.label import (
    Label,
    Labeller,
    LabelOutcome,
    collect_labels,
    run_label_job,
    stage_label_job,
)
from al_loop.units import Array

from .structures import cristobalite


class LabellerContract:
    """Inherit, name the class ``Test...``, and fill in what follows."""

    engine: type[Labeller]
    options: EngineOptions
    same_numbers: tuple[EngineOptions, ...] = ()
    """Other options that change no number."""
    other_numbers: tuple[EngineOptions, ...] = ()
    """Other options that change the numbers."""
    reference_options: EngineOptions | None = None
    """With which the reference is computed; None: ``options``."""
    reference_tolerance = 1e-4
    """eV."""
    energy_tolerance = 1e-6
    """eV; between equivalent frames."""
    force_tolerance = 1e-4
    """eV/Å; from finite differences, and between equivalent frames."""
    virial_tolerance = 1e-3
    """eV; the same."""
    image_tolerances: tuple[float, float, float] | None = None
    """eV, eV/Å and eV; between periodic images, where a grid makes them differ by more."""
    step = 5e-4
    """Å; of the finite differences (and half of it as strain)."""
    noise = 0.0
    """eV and eV/Å; between two labels of one frame. 0: the same to the last bit."""

    def reference(self) -> tuple[Atoms, float]:
        """A frame and its energy (eV) from another source."""
        raise NotImplementedError

    def foreign_frames(self) -> Mapping[str, Atoms]:
        """Frames for which this method in particular has no answer."""
        return {}

    # -- helpers

    def labeller(self, options: EngineOptions | None = None) -> Labeller:
        return self.engine(self.options if options is None else options)

    def label(self, atoms: Atoms, scratch: Path, options: EngineOptions | None = None) -> Label:
        return self.labeller(options).label(atoms.copy(), scratch)

    def frame(self, seed: int = 7) -> Atoms:
        """Triclinic, so that no mistake hides behind zeros of the cell."""
        return cristobalite(cubic=False, seed=seed)

    def faulty_frames(self) -> dict[str, Atoms]:
        lost = self.frame()
        lost.positions[1, 1] = np.nan
        endless = self.frame()
        endless.cell[1, 2] = np.inf
        twins = self.frame()
        twins.positions[1] = twins.positions[0]
        flat = self.frame()
        flat.cell[2] = flat.cell[1]
        molecule = self.frame()
        molecule.pbc = (True, True, False)
        return {
            "position is NaN": lost,
            "cell is infinite": endless,
            "two atoms at one place": twins,
            "cell without volume": flat,
            "not periodic": molecule,
            **self.foreign_frames(),
        }

    # -- what an engine says about itself

    def test_options_are_frozen_strict_and_described(self) -> None:
        options = self.engine.Options
        assert issubclass(options, EngineOptions)
        for name, field in options.model_fields.items():
            assert field.description, f"option {name!r} has no description"
        assert options.model_config.get("frozen"), "options can be changed after validation"
        assert _refuses(options, {"no_such_option": 1}), "an unknown option is accepted"

    def test_check_names_program_and_version(self) -> None:
        assert re.search(r"\w+ .*\d", self.labeller().check())

    def test_preload_names_modules(self) -> None:
        assert isinstance(self.engine.preload, tuple)
        assert all(re.fullmatch(r"[\w.]+", name) for name in self.engine.preload)

    def test_cores_is_a_number_of_cores(self) -> None:
        assert isinstance(self.labeller().cores, int)
        assert self.labeller().cores >= 1

    def test_fingerprint_is_plain_and_repeatable(self) -> None:
        fingerprint = dict(self.labeller().fingerprint())
        assert fingerprint
        assert all(type(x) in (str, int, float, bool) for x in fingerprint.values())
        assert canonical_json(fingerprint) == canonical_json(dict(self.labeller().fingerprint()))

    def test_fingerprint_changes_exactly_when_the_numbers_do(self, tmp_path: Path) -> None:
        ours = dict(self.labeller().fingerprint())
        energy = self.label(self.frame(), tmp_path).energy
        for options in self.same_numbers:
            assert dict(self.labeller(options).fingerprint()) == ours, options
            assert abs(self.label(self.frame(), tmp_path, options).energy - energy) <= self.noise
        for options in self.other_numbers:
            assert dict(self.labeller(options).fingerprint()) != ours, options
            assert abs(self.label(self.frame(), tmp_path, options).energy - energy) > self.noise

    # -- shapes and units

    def test_label_has_the_shapes_and_is_float64(self, tmp_path: Path) -> None:
        label = self.label(self.frame(), tmp_path)
        assert isinstance(label.energy, float)
        assert label.forces.shape == (len(self.frame()), 3)
        assert label.forces.dtype == np.float64
        assert np.isfinite(label.forces).all()
        if label.virial is not None:
            assert label.virial.shape == (3, 3)
            assert label.virial.dtype == np.float64
            assert np.abs(label.virial - label.virial.T).max() <= self.virial_tolerance

    def test_energy_is_that_of_another_source(self, tmp_path: Path) -> None:
        atoms, energy = self.reference()
        assert self.label(atoms, tmp_path, self.reference_options).energy == pytest.approx(
            energy, rel=0, abs=self.reference_tolerance
        )

    # -- physics

    def test_forces_are_the_slope_of_the_energy(self, tmp_path: Path) -> None:
        atoms = self.frame()
        forces = self.label(atoms, tmp_path).forces
        random = np.random.default_rng(11)
        directions = [_unit(random.normal(size=forces.shape)) for _ in range(2)]
        for atom, axis in ((0, 0), (3, 1), (len(atoms) - 1, 2)):
            directions.append(np.zeros_like(forces))
            directions[-1][atom, axis] = 1.0
        for direction in directions:
            slope = self._slope_along(atoms, direction, tmp_path)
            assert float(np.sum(forces * direction)) == pytest.approx(
                -slope, rel=0, abs=self.force_tolerance
            )

    def _slope_along(self, atoms: Atoms, direction: Array, scratch: Path) -> float:
        energies = []
        for sign in (1.0, -1.0):
            moved = atoms.copy()
            moved.positions += sign * self.step * direction
            energies.append(self.label(moved, scratch).energy)
        return (energies[0] - energies[1]) / (2.0 * self.step)

    def test_virial_is_minus_the_slope_with_strain(self, tmp_path: Path) -> None:
        atoms = self.frame()
        virial = self.label(atoms, tmp_path).virial
        if virial is None:
            return
        for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            strain = np.zeros((3, 3))
            strain[a, b] = strain[b, a] = 1.0
            slope = self._slope_with_strain(atoms, strain, tmp_path)
            assert float(np.sum(virial * strain)) == pytest.approx(
                -slope, rel=0, abs=self.virial_tolerance
            )

    def _slope_with_strain(self, atoms: Atoms, strain: Array, scratch: Path) -> float:
        step = self.step / 2.0
        energies = []
        for sign in (1.0, -1.0):
            strained = atoms.copy()
            deformation = np.eye(3) + sign * step * strain
            strained.set_cell(strained.cell.array @ deformation, scale_atoms=True)
            energies.append(self.label(strained, scratch).energy)
        return (energies[0] - energies[1]) / (2.0 * step)

    def test_order_of_atoms_does_not_matter(self, tmp_path: Path) -> None:
        order = np.random.default_rng(3).permutation(len(self.frame()))
        self._equal(
            self.label(self.frame()[order], tmp_path),
            self.label(self.frame(), tmp_path),
            order=order,
        )

    def test_translation_and_periodic_images_do_not_matter(self, tmp_path: Path) -> None:
        atoms = self.frame()
        random = np.random.default_rng(5)
        atoms.positions += random.normal(size=3)
        atoms.positions += random.integers(-2, 3, atoms.positions.shape) @ atoms.cell.array
        self._equal(
            self.label(atoms, tmp_path),
            self.label(self.frame(), tmp_path),
            order=np.arange(len(atoms)),
            within=self.image_tolerances,
        )

    def _equal(
        self,
        label: Label,
        expected: Label,
        *,
        order: np.ndarray,
        within: tuple[float, float, float] | None = None,
    ) -> None:
        energy, force, virial = within or (
            self.energy_tolerance,
            self.force_tolerance,
            self.virial_tolerance,
        )
        assert abs(label.energy - expected.energy) <= energy
        assert np.abs(label.forces - expected.forces[order]).max() <= force
        assert (label.virial is None) == (expected.virial is None)
        if label.virial is not None and expected.virial is not None:
            assert np.abs(label.virial - expected.virial).max() <= virial

    def test_label_depends_on_its_frame_alone(self, tmp_path: Path) -> None:
        """Neither on the frame before it, nor on the run."""
        labeller = self.labeller()
        first = labeller.label(self.frame(), tmp_path)
        labeller.label(self.frame(8), tmp_path)
        for again in (labeller.label(self.frame(), tmp_path), self.label(self.frame(), tmp_path)):
            assert abs(again.energy - first.energy) <= self.noise
            assert np.abs(again.forces - first.forces).max() <= self.noise
            if again.virial is not None and first.virial is not None:
                assert np.abs(again.virial - first.virial).max() <= self.noise

    def test_stopped_and_continued_chunk_has_the_labels_of_an_undisturbed_one(
        self, tmp_path: Path
    ) -> None:
        """Stopped after each label, and continued by a process that knows nothing of the frame."""
        cells = [self.frame(seed) for seed in (7, 8, 9)]
        frames = {frame_hash(atoms): atoms for atoms in cells}
        whole, stops = self._chunk(tmp_path / "whole", frames, stop=False)
        parts, again = self._chunk(tmp_path / "parts", frames, stop=True)
        assert (stops, again) == (0, len(frames) - 1)
        for one, two in zip(parts, whole, strict=True):
            assert (one.frame, one.state, two.state) == (two.frame, "ok", "ok")
            assert one.label is not None
            assert two.label is not None
            assert abs(one.label.energy - two.label.energy) <= self.noise
            assert np.abs(one.label.forces - two.label.forces).max() <= self.noise
            if one.label.virial is not None and two.label.virial is not None:
                assert np.abs(one.label.virial - two.label.virial).max() <= self.noise

    def _chunk(
        self, path: Path, frames: Mapping[str, Atoms], *, stop: bool
    ) -> tuple[list[LabelOutcome], int]:
        """Outcomes of a label job, and how often it was stopped."""
        folder = stage_label_job(path, engine="any", options=self.options, frames=frames)

        def make(*_: object) -> Labeller:
            labeller = self.labeller()
            label = labeller.label

            def label_and_stop(atoms: Atoms, scratch: Path) -> Label:
                found = label(atoms, scratch)
                stopping.request()
                return found

            return mock.Mock(wraps=labeller, label=label_and_stop, cores=1) if stop else labeller

        stops = 0
        with mock.patch("al_loop.label.job.make_engine", make):
            while folder.result() is None and stops < len(frames):
                try:
                    with folder.lock(), stopping.listening(path):
                        run_label_job(folder, Clock())
                except JobStopped:
                    stops += 1
        assert folder.result() is not None, "what was labelled before a stop is not found again"
        return collect_labels(folder), stops

    def test_frame_is_left_as_it_was(self, tmp_path: Path) -> None:
        atoms = self.frame()
        atoms.positions += atoms.cell.array.sum(axis=0)  # outside the cell
        kept = atoms.copy()
        self.labeller().label(atoms, tmp_path)
        assert atoms == kept

    # -- faults

    def test_faulty_frame_is_a_physics_fault(self, tmp_path: Path) -> None:
        for name, atoms in self.faulty_frames().items():
            error = _error_of(self.labeller(), atoms, tmp_path)
            assert isinstance(error, PhysicsFault), f"{name}: {error!r}"
            assert re.fullmatch(r"[a-z][a-z0-9-]+", error.reason), name
            assert error.what, name
            assert error.remedy, name


def _unit(direction: Array) -> Array:
    return direction / np.linalg.norm(direction)


def _refuses(options: type[EngineOptions], values: dict[str, object]) -> bool:
    try:
        options.model_validate(values)
    except ValidationError:
        return True
    return False


def _error_of(labeller: Labeller, atoms: Atoms, scratch: Path) -> Exception | None:
    """Whatever a labeller raises: that it is the right thing is for the caller to assert."""
    try:
        labeller.label(atoms, scratch)
    except Exception as error:  # noqa: BLE001
        return error
    return None
