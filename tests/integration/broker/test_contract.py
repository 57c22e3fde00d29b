"""The broker over real HTTP, with a real subscriber and a real PostgreSQL: Knative's data-plane contract."""

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import web

from infra.local.broker import Broker, parse_trigger
from infra.local.errors import UnsupportedManifest
from tests.integration.broker.harness import (
    FAST_RETRIES,
    LOG,
    PATIENCE_S,
    answering,
    count_rows,
    running,
    settled,
    subscribing,
    trigger_manifest,
)


def test_an_event_arrives_in_binary_mode_with_the_brokers_marks(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there, running(database_url, trigger_manifest("all", there.url + "/")) as client:
            headers = {"Content-Type": "image/png", "ce-subject": "café.png", "X-Request-Id": "q1", "X-Other": "no"}
            assert await client.send("e1", data=b"\x89PNG", **headers) == 202
            await settled(client)
            ((path, seen, body),) = there.requests
            assert (path, body) == ("/", b"\x89PNG")
            assert {name: seen[name] for name in ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject")} == {
                "ce-specversion": "1.0",
                "ce-id": "e1",
                "ce-source": "/test",
                "ce-type": "test",
                "ce-subject": "café.png",
            }
            assert (seen["Content-Type"], seen["Prefer"], seen["Kn-Namespace"], seen["X-Request-Id"]) == (
                "image/png",
                "reply",
                "default",
                "q1",
            )
            assert "ce-knativearrivaltime" in seen
            assert "ce-knativebrokerttl" not in seen
            assert "X-Other" not in seen
            assert count_rows(database_url, "delivery") == 0

    asyncio.run(scenario())


def test_the_ingress_answers_like_knatives(database_url: str) -> None:
    async def scenario() -> None:
        event = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
        structured = {"Content-Type": "application/cloudevents+json"}
        good = json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": 1}})
        table: list[tuple[str, str, dict[str, Any], int]] = [
            ("POST", "/default/main", {"headers": event}, 202),
            ("POST", "/default/main", {"headers": structured, "data": good}, 202),
            ("POST", "/default/main", {"headers": {**event, "ce-specversion": "0.3"}}, 202),
            ("POST", "/default/main", {"headers": event, "data": b"x" * (16 << 20)}, 202),
            ("POST", "/default/main", {"data": b"no event"}, 400),
            ("POST", "/default/main", {"headers": structured, "data": "{"}, 400),
            ("POST", "/default/main", {"headers": {"Content-Type": "application/cloudevents-batch+json"}, "data": f"[{good}]"}, 400),
            ("POST", "/default/main", {"headers": {**event, "ce-knativebrokerttl": "1"}}, 400),
            ("POST", "/default/main", {"headers": {**event, "ce-time": "yesterday"}}, 400),
            ("POST", "/default/other", {"headers": event}, 404),
            ("POST", "/", {"headers": event}, 400),
            ("POST", "/default/main/more", {"headers": event}, 400),
            ("GET", "/default/main", {}, 405),
            ("PUT", "/default/main", {"headers": event}, 405),
            ("OPTIONS", "/default/main", {}, 200),
        ]
        async with running(database_url) as client:
            for method, path, options, status in table:
                response = await client.request(method, path, **options)
                assert (method, path, response.status) == (method, path, status), await response.text()
                assert response.headers["Allow"] == "POST, OPTIONS"

    asyncio.run(scenario())


def test_each_trigger_gets_what_its_filter_lets_through(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            uploads = trigger_manifest("uploads", there.url + "/uploads", filter={"attributes": {"type": "uploaded"}})
            pictures = trigger_manifest("pictures", there.url + "/pictures", filters=[{"suffix": {"subject": ".png"}}])
            async with running(database_url, uploads, pictures) as client:
                await client.send("1", event_type="uploaded", **{"ce-subject": "a.png"})
                await client.send("2", event_type="uploaded", **{"ce-subject": "a.mp4"})
                await client.send("3", event_type="deleted")
                await settled(client)
            assert (there.ids("/uploads"), there.ids("/pictures")) == ({"1": 1, "2": 1}, {"1": 1})

    asyncio.run(scenario())


def test_failures_are_retried_then_dead_lettered_with_the_reason(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/"] = answering(503, "busy")
            delivery = {**FAST_RETRIES, "deadLetterSink": {"uri": there.url + "/dead"}}
            async with running(database_url, trigger_manifest("all", there.url + "/", delivery=delivery)) as client:
                assert await client.send("e1", data=b"{}") == 202
                await settled(client)
                assert client.broker.stats() == {"pending": 0, "dead_lettered": 1, "lost": 0}
                assert [path for path, _, _ in there.requests] == ["/", "/", "/", "/dead"]  # retry 2 = 3 tries
                _, seen, body = there.requests[-1]
                assert body == b"{}"
                assert (seen["ce-id"], seen["ce-source"], seen["ce-knativebrokerttl"]) == ("e1", "/test", "255")
                assert seen["ce-knativeerrordest"] == there.url + "/"
                assert seen["ce-knativeerrorcode"] == "503"
                assert base64.b64decode(seen["ce-knativeerrordata"]) == b"busy"
                text = client.broker.metrics()
                assert 'http_response_status_code="503",messaging_destination_name="trigger:all.default",le="+Inf"} 3' in text
                assert "darkroom_broker_dead_lettered_deliveries 1" in text

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "text", "tries"),
    [
        (400, "bad", 1),  # 4xx but 404, 408, 409, 429: once
        (404, "", 3),
        (200, "OK", 3),  # a 2xx with a body that is no event is a 502
        (304, "", 1),
    ],
)
def test_a_brokers_dead_letter_sink_is_inherited(database_url: str, status: int, text: str, tries: int) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/"] = answering(status, text)
            trigger = trigger_manifest("all", there.url + "/", delivery={"retry": 2})
            async with running(database_url, trigger, delivery={"deadLetterSink": {"uri": there.url + "/dead"}}) as client:
                await client.send("e1")
                await settled(client)
            assert [path for path, _, _ in there.requests] == ["/"] * tries + ["/dead"]

    asyncio.run(scenario())


def test_what_the_sink_refuses_too_is_kept_as_lost(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/"] = there.answers["/dead"] = answering(500)
            delivery = {"retry": 1, "deadLetterSink": {"uri": there.url + "/dead"}}
            trigger = trigger_manifest("all", there.url + "/", delivery=delivery)
            async with running(database_url, trigger) as client:
                await client.send("e1")
                await settled(client)
                assert [path for path, _, _ in there.requests] == ["/", "/", "/dead", "/dead"]
                assert client.broker.stats() == {"pending": 0, "dead_lettered": 0, "lost": 1}
            async with running(database_url, trigger) as client:
                assert client.broker.stats()["lost"] == 1
            assert count_rows(database_url, "lost") == 1

    asyncio.run(scenario())


def test_replies_come_back_in_as_events_until_their_time_to_live_is_over(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            reply = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/function", "Content-Type": "application/json"}
            there.answers["/"] = answering(200, "{}", **reply, **{"ce-type": "done"})
            there.answers["/loop"] = answering(200, "{}", **reply, **{"ce-type": "again"})
            asked = trigger_manifest("asked", there.url + "/", filter={"attributes": {"type": "asked"}})
            done = trigger_manifest("done", there.url + "/done", filter={"attributes": {"type": "done"}})
            dead = {"deadLetterSink": {"uri": there.url + "/dead"}}
            loop = trigger_manifest("loop", there.url + "/loop", filter={"attributes": {"type": "again"}}, delivery=dead)
            async with running(database_url, asked, done, loop) as client:
                await client.send("e1", event_type="asked")
                await settled(client)
                assert (there.ids("/"), there.ids("/done")) == ({"e1": 1}, {"r": 1})
                # ttl 4 leaves 3 passes: at 3, 2 and 1 the function runs; the last reply is refused, which gives up its request.
                await client.send("e2", event_type="again", **{"ce-knativebrokerttl": "4"})
                await settled(client)
                assert there.ids("/loop") == {"e2": 1, "r": 2}
                ((_, seen, _),) = [request for request in there.requests if request[0] == "/dead"]
                assert (seen["ce-knativeerrorcode"], seen["ce-knativeerrordest"]) == ("400", client.url)

    asyncio.run(scenario())


def test_redirects_are_followed(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/moved"] = answering(308, Location="/there")
            there.answers["/seen"] = answering(303, Location="/there")
            there.answers["/loop"] = answering(307, Location="/loop")
            triggers = [trigger_manifest(name, f"{there.url}/{name}", delivery={"retry": 0}) for name in ("moved", "seen", "loop")]
            async with running(database_url, *triggers) as client:
                await client.send("e1", data=b"abc")
                await settled(client)
                assert client.broker.stats()["lost"] == 1
            assert sorted(body for path, _, body in there.requests if path == "/there") == [b"", b"abc"]  # 303 became a GET
            assert len(there.ids("/loop")) == 1
            assert there.ids("/loop")["e1"] == 10

    asyncio.run(scenario())


def test_a_time_limit_ends_a_try(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:

            async def slow(_: web.Request) -> web.StreamResponse:
                await asyncio.sleep(PATIENCE_S)
                return web.Response()

            there.answers["/"] = slow
            delivery = {"retry": 1, "timeout": "PT0.2S", "deadLetterSink": {"uri": there.url + "/dead"}}
            async with running(database_url, trigger_manifest("all", there.url + "/", delivery=delivery)) as client:
                await client.send("e1")
                await settled(client)
            assert [path for path, _, _ in there.requests] == ["/", "/", "/dead"]
            assert "ce-knativeerrorcode" not in there.requests[-1][1]

    asyncio.run(scenario())


def test_a_trigger_without_its_broker_is_refused() -> None:
    with pytest.raises(UnsupportedManifest, match="no such Broker"):
        Broker("postgresql://", [], [parse_trigger(trigger_manifest("all", "http://there/"))], lambda sink: str(sink.uri), LOG)
