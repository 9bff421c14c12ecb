"""The database away, or the disk full: wait, say so once, and go on when it is over."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Iterator

from pymongo.errors import PyMongoError

from al_loop.errors import DatabaseAway, DatabaseError
from al_loop.store import Connection
from al_loop.store.faults import translate

RESTART_SECONDS = 5.0

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Outage:
    """What passes without our doing, as whoever looks after a campaign lives through it."""

    def __init__(
        self,
        connection: Connection,
        *,
        say: Callable[[str], None],
        restart: Callable[[], object] | None,
    ) -> None:
        """``restart`` starts a database of one's own again, or raises DatabaseError."""
        self.connection = connection
        self._say = say
        self._restart = restart
        self._what = ""
        self._since = 0.0
        self._next_restart = 0.0
        self._said: set[str] = set()

    @property
    def is_on(self) -> bool:
        """Whether there is one now."""
        return bool(self._what)

    @contextlib.contextmanager
    def waited_out(self) -> Iterator[None]:
        """Within, an outage is no error: the caller comes again a little later.

        Raises
        ------
        DatabaseError
            The database answers, and refuses.
        """
        began = time.monotonic()
        try:
            yield
        except DatabaseAway as error:
            self._away(error, began)
        except PyMongoError as error:
            translated = translate(error, self.connection)
            if not isinstance(translated, DatabaseAway):
                raise translated from None
            self._away(translated, began)
        except OSError as error:
            if not _is_of_a_full_disk(error):
                raise
            where = f" ({error.filename})" if error.filename else ""
            self._begin("the disk was full", began)
            self._tell(f"the disk is full{where}: make room, and it goes on by itself")

    def over(self) -> str:
        """To be called when all has gone well: what there had been and for how long, or ''."""
        if not self._what:
            return ""
        text = f"{self._what} for {time.monotonic() - self._since:.0f} s"
        self._what = ""
        self._said.clear()
        return text

    def _begin(self, what: str, began: float) -> None:
        if not self._what:
            self._what, self._since = what, began

    def _away(self, error: DatabaseAway, began: float) -> None:
        if not self.is_on:
            doing = "starting it again" if self._restart else "waiting for it"
            self._tell(f"the database is away ({error.what}); {doing}, nothing is lost")
        self._begin("the database was away", began)
        if self._restart is not None and time.monotonic() >= self._next_restart:
            try:
                self._restart()
            except DatabaseError as reason:
                self._tell(f"it does not start: {reason}")
            self._next_restart = time.monotonic() + RESTART_SECONDS

    def _tell(self, text: str) -> None:
        """Say it once an outage."""
        if text not in self._said:
            self._said.add(text)
            self._say(text)


def _is_of_a_full_disk(error: OSError) -> bool:
    """NumPy says ``96 requested and 0 written``, without a number."""
    return error.errno in _FULL or (error.errno is None and "requested and" in str(error))
