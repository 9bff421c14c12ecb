"""What a driver's error means, said for a person: never a secret, always a way out."""

from __future__ import annotations

import ssl

from pymongo import errors

from al_loop.errors import DatabaseAway, DatabaseError
from al_loop.store.connection import Connection
from al_loop.store.outages import passes_by_itself

_BAD_LOGIN = {18, 8000}
_NOT_ALLOWED = {13}
_DISK_FULL = {14031}


def translate(error: Exception, connection: Connection) -> DatabaseError:
    """DatabaseError for an error of pymongo, of the TLS library or of a key file.

    DatabaseAway when the same call may succeed later.
    """
    text = connection.redact(str(error)).split(", Timeout:")[0].split(" (configured timeouts")[0]
    what, remedy = _diagnose(error, text, connection)
    away = isinstance(error, errors.PyMongoError) and passes_by_itself(error)
    kind = DatabaseAway if away else DatabaseError
    return kind(what, where=connection.address, remedy=remedy)


def _diagnose(error: Exception, text: str, connection: Connection) -> tuple[str, str]:
    if isinstance(error, errors.InvalidURI) or (
        connection.uri_mode and isinstance(error, ValueError)
    ):
        # The driver's text may quote a piece of the password.
        return (
            "host is not a valid MongoDB connection string",
            "mongodb://user:password@host:port/..., with @ : / % in the password "
            "percent-encoded; only with `uri_mode: true`",
        )
    if isinstance(error, errors.OperationFailure):
        return _refused(error, text, connection)
    if isinstance(error, OSError | ssl.SSLError) and not isinstance(error, errors.PyMongoError):
        return f"TLS files: {text}", "check tlsCAFile and tlsCertificateKeyFile"
    if isinstance(error, errors.ConnectionFailure):
        return _unreachable(text, connection)
    if isinstance(error, errors.ConfigurationError | TypeError | ValueError):
        return f"the connection's options are wrong: {text}", "check mongoclient_kwargs"
    return f"MongoDB: {text}", "see the server's log"


def _refused(error: errors.OperationFailure, text: str, connection: Connection) -> tuple[str, str]:
    if error.code in _BAD_LOGIN:
        return (
            f"wrong user name or password (user {connection.username or 'in host'!r})",
            "correct username, password and authsource in my_launchpad.yaml",
        )
    if error.code in _NOT_ALLOWED:
        if connection.username is None and not connection.uri_mode:
            return "the server wants a user and a password", "add username and password"
        return (
            "this user may not do that here",
            f"ask for the role readWrite on the database {connection.name!r}",
        )
    if error.code in _DISK_FULL:
        return "the server's disk is full", "make room; nothing that was stored is lost"
    return f"MongoDB refused ({error.code}): {text}", "see the server's log"


def _unreachable(text: str, connection: Connection) -> tuple[str, str]:
    low = text.lower()
    if "certificate" in low or "ssl" in low or "tls" in low:
        return (
            f"TLS failed: {text}",
            "set tlsCAFile in mongoclient_kwargs to the authority that signed the server's "
            "certificate; `host` must be the name in the certificate",
        )
    if "name or service not known" in low or "nodename" in low or "name resolution" in low:
        return "no machine has this name", "correct `host`"
    if "connection closed" in low and not connection.driver_kwargs.get("tls"):
        return (
            "the server ended the connection",
            "if it wants TLS: `mongoclient_kwargs: {tls: true, ...}`",
        )
    if connection.host in ("127.0.0.1", "localhost") and not connection.uri_mode:
        return (
            f"no database answers: {text}",
            "start it: `al-loop db start` (your own), or ask your site's administrator",
        )
    return f"no database answers: {text}", "is it running, and may this machine reach it?"
