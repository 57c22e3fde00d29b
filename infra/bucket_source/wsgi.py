"""gunicorn's door: `gunicorn infra.bucket_source.wsgi:app`."""

from infra.bucket_source.app import create_app
from infra.bucket_source.settings import Settings
from infra.telemetry.log import log_in_json
from infra.telemetry.tracing import serve_as
from infra.telemetry.wsgi import traced

log_in_json()
serve_as("darkroom-bucket-source")
app = create_app(Settings())
app.wsgi_app = traced(app.wsgi_app)  # type: ignore[assignment,method-assign]
