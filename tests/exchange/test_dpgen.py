"""A DP-GEN run in al_loop's words. DP-GEN's own schema vouches for the param.json here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import ase.io
import dpdata
import numpy as np
import pytest
from ase.build import bulk

from al_loop.campaign.spec import CampaignSpec
from al_loop.errors import DatasetError
from al_loop.exchange.dpgen import read_dpgen, read_record

PARAM: dict[str, Any] = {
    "type_map": ["O", "Si"],
    "mass_map": [16, 28],
    "init_data_prefix": "init",
    "init_data_sys": ["quartz"],
    "sys_configs_prefix": "configs",
    "sys_configs": [["quartz/scale*/POSCAR"], ["melt/*/POSCAR"]],
    "numb_models": 4,
    "default_training_param": {
        "model": {
            "descriptor": {
                "type": "se_e2_a",
                "sel": [60, 30],
                "rcut": 6.5,
                "rcut_smth": 1.0,
                "neuron": [25, 50, 100],
                "axis_neuron": 12,
            },
            "fitting_net": {"neuron": [240, 240, 240]},
        },
        "learning_rate": {"type": "exp", "start_lr": 0.001, "stop_lr": 1e-7, "decay_steps": 500},
        "loss": {
            "start_pref_e": 0.02,
            "limit_pref_e": 2,
            "start_pref_f": 1000,
            "limit_pref_f": 1,
            "start_pref_v": 0.0,
            "limit_pref_v": 0.0,
        },
        "training": {"numb_steps": 200000},
    },
    "model_devi_dt": 0.002,
    "model_devi_skip": 0,
    "model_devi_f_trust_lo": 0.15,
    "model_devi_f_trust_hi": 0.35,
    "model_devi_jobs": [
        {"sys_idx": [0], "temps": [300], "press": [1.0], "trj_freq": 10, "nsteps": 500,
         "ensemble": "nvt"},
        {"sys_idx": [0, 1], "temps": [300, 3000], "press": [0.0, 50000.0], "trj_freq": 20,
         "nsteps": 3000, "ensemble": "npt"},
    ],
    "fp_style": "vasp",
    "shuffle_poscar": False,
    "fp_task_max": 50,
    "fp_task_min": 5,
    "fp_pp_path": ".",
    "fp_pp_files": ["POTCAR_O", "POTCAR_Si"],
    "fp_incar": "INCAR_fp",
}  # fmt: skip


def silica(scale: float = 1.0) -> Any:
    atoms = bulk("Si", "diamond", a=7.16 * scale, cubic=True)
    atoms.symbols[4:] = "O"
    return atoms


def system(folder: Path, frames: int, *, scale: float = 1.0) -> None:
    """A labelled system as DP-GEN leaves it."""
    atoms = [silica(scale + 0.01 * i) for i in range(frames)]
    data = {
        "atom_names": ["O", "Si"],
        "atom_numbs": [4, 4],
        "atom_types": np.array([1] * 4 + [0] * 4),
        "cells": np.array([a.cell.array for a in atoms]),
        "coords": np.array([a.positions for a in atoms]),
        "energies": np.arange(frames) - 60.0,
        "forces": np.zeros((frames, 8, 3)),
        "orig": np.zeros(3),
    }
    dpdata.LabeledSystem(data=data).to("deepmd/npy", str(folder))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder in which DP-GEN has worked: one iteration over, in the next one's training."""
    folder = tmp_path / "run"
    for i in range(3):
        for kind in ("quartz/scale", "melt/"):
            path = folder / "configs" / f"{kind}{i}" / "POSCAR"
            path.parent.mkdir(parents=True)
            ase.io.write(path, silica(1 + 0.02 * i), format="vasp")
    system(folder / "init" / "quartz" / "deepmd", 5)
    system(folder / "iter.000000" / "02.fp" / "data.000", 3, scale=0.9)
    (folder / "param.json").write_text(json.dumps(PARAM))
    (folder / "record.dpgen").write_text("".join(f"0 {i}\n" for i in range(9)) + "1 0\n1 1\n")
    (folder / "INCAR_fp").write_text(
        "ENCUT = 500\nGGA = PE\nEDIFF = 1e-6\nISMEAR = 0\nSIGMA = 0.05\n"
    )
    return folder


def test_dpgens_own_schema_accepts_the_param_of_these_tests(tmp_path: Path) -> None:
    """In a process of its own: DP-GEN changes things when it is imported."""
    (tmp_path / "param.json").write_text(json.dumps(PARAM))
    code = (
        "import json; from dpgen.generator.arginfo import run_jdata_arginfo as arguments\n"
        "given = arguments().normalize_value(json.load(open('param.json')), trim_pattern='_*')\n"
        "arguments().check_value(given, strict=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_run_becomes_a_campaign_that_goes_on_where_it_stands(run: Path) -> None:
    found = read_dpgen(run, name="taken")
    assert found.stands == "iteration 1, run_train done"
    assert [path.name for path in found.data] == ["deepmd", "data.000"]
    assert {name: len(files) for name, files in found.structures.items()} == {
        "sys-000": 3,
        "sys-001": 3,
    }
    campaign = found.campaign
    assert campaign["elements"] == ["O", "Si"]
    assert campaign["train"]["members"] == 4
    options = campaign["train"]["options"]
    assert (options["rcut"], options["sel"], options["steps"]) == (6.5, [60, 30], 200000)
    assert options["prefactors"]["energy"] == [0.02, 2]
    assert campaign["explore"]["timestep"] == 2.0  # fs
    (stage,) = campaign["explore"]["stages"]  # the first one has been done
    assert stage["from"] == ["sys-000", "sys-001"]
    assert stage["pressures"] == [0.0, 5.0]  # GPa
    assert (stage["ensembles"], stage["steps"]) == (["npt"], 3000)
    assert campaign["explore"]["sample_every"] == 20
    assert campaign["select"] == {"trust": {"lower": 0.15, "upper": 0.35}, "batch": 50}
    assert campaign["label"]["engine"] == "vasp"
    assert Path(campaign["label"]["options"]["incar"]) == run / "INCAR_fp"
    assert any("FILL IN the POTCAR" in note for note in found.notes)
    assert any("fp_task_min" in note for note in found.notes)


def test_what_it_says_is_a_campaign_once_the_labeller_is_filled_in(run: Path) -> None:
    campaign = read_dpgen(run, name="taken").campaign
    for structure in campaign["structures"].values():
        structure.pop("label", None)
    spec = CampaignSpec.model_validate({**campaign, "label": {"engine": "xtb"}})
    assert spec.explore.timestep == 2.0
    assert spec.train.options.model_dump()["fitting_neuron"] == (240, 240, 240)


def test_every_iteration_that_is_left_is_explored(run: Path) -> None:
    (run / "record.dpgen").write_text("0 0\n0 1\n")
    assert len(read_dpgen(run, name="t").campaign["explore"]["stages"]) == 2
    (run / "record.dpgen").write_text("7 8\n")
    assert len(read_dpgen(run, name="t").campaign["explore"]["stages"]) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, "")),
        ("0 0\n", (0, "make_train")),
        ("0 8\n", (1, "post_fp")),
        ("0 8\n1 3\n1 ", (1, "make_model_devi")),
    ],
)
def test_the_record_says_where_a_run_stands(
    text: str, expected: tuple[int, str], tmp_path: Path
) -> None:
    path = tmp_path / "record.dpgen"
    path.write_text(text)
    assert read_record(path) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type_map": []}, "type_map"),
        ({"type_map": ["Xx"]}, "Xx are no elements"),
        ({"numb_models": "four"}, "numb_models"),
        ({"model_devi_jobs": [{"sys_idx": [0], "temps": [1]}]}, "model_devi_jobs.0.nsteps"),
    ],
)
def test_a_key_that_is_wrong_is_named(run: Path, change: dict[str, Any], words: str) -> None:
    (run / "param.json").write_text(json.dumps(PARAM | change))
    with pytest.raises(DatasetError, match=words):
        read_dpgen(run, name="t")


def test_a_folder_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no param\.json"):
        read_dpgen(tmp_path, name="t")


def test_what_is_missing_or_has_no_counterpart_is_told(run: Path) -> None:
    change = {
        "init_data_sys": ["gone"],
        "sys_configs": [["gone/POSCAR"], ["melt/*/POSCAR"]],
        "fp_style": "abacus",
        "model_devi_f_trust_lo": [0.1, 0.2],
    }
    (run / "param.json").write_text(json.dumps(PARAM | change))
    notes = "\n".join(read_dpgen(run, name="t").notes)
    for words in ("init_data_sys gone", "sys_configs 0", "fp_style abacus", "trust levels differ"):
        assert words in notes
