"""The report as one file that asks nobody for anything."""

from __future__ import annotations

import base64
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from al_loop.campaign.load import dump_campaign
from al_loop.errors import UserError
from al_loop.jobfolder import write_atomically
from al_loop.loop.figures import encoded
from al_loop.loop.review import review
from al_loop.loop.status import campaign_status
from al_loop.loop.trust import MOST_EVIDENCE
from al_loop.masking import hide_logins
from al_loop.report.figures import KINDS, draw
from al_loop.report.methods import methods_of
from al_loop.report.source import Source
from al_loop.report.tables import cost_rows, spread_of, strata_rows
from al_loop.report.words import hours, interval, moment, number, seconds, share
from al_loop.resources import resource_folder
from al_loop.store import IterationRecord

if TYPE_CHECKING:
    from al_loop.glass.compare import Reference, ReferenceCurve


def write_report(source: Source, path: Path) -> None:
    """Write the report of a campaign in one step; UserError when it cannot be written."""
    try:
        write_atomically(path, render(source))
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=path) from None


def render(source: Source) -> str:
    """The report as HTML, which loads nothing from anywhere. Passwords in addresses are hidden."""
    environment = Environment(
        loader=FileSystemLoader(resource_folder("templates") / "report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, share=share, interval=interval, moment=moment, hours=hours
    )
    environment.filters.update(seconds=seconds, allowed=_allowed)
    ctx = source.ctx
    frames = source.frames
    validated = [one for one in source.iterations if one.glass]
    explored = [one for one in source.iterations if one.counts.explored]
    page = environment.get_template("report.html.j2").render(
        spec=ctx.spec,
        asked=_as_yaml(dump_campaign(ctx.spec)),
        status=campaign_status(ctx.store, ctx.record),
        now=ctx.store.clock(),
        version=version("al-loop"),
        frames=[one for one in frames if one.state == "ok"],
        chosen=len(frames),
        spread=spread_of(frames),
        strata=strata_rows(frames),
        errors=source.errors,
        last=source.errors[-1] if source.errors else None,
        explored=explored,
        audits=explored[-1].audit if explored else (),
        stage_names=_stage_names(source, explored),
        cost=cost_rows(source),
        doubts=review(ctx),
        gates=validated[-1].glass if validated else (),
        gates_of=validated[-1].index if validated else None,
        glass=source.glass,
        calibration=source.calibration,
        evidence=len(source.evidence.error),
        most_evidence=MOST_EVIDENCE,
        methods=methods_of(source),
        amendments=source.amendments,
        put_off=ctx.record.pending is not None,
        figures={name: _figure(source, name) for name in KINDS},
    )
    return hide_logins(page)  # last words of jobs, reasons: whatever was in the database


def _allowed(reference: Reference | ReferenceCurve) -> str:
    from al_loop.glass.compare.report import allowed  # slow to import

    return allowed(reference)


def _figure(source: Source, name: str) -> Markup:
    """An image within the page, with its caption; empty where there is nothing to draw."""
    kind = KINDS[name]
    figure = draw(source, kind)
    if figure is None:
        return Markup("")
    data = base64.b64encode(encoded(figure, "svg")).decode()
    return Markup(
        '<figure id="{}"{}><img src="data:image/svg+xml;base64,{}" alt="{}">'
        "<figcaption><b>{}.</b> {}</figcaption></figure>"
    ).format(
        f"figure-{name}",
        Markup(' class="wide"') if kind.wide else "",
        data,
        kind.title,
        kind.title,
        kind.caption,
    )


def _stage_names(source: Source, explored: list[IterationRecord]) -> dict[int, str]:
    """Iteration -> exploration stage."""
    stages = source.ctx.spec.explore.stages
    found = {one.index: source.ctx.conditions_of(one) for one in explored}
    return {index: stages[at].name or f"stage {at + 1}" for index, at in found.items()}


def _as_yaml(data: dict[str, Any]) -> str:
    stream = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.width = 100
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(data, stream)
    text: str = stream.getvalue()
    return text
