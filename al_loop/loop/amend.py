"""Change what a campaign asks for while it runs: what may change, and from when on it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from al_loop.campaign import CampaignSpec, dump_campaign
from al_loop.errors import MethodMismatch, UserError
from al_loop.hashing import canonical_json
from al_loop.loop.method import fingerprint_of, labeller_of

Holds = Literal["now", "next iteration"]

_FIXED = ("name", "elements", "seed", "split", "folder")
"""Other frames or other splits would follow: that is another campaign."""
_AT_ONCE = (
    "description",
    "resources",
    "budget",
    "converge",
    "label.quorum",
    "label.quality",
    "label.minutes_per_job",
    "label.frames_per_job",
)


@dataclass(frozen=True)
class Change:
    """One key of the campaign file: what it was, what it is to be, and from when on."""

    key: str
    old: Any
    new: Any
    holds: Holds

    def __str__(self) -> str:
        return f"{self.key}: {_short(self.old)} -> {_short(self.new)} ({self.holds})"


@dataclass(frozen=True)
class Amendment:
    """What holds now, what holds from the next iteration on (if anything), and all changes."""

    now: CampaignSpec
    later: CampaignSpec | None
    changes: tuple[Change, ...]


def plan_amendment(old: CampaignSpec, new: CampaignSpec, *, begun: bool) -> Amendment:
    """What becomes of a campaign that is to ask for something else.

    ``begun``: the first training has been planned. What an iteration was planned with stays so
    until it is over; resources, budget and the like hold at once.

    Raises
    ------
    UserError
        A key changes that cannot change under the same name.
    MethodMismatch
        Labels would be by another method than those that are there.
    """
    before, after = dump_campaign(old), dump_campaign(new)
    found = list(_differences(before, after))
    # Gates are of the glasses of `validate`: where these change, both do.
    other_glass = any(f"{key}.".startswith("validate.") for key, _, _ in found)
    late = (_GATES,) if other_glass else ()
    changes = [
        Change(key, old=was, new=will, holds="now" if not begun or _at_once(key, late) else _NEXT)
        for key, was, will in found
    ]
    _refuse(old, new, changes)
    if not any(change.holds == _NEXT for change in changes):
        return Amendment(new, None, tuple(changes))
    now = dump_campaign(old)
    for change in changes:
        if change.holds == "now":
            _put(now, after, change.key)
    return Amendment(CampaignSpec.model_validate(now), new, tuple(changes))


_NEXT: Holds = "next iteration"


_GATES = "converge.glass"


def _at_once(key: str, late: Sequence[str]) -> bool:
    def among(keys: Sequence[str]) -> bool:
        return any(f"{key}.".startswith(f"{one}.") for one in keys)

    return among(_AT_ONCE) and not among(late)


def _refuse(old: CampaignSpec, new: CampaignSpec, changes: list[Change]) -> None:
    """UserError or MethodMismatch where another name is needed."""
    fixed = [c.key for c in changes if c.key.split(".")[0] in _FIXED]
    # A structure may be added; one that is there has labels that belong to it.
    fixed += [c.key for c in changes if c.key.startswith("structures.") and c.old is not None]
    if fixed:
        raise UserError(
            f"cannot change in mid-campaign: {', '.join(fixed)}",
            where=old.name,
            remedy="put the old values back, or give the campaign another name (frames that have "
            "a label are not labelled again)",
        )
    if old.dispersion != new.dispersion:
        raise MethodMismatch(
            f"dispersion cannot change in mid-campaign ({_words(old)} -> {_words(new)}): the "
            "potential would be another one",
            where=old.name,
            remedy="put it back, or give the campaign another name: its labels are made from those "
            "that are there, without computing them again",
        )
    one, other = (fingerprint_of(spec, labeller_of(spec)) for spec in (old, new))
    if one != other:
        raise MethodMismatch(
            "labels of two methods would be mixed:\n"
            f"  now    {canonical_json(one)}\n  wanted {canonical_json(other)}",
            where=old.name,
            remedy="give the campaign with the other method another name",
        )


def _words(spec: CampaignSpec) -> str:
    found = spec.dispersion
    return f"{found.d3} in {found.where}" if found else "none added"


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], where: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, old, new) of what differs; lists are compared as a whole."""
    for key in sorted(old.keys() | new.keys()):
        was, will = old.get(key), new.get(key)
        if isinstance(was, dict) and isinstance(will, dict):
            yield from _differences(was, will, f"{where}{key}.")
        elif canonical_json(was) != canonical_json(will):
            yield f"{where}{key}", was, will


def _put(spec: dict[str, Any], after: Mapping[str, Any], key: str) -> None:
    """Make a key of ``spec`` what it is in ``after``; one that is not there is taken out."""
    *path, last = key.split(".")
    for part in path:
        spec, after = spec[part], after[part]
    if last in after:
        spec[last] = after[last]
    else:
        del spec[last]


def _short(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
