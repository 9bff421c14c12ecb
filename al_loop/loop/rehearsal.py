"""A rehearsal: a campaign of its own with a teacher in the place of its labeller."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from al_loop.campaign import CampaignSpec, dump_campaign, engine_names
from al_loop.errors import AlLoopError, UserError
from al_loop.loop.method import labeller_of
from al_loop.loop.quenching import stand_ins
from al_loop.structures import build_structures

SUFFIX = "-rehearsal"
_BOUNDS = {"net_force": 0.05, "energy_window": 5.0}
"""Of label.quality: what is tighter than these defaults speaks of the real labeller's noise."""


@dataclass(frozen=True)
class Rehearsal:
    """The campaign that rehearses another, and what it does otherwise, a sentence each."""

    spec: CampaignSpec
    changes: tuple[str, ...]


def find_teacher(text: str) -> tuple[str, dict[str, Any]]:
    """Engine and options: a labeller's name, a frozen model's path, or ``module:Class`` of ASE."""
    if text in engine_names("label"):
        return text, {}
    if Path(text).is_file():
        return "teacher", {"model": str(Path(text).absolute())}
    if ":" in text:
        return "ase", {"calculator": text}
    raise UserError(
        f"there is no teacher {text!r}",
        where="--teacher",
        remedy="a labeller that needs no options (xtb, pair), the path of a frozen DeePMD-kit "
        "model, or an ASE calculator as module:Class",
    )


def rehearsal_of(spec: CampaignSpec, teacher: str) -> Rehearsal:
    """The same campaign with a teacher; what belongs to the real labeller is taken out."""
    engine, options = find_teacher(teacher)
    data, changes = dump_campaign(spec), []
    data["name"] = spec.name + SUFFIX
    data["folder"] = None if spec.folder is None else spec.folder.rstrip("/") + SUFFIX
    data["label"] |= {"engine": engine, "options": options}
    for key, empty in (("declared", []), ("references", {}), ("relabel", 0.0)):
        if data["label"][key]:
            changes.append(f"label.{key} is left out: it belongs to the real labeller")
            data["label"][key] = empty
    if data["label"]["frames_per_job"]:
        changes.append("label.frames_per_job is left out: a teacher's labels are short")
        data["label"]["frames_per_job"] = None
    for key, bound in _BOUNDS.items():
        if data["label"]["quality"][key] < bound:
            changes.append(f"label.quality.{key} is {bound:g}, the default")
            data["label"]["quality"][key] = bound
    if data["dispersion"]:
        changes.append("dispersion is left out: the teacher's labels are taken as they are")
        data["dispersion"] = None
    if spec.converge.glass:
        changes.append("converge.glass is left out: a teacher's glass is made, and not judged")
        data["converge"]["glass"] = {}
    if spec.budget.hours is not None:
        changes.append("budget.hours is left out: a rehearsal's hours are not the real ones")
        data["budget"]["hours"] = None
    data["resources"] = {"cores": None}
    try:
        rehearsed = CampaignSpec.model_validate(data)
    except ValueError as error:
        raise UserError(
            f"{teacher} cannot be the teacher: {error}",
            where="--teacher",
            remedy="xtb and pair need no options; the campaign's name may have 70 letters",
        ) from None
    if engine == spec.label.engine and _method(rehearsed) == _method(spec):
        raise UserError(
            f"{teacher} is the campaign's own labeller: there is nothing to rehearse",
            where="--teacher",
            remedy="`al-loop run` does it, or name another teacher",
        )
    return Rehearsal(rehearsed, tuple(changes))


def _method(spec: CampaignSpec) -> dict[str, Any]:
    return dict(labeller_of(spec).fingerprint())


def try_teacher(spec: CampaignSpec, *, base: Path) -> None:
    """Have the teacher label the smallest frames that hold all elements.

    In a process of its own: what a teacher imports does not stay here. UserError says what it
    cannot do.
    """
    structures = build_structures(spec, base=base, quenched=stand_ins(spec))
    starts = [one.atoms for group in structures.values() for one in group]
    frames: list[Atoms] = []
    for element in spec.elements:
        holding = sorted((one for one in starts if element in one.symbols), key=len)
        if holding and not any(element in one.symbols for one in frames):
            frames.append(holding[0])
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        why = pool.submit(_try, json.dumps(dump_campaign(spec)), frames).result()
    if why:
        raise UserError(
            f"the teacher {spec.label.engine} cannot label this campaign's frames: {why}",
            where="--teacher",
            remedy="name a teacher that knows these elements",
        )


def _try(campaign: str, frames: list[Atoms]) -> str:
    """Why one of the frames has no label; empty when all have."""
    labeller = labeller_of(CampaignSpec.model_validate_json(campaign))
    with tempfile.TemporaryDirectory() as scratch:
        for i, atoms in enumerate(frames):
            place = Path(scratch, str(i))
            place.mkdir()
            try:
                labeller.label(atoms, place)
            except AlLoopError as error:
                return error.what
    return ""
