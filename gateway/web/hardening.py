"""What holds for every request and every answer of the public listener, whatever its route: sizes, host names, headers, origins.

Who may do what is not decided here, nor how long a client may take (`gateway.web.listener`).
"""

from flask import Flask, Response
from flask_cors import CORS

from gateway.settings import Settings

_FORM_OVERHEAD_BYTES = 1 << 20
_FORM_FIELD_BYTES = 64 * 1024
_FORM_PARTS = 20
_PREFLIGHT_S = 600
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",  # pages say what they may load themselves
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def install(app: Flask, settings: Settings) -> None:
    """The bounds that Flask keeps, on bodies however they are sent, and the headers that no answer goes without.

    An upload is bounded again by its own bytes (`gateway.web.uploads`), JSON by far less (`gateway.web.bodies`).
    """
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_upload_bytes + _FORM_OVERHEAD_BYTES,
        MAX_FORM_MEMORY_SIZE=_FORM_FIELD_BYTES,
        MAX_FORM_PARTS=_FORM_PARTS,
        TRUSTED_HOSTS=settings.trusted_hosts or None,
    )
    app.after_request(_harden)
    if settings.cors_origins:
        CORS(
            app,
            origins=settings.cors_origins,
            methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
            expose_headers=["Location", "Retry-After"],
            supports_credentials=False,  # a page elsewhere brings a key of its own; cookies are for our own pages
            max_age=_PREFLIGHT_S,
            always_send=False,
        )


def _harden(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
