"""DeePMD-kit's input, neighbours and data: what needs no TensorFlow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dpdata
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pydantic import ValidationError

from al_loop.errors import DatasetError, JobFolderError, PhysicsFault, UserError
from al_loop.frame import Labelled
from al_loop.train import TrainingTask, read_curve
from al_loop.train.deepmd import DeepmdOptions
from al_loop.train.deepmd.data import write_systems
from al_loop.train.deepmd.faults import check_last_error, last_force_error
from al_loop.train.deepmd.inputs import render_input
from al_loop.train.deepmd.neighbours import neighbour_statistics, roomy, suffices
from al_loop.train.deepmd.plan import plan_training
from tests.train.silica import ELEMENTS, cristobalite, data_set, labelled

CURVE = """\
# step       rmse_val    rmse_trn    rmse_e_val  rmse_e_trn    rmse_f_val  rmse_f_trn   lr
# If there is no available reference data, rmse_*_{val,trn} will print nan
    100      4.32e+01    4.09e+01      2.01e+00    1.95e+00      2.66e+00    2.51e+00    7.2e-04
    200      2.13e+01    2.18e+01      2.15e+00    2.08e+00      2.08e+00    2.13e+00    1.7e-04
"""


def rendered(options: DeepmdOptions | None = None, **changes: object) -> dict[str, dict]:
    given = {
        "elements": ELEMENTS,
        "seed": 1,
        "steps": 1000,
        "systems": ["systems/train/SiO2"],
        **changes,
    }
    return json.loads(render_input(options or DeepmdOptions(), **given))


class TestInput:
    def test_every_random_draw_depends_on_the_seed(self) -> None:
        def seeds(seed: int) -> tuple[int, ...]:
            data = rendered(seed=seed)
            model = data["model"]
            return (
                model["descriptor"]["seed"],
                model["fitting_net"]["seed"],
                data["training"]["seed"],
            )

        assert len({*seeds(1), *seeds(2)}) == 6
        assert seeds(1) == seeds(1)

    def test_warm_start_takes_up_the_cold_schedule_at_its_learning_rate(self) -> None:
        # DeePMD-kit: pref = limit + (start - limit) lr / start_lr; at lr / start_lr = 0.1
        data = rendered(DeepmdOptions(start_lr=1e-3, warm_lr=1e-4), warm=True)
        assert data["learning_rate"]["start_lr"] == 1e-4
        assert data["loss"]["start_pref_f"] == pytest.approx(1 + 999 * 0.1)
        assert data["loss"]["start_pref_e"] == pytest.approx(1 - 0.98 * 0.1)
        assert data["loss"]["limit_pref_f"] == 1

    def test_cold_start_has_the_options_own_weights(self) -> None:
        assert rendered()["loss"]["start_pref_f"] == pytest.approx(1000)

    def test_no_virial_term_where_no_frame_has_a_virial(self) -> None:
        loss = rendered(virial=False)["loss"]
        assert loss["start_pref_v"] == loss["limit_pref_v"] == 0
        assert rendered()["loss"]["limit_pref_v"] > 0

    def test_without_data_sel_is_left_to_deepmd(self) -> None:
        assert rendered()["model"]["descriptor"]["sel"].startswith("auto")

    def test_own_sel_wins(self) -> None:
        data = rendered(DeepmdOptions(sel=(20, 40)), sel=(12, 24))
        assert data["model"]["descriptor"]["sel"] == [20, 40]

    def test_sel_for_another_number_of_elements_is_refused(self) -> None:
        with pytest.raises(UserError, match="3 numbers for 2 elements"):
            rendered(DeepmdOptions(sel=(20, 40, 60)))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"rcut_smth": 7.0},
            {"start_lr": 1e-9},
            {"warm_lr": 1e-9},
            {"axis_neuron": 101},
            {"steps": 0},
            {"batch": "many"},
            {"prefactors": {"force": (-1.0, 1.0)}},
            {"cutoff": 6.0},
        ],
    )
    def test_wrong_options_are_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            DeepmdOptions.model_validate(wrong)


class TestNeighbours:
    def test_shells_of_rock_salt(self) -> None:
        # 6 at a/2, 12 at a/sqrt(2), 8 at a sqrt(3)/2: counted by hand, images of a small cell too
        salt = bulk("NaCl", "rocksalt", a=5.64)
        seen = neighbour_statistics([salt], elements=("Na", "Cl"), rcut=4.5)
        assert seen.most == (12, 12)
        assert seen.shortest == pytest.approx(2.82)
        seen = neighbour_statistics([salt], elements=("Na", "Cl"), rcut=5.0)
        assert seen.most == (14, 14)

    def test_an_element_that_does_not_occur(self) -> None:
        seen = neighbour_statistics([cristobalite()], elements=("Si", "O", "Na"), rcut=4.0)
        assert seen.most[2] == 0
        assert roomy(seen.most)[2] == 4

    def test_sel_has_head_room_in_fours(self) -> None:
        assert roomy((20, 41)) == (24, 52)

    def test_sel_that_suffices(self) -> None:
        assert suffices((24, 52), (24, 50))
        assert not suffices((24, 52), (25, 50))

    def test_two_atoms_at_one_place_are_refused(self) -> None:
        atoms = Atoms("OO", [(0, 0, 0), (0, 0, 0)], cell=[9, 9, 9], pbc=True)
        with pytest.raises(DatasetError, match="same place"):
            neighbour_statistics([atoms], elements=("O",), rcut=4.0)


class TestPlan:
    options = DeepmdOptions(rcut=4.0, steps=1000)

    def task(self, **changes: object) -> TrainingTask:
        task = TrainingTask(ELEMENTS, 1, data_set(4, seed=1), data_set(2, seed=2), None, 1.0)
        return replace(task, **changes)

    def parent(self, folder: Path, text: str) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / "input.json").write_text(text)
        return folder

    def test_effort_multiplies_the_steps(self) -> None:
        assert plan_training(self.options, self.task(effort=0.25)).steps == 250

    def test_a_parents_sel_is_kept_while_it_suffices(self, tmp_path: Path) -> None:
        cold = plan_training(self.options, self.task())
        wide = cold.text.replace(
            json.dumps(json.loads(cold.text)["model"]["descriptor"]["sel"][0]), "60", 1
        )
        data = json.loads(wide)
        data["model"]["descriptor"]["sel"] = [60, 90]
        parent = self.parent(tmp_path / "parent", json.dumps(data))
        warm = plan_training(self.options, self.task(parent=parent, effort=0.3))
        assert json.loads(warm.text)["model"]["descriptor"]["sel"] == [60, 90]
        assert warm.parent == parent / "model.ckpt"
        assert warm.steps == 300

    def test_a_parent_whose_sel_is_too_small_is_not_continued(self, tmp_path: Path) -> None:
        data = json.loads(plan_training(self.options, self.task()).text)
        data["model"]["descriptor"]["sel"] = [4, 8]
        parent = self.parent(tmp_path / "parent", json.dumps(data))
        plan = plan_training(self.options, self.task(parent=parent, effort=0.3))
        assert plan.parent is None
        assert plan.steps == 1000
        assert "do not fit" in plan.why
        assert json.loads(plan.text)["learning_rate"]["start_lr"] == self.options.start_lr

    def test_a_parent_of_another_network_is_not_continued(self, tmp_path: Path) -> None:
        text = plan_training(DeepmdOptions(rcut=4.0, neuron=(10, 20)), self.task()).text
        parent = self.parent(tmp_path / "parent", text)
        plan = plan_training(self.options, self.task(parent=parent))
        assert plan.parent is None
        assert "another network" in plan.why

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"model": {"descriptor": {"sel": 3}}}'])
    def test_a_damaged_parent_is_named(self, tmp_path: Path, text: str) -> None:
        parent = self.parent(tmp_path / "parent", text)
        with pytest.raises(JobFolderError, match=r"input\.json"):
            plan_training(self.options, self.task(parent=parent))


class TestSystems:
    def test_dpdata_reads_back_what_was_labelled(self, tmp_path: Path) -> None:
        frames = data_set(6, seed=4)
        names = write_systems(frames, elements=ELEMENTS, folder=tmp_path / "systems")
        assert names == ["Si3O6", "Si4O8"]
        system = dpdata.LabeledSystem(str(tmp_path / "systems" / "Si4O8"), fmt="deepmd/npy")
        assert list(system["atom_types"]) == [0] * 4 + [1] * 8
        ours = [frame for frame in frames if len(frame.atoms) == 12]
        assert len(system) == len(ours)
        for k, frame in enumerate(ours):
            order = [*np.flatnonzero(frame.atoms.numbers == 14)]
            order += [*np.flatnonzero(frame.atoms.numbers == 8)]
            assert system["energies"][k] == frame.energy
            assert np.array_equal(system["forces"][k], frame.forces[order])
            assert np.array_equal(system["coords"][k], frame.atoms.positions[order])
            assert np.array_equal(system["cells"][k], frame.atoms.cell.array)
            assert np.array_equal(system["virials"][k], frame.virial)

    def test_frames_without_virial_are_kept_apart(self, tmp_path: Path) -> None:
        frames = [*data_set(2, seed=4), labelled(cristobalite(), virial=False)]
        names = write_systems(frames, elements=ELEMENTS, folder=tmp_path / "systems")
        assert names == ["Si3O6", "Si4O8", "Si4O8-no-virial"]
        assert not list((tmp_path / "systems" / "Si4O8-no-virial").rglob("virial.npy"))

    def test_nothing_of_an_older_attempt_remains(self, tmp_path: Path) -> None:
        write_systems(data_set(4, seed=4), elements=ELEMENTS, folder=tmp_path / "systems")
        only = [frame for frame in data_set(4, seed=4) if len(frame.atoms) == 12]
        write_systems(only, elements=ELEMENTS, folder=tmp_path / "systems")
        assert [path.name for path in (tmp_path / "systems").iterdir()] == ["Si4O8"]


class TestDivergence:
    frames = (Labelled(cristobalite(), 0.0, np.full((12, 3), 0.2), None),)

    def test_last_force_error_is_read_from_the_curve(self) -> None:
        assert last_force_error(CURVE) == 2.13
        assert last_force_error("") is None

    def test_worse_than_no_model_is_diverged(self) -> None:
        with pytest.raises(PhysicsFault) as caught:
            check_last_error(CURVE, self.frames)  # 2.13 eV/Å where forces are 0.2 eV/Å
        assert caught.value.reason == "training-diverged"
        assert "start_lr" in caught.value.remedy

    def test_an_ordinary_error_is_none(self) -> None:
        check_last_error(CURVE.replace("2.13e+00    1.7e-04", "1.30e-01    1.7e-04"), self.frames)


def test_a_learning_curve_is_read_by_its_header() -> None:
    curve = read_curve(CURVE + "    300      2.0")  # a row that a kill cut off
    assert curve.step.tolist() == [100, 200]
    assert curve.columns["rmse_f_trn"].tolist() == [2.51, 2.13]
    assert curve.columns["lr"].tolist() == [7.2e-4, 1.7e-4]
    assert len(read_curve("").step) == 0
