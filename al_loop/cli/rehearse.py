"""`al-loop rehearse`: the whole campaign with a teacher instead of DFT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from al_loop.campaign import load_campaign
from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.cli.run import run_spec
from al_loop.errors import EngineMissing, UserError
from al_loop.hashing import digest
from al_loop.loop.context import Context
from al_loop.loop.method import labeller_of
from al_loop.loop.rehearsal import cost_of, rehearsal_of, try_teacher
from al_loop.store import Store


def rehearse(
    file: Annotated[Path, typer.Argument(help="Campaign file.")],
    teacher: Annotated[
        str, typer.Option(help="xtb, a frozen DeePMD-kit model, or module:Class of ASE.")
    ] = "xtb",
    core_hours_per_label: Annotated[
        float | None, typer.Option(min=0, help="Of the real labeller; default: its labels so far.")
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Real labels at a time.")] = 1,
    cores: Annotated[int | None, typer.Option(min=1, help="Jobs at a time here.")] = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Run a campaign with a teacher instead of DFT, and say what the real one would cost."""
    real = load_campaign(file)
    rehearsal = rehearsal_of(real, teacher)
    for change in rehearsal.changes:
        out.print(f"changed    {change}")
    try_teacher(rehearsal.spec, base=file.parent)
    run_spec(rehearsal.spec, file, cores=cores, launchpad=launchpad)
    with Store(connect(launchpad, start=True)) as store:
        price, source = core_hours_per_label, "as given"
        own = 1
        try:
            labeller = labeller_of(real)
            own = labeller.cores
            if price is None:
                seconds = store.labels.costs(digest(dict(labeller.fingerprint())))
                if seconds:
                    price = own * sum(s for _, s in seconds) / len(seconds) / 3600
                    source = f"of {len(seconds)} labels that are there"
        except (EngineMissing, UserError):
            source = source if price is not None else ""
        ctx = Context(store, rehearsal.spec.name)
        iterations = store.iterations.all(ctx.name)
        table = Table("exploration stage", "iterations", "labels", box=None, pad_edge=False)
        begun = [one for one in iterations if one.counts.explored]
        for i, stage in enumerate(real.explore.stages):
            those = [one for one in begun if ctx.conditions_of(one) == i]
            count = str(sum(one.counts.labelled for one in those))
            table.add_row(stage.name or f"stage {i + 1}", str(len(those)), count)
        out.print(table)
        out.print("           (the starting labels count with the first iteration)")
        labels = [one.counts.labelled for one in iterations]
        out.print(f"labels     {sum(labels)}; a real run would have ended: {ctx.record.reason}")
        if price is None:
            out.print("core-hours not known: say --core-hours-per-label; the same command tells it")
            return
        skip = ("label", "start")
        other = sum(s for one in iterations for k, s in one.seconds.items() if k not in skip)
        found = cost_of(labels, other, core_hours_per_label=price, cores_per_label=own, nodes=nodes)
    out.print(
        f"real cost  {found.core_hours:.4g} core-hours ({price:.3g} a label, {source}), "
        f"{found.days:.3g} days with {nodes} labels at a time; trainings and exploration took "
        f"{other / 3600:.3g} h here"
    )
