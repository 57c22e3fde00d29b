"""gunicorn's door: `gunicorn infra.bucket_source.wsgi:app`."""

from infra.bucket_source.app import create_app
from infra.bucket_source.settings import Settings

app = create_app(Settings())
