"""Tables of a campaign for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from al_loop.loop.forecast import Forecast, Range
from al_loop.loop.status import CampaignStatus, IterationStatus
from al_loop.store import STAGE_ORDER

STATE_STYLE = {
    "running": "cyan",
    "paused": "yellow",
    "converged": "green",
    "stopped": "yellow",
    "failed": "red",
}

GATE_STYLE = {"passed": "green", "undecided": "yellow", "failed": "red"}

LAST_WORDS = 3
"""Jobs that were given up whose last words are shown; the JSON document has them all."""


def campaign_view(campaign: CampaignStatus) -> RenderableType:
    """Headline, iterations and times."""
    parts: list[RenderableType] = [headline(campaign)]
    if campaign.iterations:
        parts += [Text(), iterations_table(campaign), Text(), times_table(campaign)]
    if glass := glass_table(campaign):
        parts += [Text(), glass]
    if campaign.engines:
        parts += [Text(), engines_table(campaign)]
    if campaign.forecast:
        parts += [Text(), forecast_view(campaign.forecast)]
    if campaign.failures:
        parts += [Text(), failures_view(campaign)]
    return Group(*parts)


def headline(campaign: CampaignStatus) -> Text:
    """One line: name, state, labels, and what it is doing or why it ended."""
    text = Text(campaign.name, style="bold")
    text.append(f"  {campaign.state}", style=STATE_STYLE[campaign.state])
    text.append(f"  {campaign.labels} labels")
    if campaign.imported:
        text.append(f" and {campaign.imported} imported")
    if campaign.state == "running" and campaign.iterations:
        now = campaign.iterations[-1]
        text.append(f"  iteration {now.index}, {now.stage}")
        if campaign.jobs and campaign.jobs.total:
            text.append(f" ({campaign.jobs.done} of {campaign.jobs.total} jobs)")
    elif campaign.reason:
        text.append(f"\n{campaign.reason}")
    if campaign.dispersion:
        text.append(f"\n{campaign.dispersion}")
    return text


def iterations_table(campaign: CampaignStatus) -> Table:
    """What each iteration explored, labelled and achieved."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in (
        "iteration",
        "explored",
        "accurate",
        "candidate",
        "failed",
        "labels",
        "energy\nmeV/atom",
        "force\neV/Å",
        "virial\nmeV/atom",
        "force, all\ntest frames",
        "force,\naudit",
        "decision",
    ):
        table.add_column(name, justify="left" if name == "decision" else "right")
    labels = 0
    for it in campaign.iterations:
        labels += it.counts.labelled
        table.add_row(*_iteration_row(it, labels))
    return table


def _iteration_row(it: IterationStatus, labels: int) -> tuple[str, ...]:
    counts, errors, final = it.counts, it.test_errors, it.final_test_errors
    explored = counts.explored
    failed = str(labels) + (f" (-{counts.failed_labels})" if counts.failed_labels else "")
    return (
        str(it.index),
        str(explored) if explored else "",
        f"{counts.accurate / explored:.0%}" if explored else "",
        f"{counts.candidate / explored:.0%}" if explored else "",
        f"{counts.failed / explored:.0%}" if explored else "",
        failed,
        _number(errors.energy_rmse if errors else None, 1),
        _number(errors.force_rmse if errors else None, 3),
        _number(errors.virial_rmse if errors else None, 1),
        _number(final.force_rmse if final else None, 3),
        _number(it.audit_error, 3),
        it.decision or it.stage,
    )


def glass_table(campaign: CampaignStatus) -> Table | None:
    """What became of each gate, by the latest glasses; None where none were made."""
    made = [it for it in campaign.iterations if it.glass]
    if not made:
        return None
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in (f"glass of iteration {made[-1].index}", "gate", "asked", "", "found"):
        table.add_column(name, overflow="fold")
    for one in made[-1].glass:
        table.add_row(
            one.system,
            one.observable,
            one.asked,
            Text(one.state, style=GATE_STYLE[one.state]),
            one.words,
        )
    return table


def engines_table(campaign: CampaignStatus) -> Table:
    """What each engine has labelled, and what it cost."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("labels by")
    for name in ("good", "failed", "quarantine", "corrected", "core-h", "core-s each"):
        table.add_column(name, justify="right")
    for one in campaign.engines:
        if one.noise:
            table.caption = (
                f"{one.noise.pairs} labels computed twice differ by "
                f"{one.noise.force_rms:.2g} eV/Å and {one.noise.energy_rms:.2g} meV/atom (RMS)"
            )
        tried = one.ok + one.failed + one.quarantined
        table.add_row(
            one.engine,
            *(str(n) for n in (one.ok, one.failed, one.quarantined, one.corrected)),
            f"{one.core_hours:.2f}" if one.core_hours < 100 else f"{one.core_hours:.0f}",
            f"{3600 * one.core_hours / tried:.1f}" if tried else "",
        )
    return table


def forecast_view(forecast: Forecast) -> Text:
    """What remains, in two lines."""
    parts = [f"{_range(forecast.iterations)} iterations", f"{_range(forecast.labels)} labels"]
    if forecast.core_hours:
        parts.append(f"{_range(forecast.core_hours)} core-hours of labels")
    if forecast.core_hours_in_all:
        parts.append(f"{_range(forecast.core_hours_in_all)} core-hours in all")
    if forecast.days:
        parts.append(f"{_range(forecast.days)} days")
    text = Text("remain    ", style="bold").append(", ".join(parts), style="not bold")
    if not forecast.known:
        return text.append(f"\n          unknown yet: {forecast.reason}", style="not bold")
    said = f"slowest: {forecast.reason}; "
    said += f"targets are met within the budget in {forecast.converges or 0.0:.0%} of the draws"
    if free := forecast.labels_to_converge:
        said += f", after {_range(free)} labels whatever the budget"
    return text.append(f"\n          {said}", style="not bold")


def _range(one: Range) -> str:
    """``120 (40 to 300)``; ``40 to 300`` where nothing is likelier."""
    low, high = f"{one.low:.4g}", "?" if one.high is None else f"{one.high:.4g}"
    if one.likely is None:
        return f"{low} to {high}"
    return f"{one.likely:.4g}" if low == high else f"{one.likely:.4g} ({low} to {high})"


def failures_view(campaign: CampaignStatus) -> RenderableType:
    """What failed, by kind: whose fault it is, and what to do."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("failed", "why", "fault of", "what to do"):
        table.add_column(name, overflow="fold")
    for one in campaign.failures:
        plural = f"{one.count} {one.of}{'s' if one.count > 1 else ''}"
        table.add_row(plural, f"{one.code}: {one.what}", one.whose, one.remedy)
    parts: list[RenderableType] = [table]
    for job in campaign.quarantined[-LAST_WORDS:]:
        last = [line for line in job.words.splitlines() if line.strip()] or ["no last words"]
        parts.append(Text(f"{job.job} was given up: {last[-1].strip()[:160]}", style="dim"))
    return Group(*parts)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def times_table(campaign: CampaignStatus) -> Table:
    """Wall time of each stage, and the share in which no engine computed."""
    used = [s for s in STAGE_ORDER if any(s in it.seconds for it in campaign.iterations)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("seconds", justify="right")
    for stage in used:
        table.add_column(stage, justify="right")
    table.add_column("all", justify="right")
    for it in campaign.iterations:
        cells = [f"{it.seconds[s]:.1f}" if s in it.seconds else "" for s in used]
        table.add_row(str(it.index), *cells, f"{sum(it.seconds.values()):.1f}")
    wall = {s: sum(it.seconds.get(s, 0.0) for it in campaign.iterations) for s in used}
    idle = {s: sum(it.idle_seconds.get(s, 0.0) for it in campaign.iterations) for s in used}
    total, lost = sum(wall.values()), sum(idle.values())
    table.add_section()
    table.add_row("all", *(f"{wall[s]:.1f}" for s in used), f"{total:.1f}")
    shares = [f"{idle[s] / wall[s]:.0%}" if wall[s] else "" for s in used]
    table.add_row("no engine", *shares, f"{lost / total:.1%}" if total else "")
    return table
