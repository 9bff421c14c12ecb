"""Names that become names of files: plain ones, whoever wrote them.

Names of jobs, frames and model files come back from the database, and whoever may write to the
database may have put ``../../.bashrc`` there. Nothing is written under a name that was not
checked here.
"""

from __future__ import annotations

import re
from pathlib import Path

from al_loop.errors import DatabaseError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=,-]{0,199}")


def plain(name: str, *, what: str) -> str:
    """``name``, if it can be the name of a file and nothing else.

    Raises
    ------
    DatabaseError
        It holds a slash, begins with a dot, ...: no al_loop wrote this.
    """
    if _PLAIN.fullmatch(name):
        return name
    raise DatabaseError(
        f"{name[:80]!r} cannot be the name of {what}: this record is not al_loop's",
        remedy="somebody else writes to this database: see docs/security.md",
    )


def inside(folder: Path, name: str, *, what: str) -> Path:
    """Path of ``name`` in ``folder``, and nowhere else; DatabaseError as for :func:`plain`."""
    return folder / plain(name, what=what)
