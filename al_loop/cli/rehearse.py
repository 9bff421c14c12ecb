"""`al-loop rehearse`: the whole campaign with a teacher instead of DFT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.cli.run import run_spec
from al_loop.errors import EngineMissing, UserError
from al_loop.hashing import digest
from al_loop.loop.chunks import fit_cost
from al_loop.loop.context import Context
from al_loop.loop.cost import Cost, Price, Terms, cost_of, judge_budget, steps_of, terms_of
from al_loop.loop.method import labeller_of
from al_loop.loop.rehearsal import rehearsal_of, try_teacher
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
        ctx = Context(store, rehearsal.spec.name)
        own, price = _price(store, real, core_hours_per_label)
        out.print(_conditions(ctx, real))
        out.print("           (the starting labels count with the first iteration)")
        out.print(f"the rehearsal ended: {ctx.record.reason}")
        steps, terms = steps_of(ctx), terms_of(real, nodes=nodes)
    cost = cost_of(steps, price, terms)
    out.print(_costs(cost, price, terms))
    for line in _verdict(cost, terms):
        out.print(line)
    for line in judge_budget(real.budget, steps, cost, terms=terms, cores=own):
        out.print(f"budget     {line}")
    for line in _assumed(real):
        out.print(f"assumed    {line}")


def _price(store: Store, real: CampaignSpec, given: float | None) -> tuple[int, Price | None]:
    """Cores of a real label, and its price: as given, or by the labels that are there."""
    try:
        labeller = labeller_of(real)
    except (EngineMissing, UserError):
        return 1, None if given is None else Price.given(given, 1)
    if given is not None:
        return labeller.cores, Price.given(given, labeller.cores)
    known = store.labels.costs(digest(dict(labeller.fingerprint())))
    wall = fit_cost(known)
    source = f"by the atoms, from {len(known)} labels that are there"
    return labeller.cores, None if wall is None else Price(wall, labeller.cores, source)


def _conditions(ctx: Context, real: CampaignSpec) -> Table:
    """What each exploration stage needed."""
    table = Table("exploration stage", "iterations", "labels", box=None, pad_edge=False)
    begun = [one for one in ctx.store.iterations.all(ctx.name) if one.counts.explored]
    for i, stage in enumerate(real.explore.stages):
        those = [one for one in begun if ctx.conditions_of(one) == i]
        count = str(sum(one.counts.labelled for one in those))
        table.add_row(stage.name or f"stage {i + 1}", str(len(those)), count)
    return table


def _costs(cost: Cost, price: Price | None, terms: Terms) -> Table:
    """Core-hours by stage, and what is known of each."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("core-hours")
    table.add_column("here", justify="right")
    table.add_column("real", justify="right")
    table.add_column("how it is known", overflow="fold")
    for stage, hours in cost.here.items():
        how = _labels(cost, price, terms) if stage == "labels" else _measured(stage, terms)
        table.add_row(stage, f"{hours:.3g}", _hours(cost.real[stage]), how)
    table.add_section()
    table.add_row("all", f"{sum(cost.here.values()):.3g}", _hours(cost.core_hours), "")
    return table


def _hours(known: float | None) -> str:
    return "not known" if known is None else f"{known:.4g}"


def _labels(cost: Cost, price: Price | None, terms: Terms) -> str:
    twice = f", {100 * (terms.times - 1):.3g} % of them twice" if terms.times > 1 else ""
    if price is None:
        return f"{cost.labels} labels{twice}: say --core-hours-per-label; the same command tells it"
    each = (cost.real["labels"] or 0.0) / (terms.times * cost.labels) if cost.labels else 0.0
    return f"{cost.labels} labels{twice}, {each:.3g} each ({price.source})"


def _measured(stage: str, terms: Terms) -> str:
    if stage in ("explore", "validate") and terms.in_md > 1:
        return f"measured; times {terms.in_md:.2f} for D3 in MD, which is assumed"
    if stage == "quench":
        return "measured; nothing where the real campaign has this database: boxes are shared"
    return "measured"


def _verdict(cost: Cost, terms: Terms) -> Iterator[str]:
    """The sums."""
    if cost.core_hours is None or cost.clock is None:
        return
    days = ((cost.clock[-1] if cost.clock else 0.0) + cost.last_training) / 24
    yield f"real cost  {cost.core_hours:.4g} core-hours, {days:.3g} days (--nodes {terms.nodes})"


def _assumed(real: CampaignSpec) -> Iterator[str]:
    """What nobody has measured."""
    yield (
        "as many labels as the teacher was asked for: DFT is less smooth and has noise, so a lower "
        "bound; one that fails costs as much"
    )
    yield "machines as fast as this one and as many jobs at a time, no waiting in a queue"
    for stage in ("train", "explore"):
        asked = getattr(real.resources, stage)
        if asked.gpus:
            yield f"{stage} on CPU cores, as here: what it takes on GPUs is not known"
        elif asked.cores and asked.cores > 1:
            yield f"{stage} in as many core-hours on {asked.cores} cores as on those it had here"
