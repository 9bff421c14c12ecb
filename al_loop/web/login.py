"""Login for everything, and proof that a form was sent from a page of ours."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict, deque

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from al_loop.web.users import User, Users

OPEN = {"login.form", "login.enter", "al_loop.static"}
"""What may be seen without login: the form, and its style."""

TRIES, WITHIN_SECONDS = 10, 60.0
"""Wrong passwords for a name that one process bears in a while."""

MOST_NAMES = 1000
"""Names that a process remembers these of: whoever is not signed in may make up any number."""

login = Blueprint("login", __name__)


def guard(app: Flask, users: Users) -> None:
    """Let nobody in who is not signed in, and no form that is not ours."""
    app.extensions["al_loop_users"] = users
    app.extensions["al_loop_wrong"] = defaultdict(lambda: deque(maxlen=TRIES))
    app.before_request(_only_signed_in)
    app.before_request(_only_our_forms)
    app.context_processor(lambda: {"csrf": csrf_token, "user": g.get("user")})
    app.register_blueprint(login)


def require_work() -> User:
    """The user, if they may act; 403 otherwise."""
    user: User = g.user
    if user.role != "work":
        abort(403, f"{user.name} may look, not act: `al-loop web user add {user.name} --role work`")
    return user


def csrf_token() -> str:
    """Of this session; every form carries it."""
    return str(session.setdefault("csrf", secrets.token_urlsafe(24)))


def _users() -> Users:
    users: Users = current_app.extensions["al_loop_users"]
    return users


def _only_signed_in() -> Response | None:
    name, stamp = session.get("user"), session.get("stamp")
    found = _users().get(name) if isinstance(name, str) else None
    g.user = found if found is not None and found.stamp == stamp else None
    if g.user is not None or request.endpoint in OPEN:
        return None
    if request.method != "GET" or not request.accept_mimetypes.accept_html:
        abort(401)
    return redirect(url_for("login.form", next=request.full_path.rstrip("?")))


def _only_our_forms() -> None:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    sent, own = request.form.get("csrf", ""), session.get("csrf", "")
    if not own or not secrets.compare_digest(sent.encode(), str(own).encode()):
        abort(400, "this form is out of date: go back, reload the page and send it again")


def own_path(path: str) -> str:
    """``path`` where it is one of this site; else its home."""
    odd = not path.startswith("/") or path.startswith("//") or "\\" in path
    return "/" if odd or any(ord(c) < 32 for c in path) else path


@login.get("/login")
def form() -> str:
    """Ask for name and password."""
    return render_template("al_loop/login.html", wrong=False)


@login.post("/login")
def enter() -> Response | tuple[str, int]:
    """Sign in."""
    name = request.form.get("name", "")[:200]
    wrong: dict[str, deque[float]] = current_app.extensions["al_loop_wrong"]
    who = f"{request.remote_addr} {name}"  # nobody locks another out
    now = time.monotonic()
    if len(wrong) >= MOST_NAMES:
        _forget(wrong, before=now - WITHIN_SECONDS)
    tries = wrong[who]
    if len(tries) == TRIES and now - tries[0] < WITHIN_SECONDS:
        abort(429, "too many wrong passwords for this name: wait a minute")
    user = _users().check(name, request.form.get("password", ""))
    if user is None:
        tries.append(now)
        return render_template("al_loop/login.html", wrong=True), 401
    wrong.pop(who, None)
    session.clear()  # nothing that was set before the login survives it
    session["user"], session["stamp"] = user.name, user.stamp
    return redirect(own_path(request.args.get("next", "/")))


def _forget(wrong: dict[str, deque[float]], *, before: float) -> None:
    """Drop names that have been left alone since; where that is not enough, the oldest ones."""
    for who, tries in list(wrong.items()):
        if not tries or tries[-1] < before:
            wrong.pop(who, None)
    for who in list(wrong)[: len(wrong) - MOST_NAMES + 1]:
        wrong.pop(who, None)


@login.post("/logout")
def leave() -> Response:
    """Sign out."""
    session.clear()
    return redirect(url_for("login.form"))
