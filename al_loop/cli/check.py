"""`al-loop check`: look at a campaign before it costs anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.cli.console import out
from al_loop.cli.launchpad import show
from al_loop.jobfolder import write_atomically
from al_loop.launch.site import Site
from al_loop.launch.site_check import check_queues, check_site
from al_loop.loop.check import Checked, check_campaign, lengths
from al_loop.loop.quenching import ENGINE, refined_of
from al_loop.units import density


def check(
    file: Annotated[Path, typer.Argument(help="Campaign file.")],
    inputs: Annotated[
        Path | None, typer.Option(help="Write the first input files into this folder.")
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="Folder of your site's files: check them, and the queue of each stage."),
    ] = None,
) -> None:
    """Check a campaign file, its engines and structures, and estimate its cost. Runs nothing."""
    spec = load_campaign(file)
    found = check_campaign(spec, base=file.parent)
    out.print(f"{file} is in order: campaign [bold]{spec.name}[/], {', '.join(spec.elements)}")
    _engines(spec, found)
    _structures(found)
    _costs(spec, found)
    if site is not None:
        folder = Site(site.absolute())
        show([*check_site(folder), *check_queues(spec, folder)])
    if inputs is None:
        out.print("inputs    --inputs FOLDER writes the first input files to look at")
        return
    for name, text in found.inputs.items():
        path = inputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    out.print(f"inputs    written to {inputs}: {', '.join(found.inputs)}")


def _engines(spec: CampaignSpec, found: Checked) -> None:
    names = {
        "quench": ENGINE,
        "train": spec.train.engine,
        "explore": spec.explore.engine,
        "label": spec.label.engine,
    }
    for stage, version in found.engines.items():
        out.print(f"{stage:9s} {names[stage]}: {version}")
    if spec.dispersion is not None:
        out.print(f"D3        {spec.dispersion} ({found.dispersion})")


def _structures(found: Checked) -> None:
    table = Table("structure", "formula", "atoms", "g/cm3", "pristine", "disturbed", box=None)
    for name, starts in found.structures.items():
        atoms = starts[0].atoms
        pristine = sum(start.pristine for start in starts)
        table.add_row(
            name,
            atoms.get_chemical_formula(mode="hill", empirical=True),
            str(len(atoms)),
            f"{density(atoms):.2f}",
            str(pristine),
            str(len(starts) - pristine),
        )
    out.print(table)


def _costs(spec: CampaignSpec, found: Checked) -> None:
    for name, one in found.quenches.items():
        out.print(
            f"quench    {name}: {one.jobs} melt-quenches under {one.potential}, {one.steps} steps "
            f"({one.picoseconds:g} ps) each; {one.frames} frames"
        )
    for name, wish in refined_of(spec).items():
        after = f", {wish.minimise.potential} after each" if wish.minimise else ""
        out.print(
            f"quench    {name}: {wish.samples} boxes by {wish.method}, {wish.cycles} cycles of "
            f"{wish.moves} moves{after}; {wish.samples * wish.frames} frames"
        )
    splits = ", ".join(f"{count} {split}" for split, count in found.starting_labels.items())
    out.print(f"start     {sum(found.starting_labels.values())} frames to label ({splits})")
    if found.quenched_labels:
        out.print(f"          and at most {found.quenched_labels} frames of the stage quench")
    walkers = ", ".join(str(n) for n in found.walkers)
    out.print(f"explore   walkers per iteration, stage by stage: {walkers}")
    for i, stage in enumerate(spec.explore.stages, start=1):
        for name, picoseconds in lengths(stage, spec.explore).items():
            out.print(f"          {stage.name or f'stage {i}'}: {name}, {picoseconds:g} ps")
    out.print(
        f"labels    at most {found.largest_campaign} in {spec.budget.iterations} iterations "
        f"of {spec.select.batch} candidates and {spec.select.audit} audit frames"
    )
    if found.validating is not None:
        fewest, most = found.validating.glasses
        out.print(
            f"validate  {fewest} to {most} glasses, {found.validating.steps} steps "
            f"({found.validating.picoseconds:g} ps) each; gates: "
            + (", ".join(f"{k} {v}" for k, v in spec.converge.glass.items()) or "none")
        )
        for system, structure in found.validating.too_large.items():
            out.print(
                f"          {system} is too large to be labelled (validate.explore_up_to): where "
                "it fails "
                + (
                    f"boxes of {structure} are quenched and labelled"
                    if structure
                    else "nothing of it is explored, since no structure has its composition and is "
                    "small enough; add one to `structures`"
                ),
                style=None if structure else "yellow",
                markup=False,
                soft_wrap=True,
            )
