"""The JobSinks' listener, by the data plane of Knative 1.23's job-sink.

`POST /<namespace>/<name>`: 202 with a Location once the Job is there, be it from before; 400 malformed, or no such JobSink; 500 for an
event that no Secret can hold. `GET` of that Location: 202 while it lasts, 200 complete, 400 failed, 500 no such Job.
"""

import logging
from urllib.parse import quote, unquote

from aiohttp import web

from infra.local.broker.admission import RefusedEvent, validate
from infra.local.broker.binding import decode
from infra.local.broker.event import MalformedEvent
from infra.local.broker.structured import encode_structured
from infra.local.jobs.record import Phase
from infra.local.jobs.runner import EventTooLarge, JobRunner

_MAX_BODY_BYTES = 32 << 20
_MAX_HEADER_BYTES = 1 << 16
_ENDED = {Phase.COMPLETE: (200, "Complete"), Phase.FAILED: (400, "Failed")}


class JobSinkServer:
    """One listener for all JobSinks."""

    def __init__(self, runner: JobRunner, log: logging.Logger) -> None:
        self._jobs, self._log = runner, log
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, max_line_size=_MAX_HEADER_BYTES, max_field_size=_MAX_HEADER_BYTES
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        parts = request.rel_url.raw_path.removesuffix("/").split("/")
        if request.method == "GET":
            return self._status(parts)
        if request.method != "POST" or len(parts) != 3 or "/".join(parts[1:]) not in self._jobs.sinks:
            return web.Response(status=400)
        return await self._create(request, "/".join(parts[1:]))

    async def _create(self, request: web.Request, key: str) -> web.Response:
        body = await request.read()
        try:
            event = decode(request.headers, body)
            validate(event)
            source, event_id = event.attributes["source"], event.attributes["id"]
            await self._jobs.create(key, source, event_id, encode_structured(event))
        except (MalformedEvent, RefusedEvent):
            return web.Response(status=400)
        except (EventTooLarge, OSError) as exc:
            self._log.error("job-sink: no Job for event %s: %s", event_id, exc)
            return web.Response(status=500)
        return web.Response(status=202, headers={"Location": _location(key, source, event_id)})

    def _status(self, parts: list[str]) -> web.Response:
        """Of `/namespaces/N/name/S/sources/S/ids/I`."""
        if len(parts) != 9:
            return web.Response(status=400)
        namespace, name, source, event_id = (unquote(part) for part in parts[2::2])
        key = f"{namespace}/{name}"
        if key not in self._jobs.sinks:
            return web.Response(status=400)
        record = self._jobs.find(key, source, event_id)
        if record is None:
            return web.Response(status=500)
        if record.phase in _ENDED:
            status, reason = _ENDED[record.phase]
            return web.Response(status=status, headers={"Reason": reason})
        return web.Response(status=202, headers={"Location": _location(key, source, event_id)})


def _location(key: str, source: str, event_id: str) -> str:
    namespace, name = key.split("/")
    return f"/namespaces/{namespace}/name/{name}/sources/{quote(source, safe='')}/ids/{quote(event_id, safe='')}"
