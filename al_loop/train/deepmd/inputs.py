"""DeePMD-kit's ``input.json`` from options; pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from al_loop.errors import UserError
from al_loop.hashing import derive_seed
from al_loop.train.deepmd.neighbours import HEADROOM
from al_loop.train.deepmd.options import DeepmdOptions


def render_input(
    options: DeepmdOptions,
    *,
    elements: Sequence[str],
    seed: int,
    steps: int,
    systems: Sequence[str],
    validation: Sequence[str] = (),
    sel: Sequence[int] | None = None,
    warm: bool = False,
    virial: bool = True,
) -> str:
    """Text of ``input.json``, which ``dp train`` runs as well.

    ``sel`` is None before there are data to count neighbours in. ``virial`` says whether any
    frame has one. A warm start has the learning rate and the loss weights that a cold start's
    schedule has when it comes down to ``warm_lr``.
    """
    data: dict[str, Any] = {"systems": list(systems), "batch_size": options.batch}
    training: dict[str, Any] = {
        "training_data": data,
        "numb_steps": steps,
        "seed": _seed(seed, "batches"),
        "disp_file": "lcurve.out",
        "disp_freq": options.display_every,
        "save_ckpt": "model.ckpt",
    }
    if validation:
        training["validation_data"] = {
            "systems": list(validation),
            "batch_size": options.batch,
            "numb_btch": 1,
        }
    start_lr = options.warm_lr if warm else options.start_lr
    content = {
        "model": model_section(options, elements=elements, sel=sel, seed=seed),
        "learning_rate": {
            "type": "exp",
            "start_lr": start_lr,
            "stop_lr": options.stop_lr,
            "decay_steps": max(1, min(5000, steps // 100)),
        },
        "loss": _loss(options, fraction=start_lr / options.start_lr, virial=virial),
        "optimizer": {"type": "Adam"},
        "training": training,
    }
    return json.dumps(content, indent=2) + "\n"


def model_section(
    options: DeepmdOptions, *, elements: Sequence[str], sel: Sequence[int] | None, seed: int
) -> dict[str, Any]:
    """The part that says what the network is."""
    if options.sel != "auto" and len(options.sel) != len(elements):
        raise UserError(
            f"{len(options.sel)} numbers for {len(elements)} elements",
            where="train.options.sel",
            remedy="give one per element, in the order of elements, or auto",
        )
    wanted = sel if options.sel == "auto" else options.sel
    return {
        "type_map": list(elements),
        "descriptor": {
            "type": "se_e2_a",
            "rcut": options.rcut,
            "rcut_smth": options.rcut_smth,
            "sel": list(wanted) if wanted is not None else f"auto:{HEADROOM}",
            "neuron": list(options.neuron),
            "axis_neuron": options.axis_neuron,
            "type_one_side": options.type_one_side,
            "precision": options.precision,
            "seed": _seed(seed, "descriptor"),
        },
        "fitting_net": {
            "neuron": list(options.fitting_neuron),
            "resnet_dt": True,
            "precision": options.precision,
            "seed": _seed(seed, "fitting"),
        },
    }


def parent_sel(text: str) -> tuple[int, ...]:
    """``sel`` of an ``input.json``; ValueError or KeyError when it has none."""
    return tuple(int(n) for n in json.loads(text)["model"]["descriptor"]["sel"])


def same_network(text: str, model: Mapping[str, Any]) -> bool:
    """Whether the network of an ``input.json`` is this one, whatever its seeds."""
    return bool(_without_seeds(json.loads(text)["model"]) == _without_seeds(model))


def _without_seeds(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_seeds(v) for k, v in value.items() if k != "seed"}
    return value


def _loss(options: DeepmdOptions, *, fraction: float, virial: bool) -> dict[str, float | str]:
    """Loss weights; ``fraction`` of the cold start's learning rate is left at the start."""
    loss: dict[str, float | str] = {"type": "ener"}
    p = options.prefactors
    for letter, (start, limit) in (("e", p.energy), ("f", p.force), ("v", p.virial)):
        used = virial or letter != "v"
        begin = limit + (start - limit) * fraction  # DeePMD-kit's own schedule
        loss[f"start_pref_{letter}"] = begin if used else 0.0
        loss[f"limit_pref_{letter}"] = limit if used else 0.0
    return loss


def _seed(seed: int, what: str) -> int:
    return derive_seed(seed, "deepmd", what)
