"""What gunicorn loads for the internal listener."""

import threading

from gateway.bootstrap import bootstrap, log_and_trace
from gateway.internal.app import create_app, keep_beating
from gateway.metrics import measures

log_and_trace("darkroom-gateway-internal")
measures.begin()
_gateway = bootstrap()
app = create_app(_gateway)
keep_beating(_gateway, threading.Event())
