"""The methods section: paragraphs, programs and references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from al_loop.campaign import CampaignSpec
from al_loop.campaign.stages import ExploreConditions
from al_loop.campaign.validate import Validation
from al_loop.label import FingerprintValue
from al_loop.loop.context import Context
from al_loop.report.methods.engines import describe, in_words
from al_loop.report.methods.programs import Program, programs_of
from al_loop.report.methods.references import Citations, Reference
from al_loop.report.source import Source
from al_loop.report.uncertainty import COVERAGE, RESAMPLES
from al_loop.report.words import share


@dataclass(frozen=True)
class Methods:
    """What a supporting information needs; ``fingerprint``: all that decides a label's numbers."""

    paragraphs: list[tuple[str, str]]
    programs: list[Program]
    references: list[Reference]
    fingerprint: dict[str, FingerprintValue]


def methods_of(source: Source) -> Methods:
    """The methods of a campaign, from its own settings."""
    ctx, cite = source.ctx, Citations()
    spec = ctx.spec
    changes = [one.what for one in source.amendments if one.who]
    paragraphs = [
        ("Active learning", _loop(spec, cite)),
        ("Starting structures", _structures(spec, cite)),
        ("Reference calculations", _labels(ctx, cite)),
        ("Potential", _potential(spec, cite)),
        ("Exploration", _exploration(spec, cite)),
        ("Selection", _selection(spec, cite)),
        ("Convergence and errors", _convergence(spec, cite)),
        *([("Glass", _glass(spec.validation))] if spec.validation else []),
        *([("Amendments", _amendments(changes))] if changes else []),
    ]
    return Methods(
        paragraphs=paragraphs,
        programs=programs_of(source),
        references=cite.listed,
        fingerprint=ctx.fingerprint,
    )


def _loop(spec: CampaignSpec, cite: Citations) -> str:
    return (
        f"The potential for {', '.join(spec.elements)} was trained by active learning with "
        f"al_loop, which runs on FireWorks{cite('fireworks')}: in each iteration a committee of "
        f"{spec.train.members} models was trained, explored configurations by molecular dynamics, "
        "and had frames labelled of which it was not sure "
        f"(the scheme of Refs.{cite('active-learning', 'dp-gen')}). All random choices follow from "
        f"the seed {spec.seed}."
    )


def _structures(spec: CampaignSpec, cite: Citations) -> str:
    told = []
    for name, source in spec.structures.items():
        given = source.model_dump(mode="json", exclude_defaults=True)
        told.append(f"{name} ({in_words(given)}){cite(*_potentials(given))}")
    return f"The first labels and the walkers started from: {'; '.join(told)}."


def _potentials(given: Mapping[str, Any]) -> Iterator[str]:
    """Published potentials that a structure is made by, however deep they stand."""
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from _potentials(value)
        elif key == "potential":
            yield str(value)


def _labels(ctx: Context, cite: Citations) -> str:
    spec = ctx.spec
    options = spec.label.options.model_dump(mode="json")
    text = (
        "Energies, forces and virials were computed by "
        f"{describe('label', spec.label.engine, options, cite)}."
    )
    if spec.label.declared:
        text += f" Labels by {', '.join(spec.label.declared)} were imported."
    if spec.dispersion is not None:
        cited = ("d3", "d3-bj") if spec.dispersion.damping == "bj" else ("d3",)
        text += f" Dispersion: {spec.dispersion}{cite(*cited, 's-dftd3')}."
    quality = spec.label.quality
    largest = "" if quality.max_force is None else f"a force above {quality.max_force:g} eV/Å, "
    return text + (
        f" Labels with {largest}a net force that betrays a noise above {quality.net_force:g} eV/Å "
        f"or an energy more than {quality.energy_window:g} eV/atom outside the usual range of its "
        "composition were not trained on unless a person had released them."
    )


def _potential(spec: CampaignSpec, cite: Citations) -> str:
    options = spec.train.options.model_dump(mode="json")
    last = spec.train.final_effort * (spec.train.warm_effort if spec.train.warm_start else 1.0)
    warm = (
        f"From the second iteration on each member started from its predecessor, with "
        f"{spec.train.warm_effort:g} times the steps"
        if spec.train.warm_start
        else "Each training started from scratch"
    )
    return (
        f"{describe('train', spec.train.engine, options, cite)}. The {spec.train.members} members "
        f"of the committee differ in their seeds. {warm}; the last training, on all labels, had "
        f"{last:g} times the steps. {share(spec.split.valid)} of the labelled "
        f"frames (by a hash of the frame) chose the leading member, and {share(spec.split.test)} "
        "were only ever tested on."
    )


def _exploration(spec: CampaignSpec, cite: Citations) -> str:
    explore = spec.explore
    options = explore.options.model_dump(mode="json")
    stages = [_stage(i, one, explore.timestep) for i, one in enumerate(explore.stages)]
    return (
        f"Molecular dynamics was run by {describe('explore', explore.engine, options, cite)}, with "
        f"a time step of {explore.timestep:g} fs; every {explore.sample_every} steps a sample was "
        f"looked at. Stages: {'; '.join(stages)}. A walker was stopped above "
        f"{explore.temperature_factor:g} times its temperature or {explore.deviation_factor:g} "
        "times the upper trust level."
    )


def _stage(index: int, one: ExploreConditions, timestep: float) -> str:
    name = one.name or f"stage {index + 1}"
    start = f"{name}: from {', '.join(one.structures)}"
    if one.schedule is not None:
        return f"{start}, {in_words(one.schedule.model_dump(mode='json', exclude_defaults=True))}"
    temperatures = ", ".join(f"{t:g}" for t in one.temperatures)
    ensembles = [name.upper() for name in one.ensembles]
    pressures = ", ".join(f"{p:g}" for p in one.pressures)
    at = f" at {pressures} GPa" if "npt" in one.ensembles else ""
    picoseconds = (one.steps or 0) * timestep / 1000
    return (
        f"{start}, {' and '.join(ensembles)} at {temperatures} K{at}, "
        f"{picoseconds:g} ps, {one.walkers} walker{'s' if one.walkers > 1 else ''} each"
    )


def _selection(spec: CampaignSpec, cite: Citations) -> str:
    select = spec.select
    trust = (
        f"A sample whose largest force deviation within the committee was below "
        f"{select.trust.lower:g} eV/Å was called accurate, one above {select.trust.upper:g} eV/Å "
        "failed, and those between were candidates"
    )
    if select.bearable_error is not None:
        trust += (
            "; once there were labels enough, these levels followed from the campaign's own labels "
            f"by split conformal prediction{cite('conformal')}, so that no more "
            f"than {share(select.missed)} of the accurate frames are expected to have a force "
            f"error above {select.bearable_error:g} eV/Å"
        )
    how = (
        f"those first whose atomic environments were least like any labelled one (farthest-point "
        f"sampling on descriptors{cite('farthest-point')}), where the potential has descriptors"
        if select.diversity
        else "at random, walker by walker"
    )
    limits = ""
    if select.min_distance:
        pairs = ", ".join(f"{pair} {d:g}" for pair, d in select.min_distance.items())
        limits += f" Candidates with pairs closer than {pairs} Å were refused."
    if select.density:
        low, high = select.density
        limits += f" Candidates of less than {low:g} or more than {high:g} g/cm³ were refused."
    return (
        f"{trust}. In each iteration up to {select.batch} candidates were labelled, {how}, and "
        f"{select.audit} audit frames drawn at random from the accurate ones.{limits}"
    )


def _convergence(spec: CampaignSpec, cite: Citations) -> str:
    target, budget = spec.converge, spec.budget
    limits = [f"{budget.iterations} iterations"]
    limits += [f"{budget.labels} labels"] if budget.labels else []
    limits += [f"{budget.hours:g} h"] if budget.hours else []
    flat = (
        ""
        if target.flat is None
        else f", and the test error fell by less than {share(target.flat)}"
    )
    gates = "; ".join(f"{name}: {asked}" for name, asked in target.glass.items())
    glass = f", and its glass passed these gates: {gates}" if gates else ""
    return (
        f"The campaign was to end when, in the last exploration stage and for {target.iterations} "
        f"iterations in a row, at most {share(target.candidate_fraction)} of the samples were "
        f"uncertain, the force error (RMSE per component) on audit frames was below "
        f"{target.audit_force_rmse:g} eV/Å, and {share(target.percentile)} of the forces of each "
        f"composition and stage were off by less than {target.force_target:g} eV/Å with a "
        f"confidence of {share(target.confidence)}{flat}{glass}"
        f"; or when a budget of {' or '.join(limits)} was spent. Errors are root mean squares: on "
        "test frames the mean over the members of the committee, on audit and candidate frames "
        "that of the leading member, which had predicted them when they were chosen. Intervals "
        f"are the middle {share(COVERAGE)} of {RESAMPLES:,} bootstrap samples of frames "
        f"(percentile method){cite('bootstrap')}, so that atoms of one frame do not count as "
        "independent."
    )


def _amendments(changes: list[str]) -> str:
    return (
        "Settings told here are those at the end of the campaign; in its course these were "
        f"amended: {'; '.join(changes)}."
    )


def _glass(asked: Validation) -> str:
    systems = "; ".join(
        f"{name} ({one.formula}, {one.atoms} atoms, {one.density:g} g/cm³ at first)"
        for name, one in asked.systems.items()
    )
    model = "leading member" if asked.model == "leader" else f"member {asked.model}"
    pressure = f" at {asked.pressure:g} GPa" if asked.ensemble == "npt" else ""
    more = f", up to {asked.most_samples} where fewer allowed no verdict"
    protocols = {one.protocol: "" for one in asked.systems.values() if one.protocol}
    for name, one in asked.systems.items():
        if one.protocol:
            protocols[one.protocol] += f"{', ' if protocols[one.protocol] else ''}{name}"
    by_protocol = "".join(
        f" The protocol {protocol} made {names}." for protocol, names in protocols.items()
    )
    who = "Each of the others" if protocols else "Each"
    way = (
        f" {who} was melted at {asked.melt.temperature:g} K and constant volume for "
        f"{asked.melt.ps:g} ps, cooled at {asked.quench.rate:g} K/ps to {asked.quench.to:g} K and "
        f"held for {asked.glass.ps:g} ps ({asked.ensemble.upper()}{pressure}), of which "
        f"{asked.glass.frames} frames were measured."
    )
    if all(one.protocol for one in asked.systems.values()):
        way = ""
    return (
        f"Glasses were made by the {model} of the committee from random boxes: {systems}; "
        f"{asked.samples} of each{more if asked.most_samples > asked.samples else ''}."
        f"{by_protocol}{way} Measured were: {', '.join(asked.measure)}."
    )
