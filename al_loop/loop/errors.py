"""What ends a campaign for good."""

from __future__ import annotations

from al_loop.errors import AlLoopError

NEW_NAME = (
    "change the options and give the campaign another name: frames that have a label are not "
    "labelled again"
)
RETRY = "mend the cause, then `al-loop resume`: jobs that were given up are tried again"


def review_first(name: str) -> str:
    """The way out where labels are in quarantine."""
    return (
        f"`al-loop labels review {name}` lists those in quarantine; `al-loop labels release` those "
        f"that are right, then `al-loop resume {name}`"
    )


class CampaignFailed(AlLoopError):
    """The campaign cannot go on by itself; the reason is for a person."""
