"""Is a process ready? By an accepted connection, or by its manifest's httpGet probe, asked every 10 ms: a cold start waits for nothing."""

import asyncio

_POLL_S = 0.01
_PROBE_TIMEOUT_S = 1.0
_OK = range(200, 400)


async def until_ready(host: str, port: int, path: str | None) -> None:
    """Return when ready; wait for ever otherwise (the caller watches the process)."""
    while not await _is_ready(host, port, path):
        await asyncio.sleep(_POLL_S)


async def _is_ready(host: str, port: int, path: str | None) -> bool:
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                if path is None:
                    return True
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
                status = (await reader.readline()).split()
                return len(status) > 1 and status[1].isdigit() and int(status[1]) in _OK
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
