"""The public Flask application, put together: routes, bounds, problem details, headers."""

from functools import partial

from flask import Flask, request

from gateway.bootstrap import Gateway
from gateway.dashboard.pages import pages
from gateway.service.errors import NotFound
from gateway.service.queries import Presigner
from gateway.web import access, auth, hardening, measured, problems, quotas
from gateway.web.live import Live
from gateway.web.pressure import Pressure
from gateway.web.routes.about import about
from gateway.web.routes.docs import docs
from gateway.web.routes.jobs import jobs
from gateway.web.routes.media import media
from gateway.web.routes.news import news
from gateway.web.routes.operators import operators, read_stats
from gateway.web.routes.sessions import sessions
from gateway.web.routes.uploads import uploads
from gateway.web.routes.webhooks import webhooks
from infra.telemetry.wsgi import traced
from schemas.ids import is_id

ROUTES = (media, uploads, jobs, webhooks, news, operators, sessions, about, docs, pages)


def create_app(gateway: Gateway) -> Flask:
    """The application over one gateway."""
    app = Flask(__name__, static_folder=None)
    presigner = Presigner(objects=gateway.objects, ttl_s=gateway.settings.presign_ttl_s)
    measured.install(app)
    app.extensions["darkroom"] = gateway
    app.extensions["darkroom.presigner"] = presigner
    app.extensions["darkroom.pressure"] = Pressure(gateway.database, gateway.settings)
    app.extensions["darkroom.live"] = Live(
        gateway.database, presigner, partial(read_stats, gateway), max_watchers=gateway.settings.max_watchers
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for routes in ROUTES:
        app.register_blueprint(routes)
    auth.install(app, required=gateway.settings.require_keys)
    quotas.install(app, gateway.settings)
    access.install(app)
    app.before_request(_ids_are_ids)
    problems.install(app)
    hardening.install(app, gateway.settings)
    app.wsgi_app = traced(app.wsgi_app)  # type: ignore[assignment,method-assign]
    return app


def _ids_are_ids() -> None:
    """What is no id names nothing, and never reaches the ledger."""
    for name, value in (request.view_args or {}).items():
        if name.endswith("_id") and not is_id(value):
            raise NotFound(name.removesuffix("_id"), repr(value[:80]))
