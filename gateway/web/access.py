"""Which scope each public route needs: one table, and the check before every request that reads it.

A route without a line here does not start: `install` refuses the application. Whose rows a caller may see is every use case's own
`where tenant = …`; another tenant's id is not found.
"""

from flask import Flask, current_app, g, request

from gateway.domain.access import Scope
from gateway.service.errors import OutOfScope
from gateway.web import auth, quotas

OPEN = "open"
"""For everybody, key or not: it shows nothing of any tenant."""
ANY = "any"
"""For whoever is known, with whatever scope."""

ROUTES: dict[str, str] = {
    "media.post_media": Scope.WRITE,
    "media.list_media": Scope.READ,
    "media.get_media": Scope.READ,
    "media.remove_media": Scope.WRITE,
    "media.get_artifacts": Scope.READ,
    "media.get_download": Scope.READ,
    "media.get_original": Scope.READ,
    "media.get_similar": Scope.READ,
    "media.post_probe": Scope.WRITE,
    "uploads.post_uploads": Scope.WRITE,
    "uploads.get_upload": Scope.WRITE,  # its URLs are the right to write
    "uploads.post_complete": Scope.WRITE,
    "uploads.delete_upload": Scope.WRITE,
    "jobs.post_jobs": Scope.WRITE,
    "jobs.list_jobs": Scope.READ,
    "jobs.get_job": Scope.READ,
    "jobs.get_job_events": Scope.READ,
    "jobs.delete_job": Scope.WRITE,
    "jobs.post_retry": Scope.WRITE,
    "news.get_events": Scope.READ,  # the statistics among them need admin
    "webhooks.list_webhooks": Scope.READ,
    "webhooks.post_webhook_redrive": Scope.WRITE,
    "operators.get_stats": Scope.ADMIN,
    "operators.list_dead_letters": Scope.ADMIN,
    "operators.post_redrive": Scope.ADMIN,
    "about.get_operations": Scope.READ,
    "about.healthz": OPEN,
    "about.readyz": OPEN,
    "sessions.get_session": ANY,
    "sessions.post_session": OPEN,
    "sessions.delete_session": OPEN,
    "docs.get_openapi": OPEN,
    "docs.get_docs": OPEN,
    "docs.get_docs_asset": OPEN,
    "pages.root": OPEN,
    "pages.dashboard": OPEN,
    "pages.asset": OPEN,
}
"""Endpoint (blueprint.view) to what it needs: a scope, ANY or OPEN."""


def install(app: Flask) -> None:
    """The check before every request. Comes after the last route.

    Raises:
        LookupError: a route that the table does not name.
    """
    missing = {rule.endpoint for rule in app.url_map.iter_rules()} - ROUTES.keys()
    if missing:
        raise LookupError(f"gateway/web/access.py does not say which scope {', '.join(sorted(missing))} needs")
    app.before_request(_admit)


def _admit() -> None:
    """Sets `g.principal`, or refuses. What no route matches goes on to its 404 or 405."""
    if request.endpoint is None or request.method == "OPTIONS":  # Flask's own answer, which says only what may be asked
        return
    needed = ROUTES[request.endpoint]
    if needed == OPEN:
        return
    principal = auth.caller()
    quotas.enter(current_app, principal)
    if needed != ANY and needed not in principal.scopes:
        raise OutOfScope(needed)
    g.principal = principal
