"""`al-loop import dpgen DIR`: a DP-GEN run becomes a campaign that goes on where it stands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import ase.io
import typer
from ase import Atoms
from ruamel.yaml import YAML

from al_loop.campaign import load_campaign
from al_loop.cli.console import connect, out
from al_loop.errors import CampaignFileError, StructureError
from al_loop.exchange import read_data_set
from al_loop.exchange.dpgen import Takeover, read_dpgen
from al_loop.jobfolder import write_atomically
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.importing import ImportReport, import_labels
from al_loop.store import Store

DPGEN = "dpgen"
"""The word for it, and the name under which the run's labels are declared."""


def take_over(folder: Path, name: str, launchpad: Path | None) -> ImportReport:
    """Write ``NAME.yaml`` and its structures here, and import the run's labels.

    A file that is there stays, so that it can be filled in and the command given again.

    Raises
    ------
    typer.Exit
        Something has to be filled in first; it has been said.
    """
    found = read_dpgen(folder, name=name)
    file = Path(f"{name}.yaml")
    _write_structures(found, Path(f"{name}-structures"))
    out.print(f"dpgen      {found.stands}; {len(found.data)} labelled systems", markup=False)
    if file.exists():
        out.print(f"campaign   {file} is there already and stays as it is")
    else:
        write_atomically(file, _campaign_file(found, folder))
        out.print(f"campaign   {file} is written")
        for note in found.notes:
            out.print(f"look at    {note}", markup=False)
    try:
        spec = load_campaign(file)
    except CampaignFileError as error:
        out.print(str(error), markup=False)
        out.print(f"next:      fill it in, then al-loop import dpgen {folder} --campaign {name}")
        raise typer.Exit(1) from None
    with Store(connect(launchpad, start=True)) as store:
        register(store, spec, base=file.parent)
        ctx = Context(store, spec.name)
        frames = (one for data in found.data for one in read_data_set(data, "deepmd/npy"))
        return import_labels(ctx, frames, method=DPGEN)


def _campaign_file(found: Takeover, folder: Path) -> str:
    """The campaign as YAML, below what a person has to see to."""
    label = {**found.campaign["label"], "declared": [DPGEN]}
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.dump({**found.campaign, "label": label}, stream)
    head = [
        f"# Taken over from DP-GEN in {folder} ({found.stands}).",
        "# Its labels are imported as by the declared method `dpgen` (docs/import.md): whether new",
        "# ones agree with them is for you to see to.",
        "#",
        *(f"# - {note}" for note in found.notes),
    ]
    return "\n".join([*head, "", stream.getvalue()])


def _write_structures(found: Takeover, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for key, files in found.structures.items():
        path = folder / f"{key}.extxyz"
        if path.exists():
            continue
        frames: list[Atoms] = []
        for file in files:
            try:
                frames.append(cast(Atoms, ase.io.read(file, format="vasp")))
            except (OSError, ValueError, IndexError) as error:
                raise StructureError(f"not a POSCAR: {error}", where=file) from None
        text = io.StringIO()
        ase.io.write(text, frames, format="extxyz")
        write_atomically(path, text.getvalue())
