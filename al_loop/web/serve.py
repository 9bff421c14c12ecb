"""The site under gunicorn."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from al_loop.errors import UserError
from al_loop.store import Connection
from al_loop.web.data import Reader
from al_loop.web.site import open_site
from al_loop.web.users import Users

PROCESSES, THREADS = 2, 4


@dataclass(frozen=True)
class Address:
    """Where the site is reached. ``certificate`` and ``key``: files for https."""

    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None

    @property
    def secure(self) -> bool:
        """Whether it is reached by https."""
        return self.certificate is not None

    @property
    def url(self) -> str:
        """What to type into a browser."""
        return f"http{'s' if self.secure else ''}://{self.host}:{self.port}/"

    def check(self) -> None:
        """UserError where passwords would cross a network in the clear."""
        if (self.certificate is None) != (self.key is None):
            raise UserError("--certificate and --key belong together", remedy="give both")
        if not self.secure and not _is_loopback(self.host):
            raise UserError(
                f"{self.host} can be reached by others, and passwords would be sent unencrypted",
                remedy="give --certificate and --key; or stay at 127.0.0.1 and reach it by "
                f"`ssh -L {self.port}:127.0.0.1:{self.port} THIS-MACHINE`",
            )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    def __init__(self, connection: Connection, users: Users, address: Address) -> None:
        self._connection, self._users, self._address = connection, users, address
        self._open = ExitStack()
        super().__init__()

    def load_config(self) -> None:
        address = self._address
        settings: dict[str, Any] = {
            "bind": f"[{address.host}]:{address.port}"
            if ":" in address.host
            else f"{address.host}:{address.port}",
            "workers": PROCESSES,
            "worker_class": "gthread",
            "threads": THREADS,
            "proc_name": "al-loop web",
            "errorlog": "-",
            "loglevel": "warning",
            "control_socket_disable": True,
            "worker_exit": self._close,
        }
        if address.secure:
            settings |= {"certfile": str(address.certificate), "keyfile": str(address.key)}
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def _close(self, server: object, worker: object) -> None:
        """Of the process that ends: what is left open is closed in no order, with a traceback."""
        self._open.close()

    def load(self) -> Flask:
        """In each process of its own: connections do not survive a fork.

        What pages show first is worked out beside the first requests, which do not wait for it.
        """
        opened = open_site(self._connection, self._users, secure=self._address.secure)
        site = self._open.enter_context(opened)
        reader: Reader = site.extensions["al_loop_reader"]
        Thread(target=reader.warm, name="warm", daemon=True).start()
        return site


def serve(connection: Connection, users: Users, address: Address) -> None:
    """Serve the pages until a signal ends this process.

    Raises DatabaseError or UserError at once when they could not be served.
    """
    address.check()
    os.environ["MPLBACKEND"] = "Agg"  # FireWorks' reports draw by pyplot
    with open_site(connection, users, secure=address.secure):
        pass
    sys.stdout.flush()  # else each process that is forked writes it, the password included, again
    _Server(connection, users, address).run()
