"""TCP ports of the loopback, as `darkroom up` and `darkroom doctor` see them."""

import socket

from infra.local.errors import LocalPlatformError

HOST = "127.0.0.1"


def check_port(port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        LocalPlatformError: somebody listens there, and who.
    """
    if port == 0:
        return free_port()
    if not is_free(port):
        raise LocalPlatformError(f"port {port} is held by {holder(port)}; choose another with --port")
    return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, in words."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"pid {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return "another process"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
