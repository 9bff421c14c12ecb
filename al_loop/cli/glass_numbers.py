"""Numbers by name, as a person gives them on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from al_loop.errors import UserError


def numbers_of(pairs: Sequence[str] | None, where: str) -> dict[str, float]:
    """``Na-O=3.0`` each; UserError where one is something else."""
    found = {}
    for one in pairs or []:
        name, _, value = one.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise UserError(
                f"{one!r} is not NAME=NUMBER", where=where, remedy="for example Na-O=3.0"
            ) from None
    return found
