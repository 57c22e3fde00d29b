"""What gunicorn loads for the public listener."""

from gateway.bootstrap import bootstrap, log_in_json
from gateway.web.app import create_app

log_in_json()
app = create_app(bootstrap())
