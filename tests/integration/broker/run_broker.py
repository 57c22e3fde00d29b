"""A broker process for tests that kill it: `run_broker.py DATABASE_URL SUBSCRIBER_URL`, prints its port, runs until killed."""

import asyncio
import logging
import sys

from infra.local.broker import Broker, parse_broker, parse_trigger

EVENTING = "eventing.knative.dev/v1"


async def main(database_url: str, subscriber_url: str) -> None:
    metadata = {"namespace": "default", "name": "main"}
    broker = parse_broker({"apiVersion": EVENTING, "kind": "Broker", "metadata": metadata})
    spec = {"broker": "main", "subscriber": {"uri": subscriber_url}}
    trigger = parse_trigger({"apiVersion": EVENTING, "kind": "Trigger", "metadata": metadata, "spec": spec})
    service = Broker(database_url, [broker], [trigger], lambda sink: str(sink.uri), logging.getLogger("broker"))
    print(await service.start("127.0.0.1", 0), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
