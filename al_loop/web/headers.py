"""Headers of every answer: what a browser may load, and whether it need be sent again."""

from __future__ import annotations

from flask import Flask, Response, request

from al_loop.masking import hide_logins

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
"""No script or style but the files of this site, and nothing from another host."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_SHIPPED = "private, max-age=3600"


def _mask(response: Response) -> None:
    """Of every text that is sent, so that no page can forget it."""
    if response.mimetype in ("text/html", "application/json"):
        text = response.get_data(as_text=True)
        if (hidden := hide_logins(text)) != text:
            response.set_data(hidden)


def dress(app: Flask, *, secure: bool) -> None:
    """Set the headers of every answer; ``secure``: the site is reached by https only."""

    @app.after_request
    def _dress(response: Response) -> Response:
        response.headers.update(HEADERS)
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint in ("static", "al_loop.static"):
            response.headers["Cache-Control"] = _SHIPPED
            return response
        response.headers["Cache-Control"] = "private, no-cache"
        _mask(response)
        response.vary.add("Cookie")
        if request.method == "GET" and response.status_code == 200:
            response.add_etag()
            response.make_conditional(request)
        return response
