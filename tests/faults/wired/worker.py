"""The worker with failpoints: `python -m tests.faults.wired.worker` in place of gateway.worker."""

import tests.faults.wired.gateway  # noqa: F401 - first: it patches
from gateway.worker.__main__ import main

main()
