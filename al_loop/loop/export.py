"""Take a data set out of the store."""

from __future__ import annotations

from pathlib import Path

from al_loop.errors import UserError
from al_loop.exchange import write_extxyz
from al_loop.frame import Labelled
from al_loop.hashing import canonical_json
from al_loop.jobfolder import write_atomically
from al_loop.loop.context import Context
from al_loop.loop.potential import ABOUT, as_json, make_folder, method_of
from al_loop.train.deepmd.data import system_name, write_systems

DATASET_FORMATS = ("deepmd/npy", "extxyz")
LABELS = "labels.json"


def export_dataset(ctx: Context, folder: Path, *, fmt: str) -> dict[str, int]:
    """Write all good labels, split as the campaign splits them; frames per split.

    ``deepmd/npy``: ``train/``, ``valid/`` and ``test/``, a system per composition and number
    of atoms, those with and without virial apart. ``extxyz``: ``train.xyz``, ``valid.xyz``,
    ``test.xyz`` with energy, forces, virial and stress. Every number is written to the last bit.
    ``about.json`` has the labels' method, and the dispersion that it is with or without;
    ``labels.json`` the hash of each frame, in the order in which they stand in each file.
    """
    chosen = ctx.labelled_frames(ctx.store.selections.hashes(ctx.name))
    if not chosen:
        raise UserError(f"campaign {ctx.name!r} has no labels yet")
    make_folder(folder)
    write_atomically(folder / ABOUT, as_json({"campaign": ctx.name, **method_of(ctx)}))
    counts: dict[str, int] = {}
    places: dict[str, list[str]] = {}
    for split in ("train", "valid", "test"):
        mine = [(key, frame) for key, frame in chosen if ctx.split(key) == split]
        counts[split] = len(mine)
        for key, frame in mine:
            places.setdefault(_place(split, frame, ctx.spec.elements, fmt=fmt), []).append(key)
        frames = [frame for _, frame in mine]
        if fmt == "extxyz":
            write_extxyz(folder / f"{split}.xyz", frames)
        else:
            write_systems(frames, elements=ctx.spec.elements, folder=folder / split)
    write_atomically(folder / LABELS, canonical_json(places).replace("],", "],\n") + "\n")
    return counts


def _place(split: str, frame: Labelled, elements: tuple[str, ...], *, fmt: str) -> str:
    """File or system, within the folder, in which a frame stands."""
    return f"{split}.xyz" if fmt == "extxyz" else f"{split}/{system_name(frame, elements)}"
