"""campaign.yaml to CampaignSpec, with errors that name the key and its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from al_loop.campaign.spec import CampaignSpec
from al_loop.campaign.yaml_options import parse_options
from al_loop.errors import CampaignFileError, EngineMissing


def load_campaign(path: Path) -> CampaignSpec:
    """Read and validate a campaign file.

    Raises
    ------
    CampaignFileError
        With one line for each wrong key: where it stands, what is wrong, what was meant.
    EngineMissing
        An engine is known but something that it needs is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CampaignFileError(
            f"cannot be read: {error.strerror}",
            where=path,
            remedy="`al-loop init NAME --template silica-quickstart` writes one to start from",
        ) from None
    except UnicodeDecodeError as error:
        raise CampaignFileError(f"is not a text in UTF-8: {error.reason}", where=path) from None
    return parse_campaign(text, where=str(path), base=path.parent)


def parse_campaign(text: str, *, where: str = "campaign", base: Path = Path()) -> CampaignSpec:
    """Validate the text of a campaign file; ``where`` is how errors call it.

    Files that are read with it are relative to ``base``.
    """
    try:
        return parse_options(
            CampaignSpec, text, where=where, what="a campaign", tags={"structures": 2}, base=base
        )
    except EngineMissing as error:
        raise EngineMissing(error.what, where=where, remedy=error.remedy) from error


def dump_campaign(spec: CampaignSpec) -> dict[str, Any]:
    """The campaign as plain JSON values, defaults included; ``model_validate`` reads it back."""
    return spec.model_dump(mode="json", by_alias=True)
