"""By which method a campaign's labels are.

The *bare* method is the labeller's, by which jobs compute; with ``dispersion: {where: labels}`` the
campaign's method is that with D3 added. Both kinds of label are stored.

With ``label: {declared: [NAME]}`` the campaign's method is the labeller's or a declared one: a
method that a person has named when importing labels. Those, too, are stored by their own method.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ase import Atoms

from al_loop.campaign import CampaignSpec, make_engine
from al_loop.d3 import D3
from al_loop.errors import PhysicsFault
from al_loop.label import FingerprintValue, Label, Labeller
from al_loop.label.dispersion import fingerprint_with_dispersion, with_dispersion
from al_loop.store import LabelRecord, Method

if TYPE_CHECKING:
    from al_loop.loop.context import Context

DECLARED = "declared"
"""What stands for the engine of labels whose method a person has declared."""


def labeller_of(spec: CampaignSpec) -> Labeller:
    """A campaign's labeller: it computes bare labels."""
    return cast(Labeller, make_engine("label", spec.label.engine, spec.label.options))


def added_to_labels(spec: CampaignSpec) -> D3 | None:
    """What is added to bare labels, if anything."""
    dispersion = spec.dispersion
    return dispersion.d3 if dispersion is not None and dispersion.where == "labels" else None


def added_in_md(spec: CampaignSpec) -> D3 | None:
    """What whoever runs the potential has to add, if anything."""
    dispersion = spec.dispersion
    return dispersion.d3 if dispersion is not None and dispersion.where == "md" else None


def fingerprint_of(spec: CampaignSpec, labeller: Labeller) -> dict[str, FingerprintValue]:
    """Fingerprint of a campaign's labels."""
    bare = dict(labeller.fingerprint())
    if names := spec.label.declared:
        return {**bare, "declared": " ".join(sorted(names))}
    d3 = added_to_labels(spec)
    return bare if d3 is None else fingerprint_with_dispersion(bare, d3)


def declared(name: str) -> Method:
    """A method of which only a name is known, given by a person."""
    return Method(engine=DECLARED, fingerprint={"engine": DECLARED, "name": name})


def derive_labels(ctx: Context, frames: Iterable[str]) -> None:
    """Make the campaign's labels from bare and declared ones, where that has not been done.

    Whoever computed them; the labeller's own go before declared ones. Doing it twice changes
    nothing.
    """
    if ctx.method == ctx.bare_method:
        return
    frames = set(frames)
    for source in ctx.methods[:-1]:
        states = ctx.store.labels.states(frames, ctx.method)
        open_ = [frame for frame in frames if states.get(frame) in (None, "failed")]
        found = ctx.store.labels.get_many(open_, source)
        new = [one for frame, one in found.items() if frame not in states or one.state != "failed"]
        ctx.store.labels.put_many(of_this_method(ctx, new))


def of_this_method(ctx: Context, bare: Iterable[LabelRecord]) -> list[LabelRecord]:
    """Bare labels as labels by the campaign's method; its cost is the bare one's."""
    d3 = added_to_labels(ctx.spec)
    records = list(bare)
    if d3 is None or not records:
        return [replace(one, method=ctx.method) for one in records]
    atoms = ctx.store.frames.get_many(one.frame for one in records)
    return [_corrected(one, atoms[one.frame], d3, method=ctx.method) for one in records]


def _corrected(bare: LabelRecord, atoms: Atoms, d3: D3, *, method: str) -> LabelRecord:
    if bare.energy is None or bare.forces is None:
        return replace(bare, method=method)
    try:
        label = with_dispersion(Label(bare.energy, bare.forces, bare.virial), atoms, d3)
    except PhysicsFault as fault:
        return replace(
            bare,
            method=method,
            state="failed",
            energy=None,
            forces=None,
            virial=None,
            reason=fault.reason,
            detail=fault.what,
            remedy=fault.remedy,
        )
    return replace(
        bare, method=method, energy=label.energy, forces=label.forces, virial=label.virial
    )
