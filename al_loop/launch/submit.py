"""Bring a campaign into the store, or find it there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from al_loop.campaign import CampaignSpec, dump_campaign
from al_loop.campaign.spec import SCHEMA_VERSION
from al_loop.errors import UserError
from al_loop.hashing import canonical_json, digest
from al_loop.jobfolder import write_atomically
from al_loop.loop.check import check_folder
from al_loop.loop.context import STAMP
from al_loop.store import CampaignRecord, Store

_IDENTITY = ("name", "elements", "seed", "split")
"""What can never change: whose files a folder holds. Results say themselves what they are of."""


def register(store: Store, spec: CampaignSpec, *, base: Path) -> CampaignRecord:
    """Record of a campaign: a new one, or the one that is there if it asks for the same.

    ``base`` is the folder of the campaign file: relative paths in it start there.

    Raises
    ------
    UserError
        A campaign of this name asks for something else, or its folder cannot be written.
    """
    found = store.campaigns.get(spec.name)
    if found is None:
        folder = Path(spec.folder or spec.name).absolute()
        _claim(folder, dump_campaign(spec))
        record = CampaignRecord(
            name=spec.name,
            spec=dump_campaign(spec),
            schema_version=SCHEMA_VERSION,
            folder=str(folder),
            base=str(base.absolute()),
            created=store.clock(),
        )
        store.campaigns.create(record)
        found = store.campaigns.get(spec.name)
        assert found is not None
    asked = found.spec if found.pending is None else found.pending
    if different := _differences(_complete(asked), dump_campaign(spec)):
        raise UserError(
            f"a campaign called {spec.name!r} is in the database already and differs in: "
            + ", ".join(different),
            where=found.folder,
            remedy="give the new one another name, put the old values back to continue, or "
            "`al-loop amend FILE` to change the campaign in mid-course",
        )
    _claim(Path(found.folder), found.spec)
    return found


def restore_folder(record: CampaignRecord) -> None:
    """Make a campaign's folder again when it is lost; one that holds anything is left alone."""
    folder = Path(record.folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        _claim(folder, record.spec)


def _claim(folder: Path, spec: Mapping[str, object]) -> None:
    """Make the folder, or see that what it holds belongs to a campaign that asks for the same.

    Results of another campaign must never be taken for this one's, but a campaign that has lost
    its database finds its own again.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stamp = digest({key: spec[key] for key in _IDENTITY})
    file = folder / STAMP
    if not file.exists():
        write_atomically(file, stamp)
    elif file.read_text() != stamp:
        raise UserError(
            "this folder holds the files of a campaign that asks for something else",
            where=folder,
            remedy="move it away, or set `folder` to another place",
        )


def _complete(stored: dict[str, Any]) -> dict[str, Any]:
    """What a campaign asks for with the defaults of options that are newer than it is."""
    try:
        return dump_campaign(CampaignSpec.model_validate(stored))
    except ValidationError:  # by another version, or an engine that is not here: as it is
        return stored


def _differences(old: dict[str, object], new: dict[str, object]) -> list[str]:
    """Top-level keys in which two campaigns ask for different things."""
    return [
        key
        for key in sorted(old.keys() | new.keys())
        if key not in ("resources", "description", "folder")
        and canonical_json(old.get(key)) != canonical_json(new.get(key))
    ]
