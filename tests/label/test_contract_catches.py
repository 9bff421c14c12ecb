"""The contract catches a deliberate fault in each promise of a labeller."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.units import Hartree
from pydantic import ConfigDict, Field

from al_loop.campaign import EngineOptions
from al_loop.errors import PhysicsFault
from al_loop.label import FingerprintValue, Label
from al_loop.label.pair import PairLabeller, PairOptions

from . import test_pair


class WrongSignOfForces(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        return Label(good.energy, -good.forces, good.virial)


class WrongSignOfVirial(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        assert good.virial is not None
        return Label(good.energy, good.forces, -good.virial)


class StressForVirial(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        assert good.virial is not None
        return Label(good.energy, good.forces, good.virial / atoms.get_volume())


class EnergyInHartree(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        return Label(good.energy / Hartree, good.forces, good.virial)


class AllInHartree(PairLabeller):
    """Consistent with itself, so that finite differences do not see it."""

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        assert good.virial is not None
        return Label(good.energy / Hartree, good.forces / Hartree, good.virial / Hartree)


class SinglePrecision(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        return Label(good.energy, good.forces.astype(np.float32), good.virial)


class FlatForces(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        return Label(good.energy, good.forces.ravel(), good.virial)


class SortedByElement(PairLabeller):
    """An engine that groups atoms by element and hands the forces back in its own order."""

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        return super().label(atoms[np.argsort(atoms.numbers, kind="stable")], scratch)


class ForgetsImages(PairLabeller):
    """An energy that depends on which image of an atom is given."""

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        place = float(np.abs(atoms.get_scaled_positions(wrap=False)).max())
        return Label(good.energy + 1e-3 * max(0.0, place - 1.1), good.forces, good.virial)


class Noisy(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        noise = np.random.default_rng().normal(0.0, 1e-12, good.forces.shape)
        return Label(good.energy, good.forces + noise, good.virial)


class Remembers(PairLabeller):
    """Starts from the frame before, as a wavefunction restart would."""

    before = 0.0

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        good = super().label(atoms, scratch)
        energy = good.energy + 1e-9 * self.before
        self.before = good.energy
        return Label(energy, good.forces, good.virial)


class WrapsTheFrame(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        atoms.wrap()
        return super().label(atoms, scratch)


class ForgetsPhysicsFault(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        try:
            return super().label(atoms, scratch)
        except PhysicsFault as fault:
            raise RuntimeError(str(fault)) from None


class AnswersNonsense(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        try:
            return super().label(atoms, scratch)
        except PhysicsFault:
            return Label(0.0, np.zeros((len(atoms), 3)), None)


class FaultWithoutRemedy(PairLabeller):
    def label(self, atoms: Atoms, scratch: Path) -> Label:
        try:
            return super().label(atoms, scratch)
        except PhysicsFault as fault:
            raise PhysicsFault(fault.reason, fault.what) from None


class FingerprintForgetsAlpha(PairLabeller):
    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        return {k: v for k, v in super().fingerprint().items() if k != "alpha"}


class FingerprintWithTime(PairLabeller):
    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        return {**super().fingerprint(), "made": time.perf_counter_ns()}


class FingerprintWithArray(PairLabeller):
    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        return {**super().fingerprint(), "alpha": np.float64(0.2)}


class QueueOptions(PairOptions):
    queue: str = Field("short", description="Where it runs.")


class FingerprintWithQueue(PairLabeller):
    Options = QueueOptions

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        return {**super().fingerprint(), "queue": getattr(self.options, "queue", "short")}


class LooseOptions(EngineOptions):
    model_config = ConfigDict(frozen=True, extra="ignore")
    alpha: float = Field(0.2, description="1/Å.")


class AcceptsUnknownOptions(PairLabeller):
    Options = LooseOptions


class MutableOptions(EngineOptions):
    model_config = ConfigDict(frozen=False, extra="forbid")
    alpha: float = Field(0.2, description="1/Å.")


class OptionsCanChange(PairLabeller):
    Options = MutableOptions


class BareOptions(EngineOptions):
    alpha: float = 0.2


class OptionsWithoutUnits(PairLabeller):
    Options = BareOptions


class SaysNothingOfItself(PairLabeller):
    def check(self) -> str:
        return ""


class NoCores(PairLabeller):
    @property
    def cores(self) -> int:
        return 0


class PreloadsAPath(PairLabeller):
    preload = ("/opt/engine/lib.py",)


CAUGHT: list[tuple[type[Any], str]] = [
    (WrongSignOfForces, "test_forces_are_the_slope_of_the_energy"),
    (WrongSignOfVirial, "test_virial_is_minus_the_slope_with_strain"),
    (StressForVirial, "test_virial_is_minus_the_slope_with_strain"),
    (EnergyInHartree, "test_forces_are_the_slope_of_the_energy"),
    (EnergyInHartree, "test_energy_is_that_of_another_source"),
    (AllInHartree, "test_energy_is_that_of_another_source"),
    (SinglePrecision, "test_label_has_the_shapes_and_is_float64"),
    (FlatForces, "test_label_has_the_shapes_and_is_float64"),
    (SortedByElement, "test_order_of_atoms_does_not_matter"),
    (SortedByElement, "test_forces_are_the_slope_of_the_energy"),
    (ForgetsImages, "test_translation_and_periodic_images_do_not_matter"),
    (Noisy, "test_label_depends_on_its_frame_alone"),
    (Remembers, "test_label_depends_on_its_frame_alone"),
    (Remembers, "test_stopped_and_continued_chunk_has_the_labels_of_an_undisturbed_one"),
    (
        FingerprintWithTime,
        "test_stopped_and_continued_chunk_has_the_labels_of_an_undisturbed_one",
    ),
    (WrapsTheFrame, "test_frame_is_left_as_it_was"),
    (ForgetsPhysicsFault, "test_faulty_frame_is_a_physics_fault"),
    (AnswersNonsense, "test_faulty_frame_is_a_physics_fault"),
    (FaultWithoutRemedy, "test_faulty_frame_is_a_physics_fault"),
    (FingerprintForgetsAlpha, "test_fingerprint_changes_exactly_when_the_numbers_do"),
    (FingerprintWithQueue, "test_fingerprint_changes_exactly_when_the_numbers_do"),
    (FingerprintWithTime, "test_fingerprint_is_plain_and_repeatable"),
    (FingerprintWithArray, "test_fingerprint_is_plain_and_repeatable"),
    (AcceptsUnknownOptions, "test_options_are_frozen_strict_and_described"),
    (OptionsCanChange, "test_options_are_frozen_strict_and_described"),
    (OptionsWithoutUnits, "test_options_are_frozen_strict_and_described"),
    (SaysNothingOfItself, "test_check_names_program_and_version"),
    (PreloadsAPath, "test_preload_names_modules"),
    (NoCores, "test_cores_is_a_number_of_cores"),
]


@pytest.mark.parametrize(("engine", "check"), CAUGHT)
def test_contract_catches(engine: type[Any], check: str, tmp_path: Path) -> None:
    contract = test_pair.TestPair()
    contract.engine = engine
    contract.same_numbers = (QueueOptions(queue="long"),)
    method = getattr(contract, check)
    arguments = (tmp_path,) if "tmp_path" in method.__annotations__ else ()
    with pytest.raises(AssertionError):
        method(*arguments)


def test_every_check_of_the_contract_catches_something() -> None:
    checks = {name for name in dir(test_pair.TestPair) if name.startswith("test_")}
    assert checks == {check for _, check in CAUGHT}
