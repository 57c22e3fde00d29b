"""What gunicorn loads for the public listener."""

from gateway.bootstrap import bootstrap, log_and_trace
from gateway.web.app import create_app

log_and_trace("darkroom-gateway")
app = create_app(bootstrap())
