"""Tables of glasses for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from al_loop.glass import Estimate, Measurement
    from al_loop.glass.compare import GateResult, Ranking, Verdict
    from al_loop.glass.measuring import Observable
    from al_loop.glass.study import Study

STYLE = {
    "inside": "green", "passed": "green", "outside": "red", "failed": "red", "undecided": "yellow",
}  # fmt: skip

_AT_REST = {
    "as they are": "glasses as they are",
    "atoms": "atoms at rest",
    "cell": "atoms and cell at rest",
}


def values_table(found: Measurement) -> RenderableType:
    """All values that are not zero, what is missing, and atoms that overlap."""
    table = _table("observable", "value", "", "what it is")
    table.columns[1].justify = "right"
    zero = _rows(found, table)
    parts: list[RenderableType] = [_headline(found), table]
    if zero:
        parts.append(Text(f"zero: {', '.join(zero)}", style="dim"))
    parts.append(Text(f"curves: {', '.join(found.curves) or 'none'}", style="dim"))
    for name, why in found.missing.items():
        parts.append(Text(f"not measured: {name}: {why}", style="yellow"))
    parts += [_overlap(text) for text in found.overlaps]
    return Group(*parts)


def _overlap(text: str) -> Text:
    return Text(f"atoms overlap: {text}", style="red")


def _rows(found: Measurement, table: Table) -> list[str]:
    """Add a row for each value; the names of those that are zero, which get none."""
    from al_loop.glass.compare.report import said
    from al_loop.glass.measuring import observable

    zero = []
    for name, one in found.values.items():
        if one.value == 0.0 and name != "overlapping_pairs":
            zero.append(name)
            continue
        number, _, unit = said(one).partition(" ")
        table.add_row(name, number, unit, Text(observable(name)[1].what, style="dim"))
    return zero


def verdicts_view(
    found: Measurement, verdicts: Sequence[Verdict], gates: Sequence[GateResult], nearest: str
) -> RenderableType:
    """Each value and curve beside its references; then the gates.

    ``nearest``: the glass nearest to this one that there are references of, in words.
    """
    from al_loop.glass.compare import caution
    from al_loop.glass.compare.report import allowed, said

    table = _table("observable", "measured", "reference", "", "verdict")
    table.columns[0].no_wrap = table.columns[3].no_wrap = True
    sources: dict[str, int] = {}
    for one in verdicts:
        subject = one.reference.subject
        how = f"{subject.method}{', ' + subject.technique if subject.technique else ''}"
        number = sources.setdefault(f"{how}: {subject.source}", len(sources) + 1)
        table.add_row(
            one.name,
            said(one.measured) if one.measured is not None else "curve",
            allowed(one.reference),
            Text(f"[{number}]", style="dim"),
            Text(one.words, style=STYLE[one.state]),
        )
    parts: list[RenderableType] = [_headline(found)]
    if verdicts:
        states = [one.state for one in verdicts]
        tally = ", ".join(
            f"{states.count(state)} {state}" for state in ("inside", "outside", "undecided")
        )
        parts.append(table)
        parts += [Text(f"[{n}] {source}", style="dim") for source, n in sources.items()]
        parts.append(Text(tally, style="bold"))
        if words := caution(found, verdicts):
            parts.append(Text(words, style="yellow"))
    else:
        parts.append(
            Text(
                "there is no reference for this composition, phase, temperature and pressure "
                "(give yours with --reference)" + (f"; there is {nearest}" if nearest else ""),
                style="yellow",
            )
        )
    parts += [Text(f"gate: {one.words}", style=STYLE[one.state]) for one in gates]
    return Group(*parts)


def ranking_view(ranking: Ranking) -> RenderableType:
    """Groups, lowest first, how sure each step is, and what the files' own energies say."""
    table = _table("glasses of", "n", "eV/atom", "above the one before", "p (Welch)")
    for k, group in enumerate(ranking.groups):
        row: list[RenderableType] = [
            Text(group.name), str(len(group.glasses)), _digits(group.energy)
        ]  # fmt: skip
        if k:
            step = ranking.steps[k - 1]
            sure = "not told by single glasses" if step.p is None else f"{step.p:.2g}"
            row += [_digits(step.difference), Text(sure, style="green" if step.sure else "yellow")]
        table.add_row(*row)
    parts: list[RenderableType] = [
        Text(f"energies, {_AT_REST[ranking.rest]}; lowest first", style="bold"),
        table,
    ]
    if one := ranking.agreement:
        parts.append(
            Text(
                f"order of {one.n} glasses against that of the energies in their files: "
                f"Kendall's tau {one.tau:.3f}, p {one.p:.2g}"
            )
        )
    for group in ranking.groups:
        parts += [Text(f"left out: {why}", style="yellow") for why in group.failed]
    return Group(*parts)


def _digits(one: Estimate) -> str:
    """As in print; without an error to 0.01 meV."""
    return str(one).split(" ")[0] if one.error else f"{one.value:.5f}"


def study_view(study: Study) -> RenderableType:
    """Values of each variant, the states on its way, what is missing; then the trends."""
    from al_loop.glass.compare.report import said

    parts: list[RenderableType] = []
    for one in study.variants:
        parts.append(Text(one.name, style="bold"))
        parts.append(_headline(one.measurement))
        table = _table("observable", "value", "", "what it is")
        table.columns[1].justify = "right"
        zero = _rows(one.measurement, table)
        parts.append(table)
        if zero:
            parts.append(Text(f"zero: {', '.join(zero)}", style="dim"))
        states = _table("state", "K", "GPa", "g/cm3", "eV/atom")
        for state in one.states:
            names = ("temperature", "pressure", "density", "energy")
            numbers = [said(state.values[name]).split(" ")[0] for name in names]
            states.add_row(Text(state.name), *numbers)
        curves = ", ".join(one.measurement.curves) or "none"
        parts += [states, Text(f"curves: {curves}", style="dim")]
        for name, why in one.measurement.missing.items():
            parts.append(Text(f"not measured: {name}: {why}", style="yellow"))
        parts += [_overlap(text) for text in one.measurement.overlaps]
        parts += [Text(f"left out: {why}", style="yellow") for why in one.left_out]
        parts.append(Text(""))
    for trend in study.trends:
        unit = {"rate": "K/ps", "atoms": "atoms"}[trend.over]
        at = f"{min(trend.at):g} to {max(trend.at):g} {unit}"
        parts.append(Text(f"{trend.of}: {trend.name} {said(trend.slope)} a decade, {at}"))
    return Group(*parts)


def names_table(observables: Iterable[Observable]) -> Table:
    """Every name, with its unit."""
    table = _table("name", "unit", "over", "what it is")
    for one in observables:
        table.add_row(Text(one.form), one.unit or "-", one.x_unit, one.what)
    return table


def _headline(found: Measurement) -> Text:
    from al_loop.glass.oxides import title

    at = found.conditions
    kelvin = "T not given" if at.temperature is None else f"{at.temperature:.0f} K"
    text = Text(f"{title(at.fractions)} {at.phase}", style="bold")
    samples = f"{len(at.atoms)} sample{'s' if len(at.atoms) > 1 else ''}"
    atoms = ", ".join(map(str, sorted(set(at.atoms))))
    frames = f"{sum(at.frames)} frame{'s' if sum(at.frames) > 1 else ''}"
    return text.append(
        f"   {samples} of {atoms} atoms, {frames}, {kelvin}, {at.pressure:g} GPa",
        style="not bold",
    )


def _table(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for one in titles:
        table.add_column(one, overflow="fold")
    return table
