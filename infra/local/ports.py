"""Free ports on the loopback for listeners that come and go.

They are taken below the range from which the kernel gives outgoing connections their ports, so that a connection cannot sit on a
Service's port while its process restarts.
"""

import random
import socket

from infra.local.errors import LocalPlatformError

_RANGE = range(20_000, 32_000)
_TRIES = 200


class Ports:
    """Hands out each port once until it is given back."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._taken: set[int] = set()

    def take(self, wanted: int | None = None) -> int:
        """A port that nothing listens on; `wanted`, when given, or LocalPlatformError."""
        for port in [wanted] if wanted else random.sample(_RANGE, _TRIES):
            if port not in self._taken and _is_free(self._host, port):
                self._taken.add(port)
                return port
        raise LocalPlatformError(f"port {wanted} is in use" if wanted else f"no free port on {self._host}")

    def give_back(self, port: int) -> None:
        self._taken.discard(port)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what just closed is free, as for the listener to come
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
