"""While the database is away: wait, say so once, and start it again where it is one's own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from pymongo.errors import PyMongoError

from al_loop.errors import DatabaseAway, DatabaseError
from al_loop.store import Connection
from al_loop.store.faults import translate

RESTART_SECONDS = 5.0


class Outage:
    """An outage of the database, as whoever looks after a campaign lives through it."""

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
        self._since: float | None = None
        self._next_restart = 0.0
        self._said: set[str] = set()

    @contextlib.contextmanager
    def waited_out(self) -> Iterator[None]:
        """Within, a database that is away is no error: the caller comes again a little later.

        Raises
        ------
        DatabaseError
            It answers, and refuses.
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

    def over(self) -> float:
        """To be called when the database has answered: seconds that it had been away, or 0."""
        if self._since is None:
            return 0.0
        seconds, self._since = time.monotonic() - self._since, None
        self._said.clear()
        return seconds

    def _away(self, error: DatabaseAway, began: float) -> None:
        if self._since is None:
            self._since = began
            doing = "starting it again" if self._restart else "waiting for it"
            self._say(f"the database is away ({error.what}); {doing}, nothing is lost")
        if self._restart is not None and time.monotonic() >= self._next_restart:
            try:
                self._restart()
            except DatabaseError as reason:
                self._complain(f"it does not start: {reason}")
            self._next_restart = time.monotonic() + RESTART_SECONDS

    def _complain(self, text: str) -> None:
        """Say it once an outage."""
        if text not in self._said:
            self._said.add(text)
            self._say(text)
