"""A broker process with failpoints: `python -m tests.faults.wired.broker DATABASE_URL SUBSCRIBER_URL`, like tests/integration/broker's."""

import asyncio
import sys

import infra.local.broker.dispatcher as dispatcher
import infra.local.broker.sql as sql
from tests.faults.wired.points import around
from tests.faults.wired.removed import remove_named
from tests.integration.broker.run_broker import main

# accepted but not committed; committed but not answered, or delivered but not yet said so; delivered but not marked
around(sql.Connection, "write", before="broker-before-commit", after="broker-after-commit")
around(dispatcher.Dispatcher, "_settle", before="broker-sent")
remove_named()

asyncio.run(main(*sys.argv[1:]))
