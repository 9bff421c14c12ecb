"""The site: FireWorks' pages, ours among them, login before both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from flask import Flask, render_template
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from al_loop.errors import AlLoopError, DatabaseError, UserError
from al_loop.launch.launchpad import open_launchpad
from al_loop.store import Connection, Store
from al_loop.store.faults import translate
from al_loop.web.actions import actions
from al_loop.web.data import Reader
from al_loop.web.details import details
from al_loop.web.fireworks_site import fresh_site, refuse_odd_requests
from al_loop.web.glass import glass
from al_loop.web.headers import dress
from al_loop.web.login import guard
from al_loop.web.pages import pages
from al_loop.web.text import add_filters
from al_loop.web.users import Users

PATIENCE = 5.0
"""Seconds that a page waits for a database that does not answer."""

LARGEST_FORM = 1 << 20


@contextmanager
def open_site(connection: Connection, users: Users, *, secure: bool = False) -> Iterator[Flask]:
    """The site as a WSGI application, as long as the context is open.

    ``secure``: it is reached by https only. Raises DatabaseError when the database cannot be
    reached, UserError when the file of users cannot be read.
    """
    hurried = connection.with_patience(PATIENCE)
    with Store(hurried) as store, open_launchpad(hurried) as launchpad:
        app = fresh_site(launchpad)
        app.secret_key = users.secret_key
        app.config.update(
            SESSION_COOKIE_NAME="al_loop",
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Lax",
            SESSION_COOKIE_SECURE=secure,
            MAX_CONTENT_LENGTH=LARGEST_FORM,
        )
        app.extensions["al_loop_connection"] = hurried
        app.extensions["al_loop_store"] = store
        app.extensions["al_loop_reader"] = Reader(store)
        guard(app, users)
        refuse_odd_requests(app)
        dress(app, secure=secure)
        add_filters(app)
        app.register_blueprint(pages)
        app.register_blueprint(details)
        app.register_blueprint(glass)
        app.register_blueprint(actions)
        _explain_errors(app, hurried)
        yield app


def _explain_errors(app: Flask, connection: Connection) -> None:
    def show(code: int, what: str, remedy: str = "") -> tuple[str, int]:
        title = HTTPStatus(code).phrase
        return render_template("al_loop/error.html", title=title, what=what, remedy=remedy), code

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> tuple[str, int]:
        return show(error.code or 500, error.description or "")

    @app.errorhandler(AlLoopError)
    def _ours(error: AlLoopError) -> tuple[str, int]:
        refused = isinstance(error, UserError) and not isinstance(error, DatabaseError)
        return show(409 if refused else 503, error.what, error.remedy)

    @app.errorhandler(PyMongoError)
    def _database(error: PyMongoError) -> tuple[str, int]:
        return _ours(translate(error, connection))  # the driver's own text may quote a password
