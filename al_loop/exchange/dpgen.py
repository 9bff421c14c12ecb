"""A DP-GEN run in al_loop's words: ``param.json``, ``record.dpgen`` and the data of its iterations.

The words are those of DP-GEN's documentation (``dpgen run param parameters``), version 0.14. Only
the keys that have a counterpart are read; every other key that is there is told of. Nothing of
DP-GEN is imported.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase.data import atomic_numbers
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from al_loop.errors import DatasetError

PARAM, RECORD = "param.json", "record.dpgen"
_STEPS = (
    "make_train",
    "run_train",
    "post_train",
    "make_model_devi",
    "run_model_devi",
    "post_model_devi",
    "make_fp",
    "run_fp",
    "post_fp",
)
_GPA_PER_BAR = 1.0e-4
_FS_PER_PS = 1000.0
_ENSEMBLES = {"nvt": "nvt", "npt": "npt", "npt-i": "npt", "npt-a": "npt", "npt-t": "npt"}


class _Words(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _Job(_Words):
    """One of ``model_devi_jobs``; temperatures in K, pressures in bar."""

    sys_idx: list[int] = Field(min_length=1)
    temps: list[float] = Field(min_length=1)
    press: list[float] = [1.0]
    trj_freq: int = 10
    nsteps: int
    ensemble: str = "nvt"


class _Param(_Words):
    """What is read of ``param.json``."""

    type_map: list[str] = Field(min_length=1)
    init_data_prefix: str = ""
    init_data_sys: list[str] = []
    sys_configs_prefix: str = ""
    sys_configs: list[list[str]] = []
    sys_format: str = "vasp/poscar"
    numb_models: int = 4
    default_training_param: dict[str, Any] = {}
    model_devi_dt: float = 0.002
    model_devi_f_trust_lo: float | list[float] | dict[str, float] = 0.05
    model_devi_f_trust_hi: float | list[float] | dict[str, float] = 0.15
    model_devi_jobs: list[_Job] = []
    fp_style: str = "vasp"
    fp_task_max: int = 20
    fp_incar: str | None = None


@dataclass(frozen=True)
class Takeover:
    """A DP-GEN run, as a campaign of al_loop.

    ``campaign`` is what its file says; ``structures`` maps names of structures to the files that
    make them; ``data`` are its labelled systems (deepmd/npy folders), the oldest first; ``stands``
    says where the run was; ``notes`` what a person has to see to.
    """

    campaign: dict[str, Any]
    structures: dict[str, list[Path]]
    data: list[Path]
    stands: str
    notes: list[str] = field(default_factory=list)


def read_dpgen(folder: Path, *, name: str) -> Takeover:
    """Read a folder in which ``dpgen run`` has worked.

    Raises
    ------
    DatasetError
        There is no param.json, or it cannot be one; the message names the key.
    """
    param = _read_param(folder / PARAM)
    iteration, step = read_record(folder / RECORD)
    notes: list[str] = []
    structures = dict(_structures(folder, param, notes))
    data = [*_initial_data(folder, param, notes), *_labelled_data(folder)]
    jobs = param.model_devi_jobs[iteration:] or param.model_devi_jobs[-1:]
    campaign: dict[str, Any] = {
        "name": name,
        "description": f"taken over from DP-GEN in {folder.name}",
        "elements": list(param.type_map),
        "structures": {
            key: {"file": f"{name}-structures/{key}.extxyz", "label": False} for key in structures
        },
        "train": {
            "engine": "deepmd",
            "members": param.numb_models,
            "options": _training(param.default_training_param, notes),
        },
        "explore": {
            "engine": "lammps",
            "timestep": param.model_devi_dt * _FS_PER_PS,
            "sample_every": jobs[0].trj_freq if jobs else 10,
            "stages": [_stage(job, notes) for job in jobs],
        },
        "select": {"trust": _trust(param, notes), "batch": param.fp_task_max},
        "label": _label(folder, param, notes),
    }
    _tell_of_the_rest(param, notes)
    stands = f"iteration {iteration}, {step} done" if step else "before its first step"
    return Takeover(campaign, structures, data, stands, notes)


def read_record(path: Path) -> tuple[int, str]:
    """Iteration that a DP-GEN run is in, and its last step; (0, "") when it has not begun.

    A run that has finished an iteration's last step is in the next one.
    """
    rows = [line.split() for line in path.read_text().splitlines()] if path.is_file() else []
    rows = [row for row in rows if len(row) == 2 and row[0].isdigit() and row[1].isdigit()]
    if not rows:
        return 0, ""
    iteration, step = int(rows[-1][0]), int(rows[-1][1])
    if step >= len(_STEPS):
        raise DatasetError(f"a step {step} that DP-GEN does not have", where=path)
    return iteration + (step == len(_STEPS) - 1), _STEPS[step]


def _read_param(path: Path) -> _Param:
    try:
        text = path.read_text()
    except OSError:
        raise DatasetError(
            "no param.json: this is not a folder in which `dpgen run` has worked",
            where=path,
            remedy="name the folder that holds param.json, record.dpgen and iter.000000",
        ) from None
    try:
        param = _Param.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise DatasetError(f"not JSON: {error}", where=path) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DatasetError(f"{key}: {first['msg']}", where=path) from None
    if unknown := [el for el in param.type_map if el not in atomic_numbers]:
        raise DatasetError(f"type_map: {', '.join(unknown)} are no elements", where=path)
    return param


def _structures(folder: Path, param: _Param, notes: list[str]) -> Iterator[tuple[str, list[Path]]]:
    used = {i for job in param.model_devi_jobs for i in job.sys_idx}
    if param.sys_format not in ("vasp/poscar", "vasp/contcar"):
        notes.append(f"sys_format {param.sys_format}: check that ASE has read the structures right")
    for i, patterns in enumerate(param.sys_configs):
        where = [str(folder / param.sys_configs_prefix / pattern) for pattern in patterns]
        # A prefix may be absolute, which Path.glob refuses.
        files = sorted(Path(file) for one in where for file in glob.glob(one))  # noqa: PTH207
        if files:
            yield f"sys-{i:03d}", files
        elif i in used:
            notes.append(f"sys_configs {i}: no file is there ({', '.join(patterns)})")


def _initial_data(folder: Path, param: _Param, notes: list[str]) -> Iterator[Path]:
    for name in param.init_data_sys:
        path = folder / param.init_data_prefix / name
        found = _systems(path)
        if not found:
            notes.append(f"init_data_sys {name}: no deepmd/npy system is there")
        yield from found


def _labelled_data(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("iter.*/02.fp/data.*")):
        yield from _systems(path)


def _systems(path: Path) -> list[Path]:
    return sorted(file.parent for file in path.rglob("type.raw")) if path.is_dir() else []


def _training(given: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """DeePMD-kit's input as options of the trainer."""
    model = given.get("model", {})
    descriptor, fitting = model.get("descriptor", {}), model.get("fitting_net", {})
    if descriptor.get("type", "se_e2_a") not in ("se_e2_a", "se_a"):
        notes.append(f"descriptor {descriptor['type']}: al_loop trains se_e2_a")
    rate, loss = given.get("learning_rate", {}), given.get("loss", {})
    training = given.get("training", {})
    options: dict[str, Any] = {
        **{key: descriptor[key] for key in ("rcut", "rcut_smth") if key in descriptor},
        **{key: descriptor[key] for key in ("neuron", "axis_neuron") if key in descriptor},
        **{key: rate[key] for key in ("start_lr", "stop_lr") if key in rate},
    }
    if isinstance(descriptor.get("sel"), list):
        options["sel"] = descriptor["sel"]
    if "neuron" in fitting:
        options["fitting_neuron"] = fitting["neuron"]
    if steps := training.get("numb_steps", training.get("stop_batch")):
        options["steps"] = steps
    prefactors = {
        word: [loss[f"start_pref_{letter}"], loss[f"limit_pref_{letter}"]]
        for word, letter in (("energy", "e"), ("force", "f"), ("virial", "v"))
        if {f"start_pref_{letter}", f"limit_pref_{letter}"} <= loss.keys()
    }
    return {**options, **({"prefactors": prefactors} if prefactors else {})}


def _stage(job: _Job, notes: list[str]) -> dict[str, Any]:
    if job.ensemble not in _ENSEMBLES:
        notes.append(f"ensemble {job.ensemble}: explored as nvt")
    elif job.ensemble in ("npt-a", "npt-t"):
        notes.append(f"ensemble {job.ensemble}: explored with an isotropic barostat")
    ensemble = _ENSEMBLES.get(job.ensemble, "nvt")
    stage = {
        "from": [f"sys-{i:03d}" for i in job.sys_idx],
        "ensembles": [ensemble],
        "temperatures": list(job.temps),
        "steps": job.nsteps,
    }
    if ensemble == "npt":
        stage["pressures"] = [p * _GPA_PER_BAR for p in job.press]
    return stage


def _trust(param: _Param, notes: list[str]) -> dict[str, float]:
    low, high = param.model_devi_f_trust_lo, param.model_devi_f_trust_hi
    if not (isinstance(low, float) and isinstance(high, float)):
        notes.append("trust levels differ between systems: the lowest and the highest are taken")
    return {"lower": min(_values(low)), "upper": max(_values(high))}


def _values(given: float | list[float] | dict[str, float]) -> Sequence[float]:
    if isinstance(given, dict):
        return list(given.values())
    return given if isinstance(given, list) else [given]


def _label(folder: Path, param: _Param, notes: list[str]) -> dict[str, Any]:
    if param.fp_style == "vasp":
        options: dict[str, Any] = {"potcars": {el: el for el in param.type_map}}
        if param.fp_incar:
            options["incar"] = str((folder / param.fp_incar).resolve())
        notes.append(
            "label.options.potcars: FILL IN the POTCAR of each element as your run had it "
            "(fp_pp_files), in PMG_VASP_PSP_DIR"
        )
        return {"engine": "vasp", "options": options}
    if param.fp_style == "cp2k":
        notes.append("label.options: FILL IN CP2K's settings as your run had them")
        return {"engine": "cp2k"}
    notes.append(
        f"fp_style {param.fp_style}: FILL IN label.engine (`ase` takes any ASE calculator)"
    )
    return {"engine": "FILL-IN"}


_READ_ELSEWHERE = frozenset({"fp_pp_path", "fp_pp_files", "mass_map", "sys_batch_size"})


def _tell_of_the_rest(param: _Param, notes: list[str]) -> None:
    rest = sorted(
        key
        for key in param.model_extra or {}
        if not key.startswith("_") and key not in _READ_ELSEWHERE
    )
    if rest:
        notes.append(f"not taken over: {', '.join(rest)}")
