"""Waiting for files and jobs to come to their end. Each change is told as (index, item), from any thread."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from infra.cli.client import JUDGED, Client
from infra.cli.documents import Document
from infra.cli.errors import UNREACHABLE, ApiError, CommandError, GatewayUnreachable
from infra.cli.item import Item
from infra.cli.operations import Wish
from infra.cli.sending import Sender, Tell, check_operations

ROUND_S = 0.25
PATIENCE_S = 30.0
SENDERS = 4


class Stopped(CommandError):
    """Nobody waits any more."""


def submit(client: Client, paths: Sequence[Path], operations: Sequence[Wish], priority: str, *, wait: bool, tell: Tell) -> list[Item]:
    """Sends every file and, with `wait`, follows its job to the end.

    Raises:
        ApiError, GatewayUnreachable: before anything was sent, or where the gateway stays away while jobs are followed.
    """
    check_operations(client, operations)
    items = [Item(name=path.name) for path in paths]
    stopped = False

    def keep(index: int, item: Item) -> None:
        if stopped:
            raise Stopped
        items[index] = item
        tell(index, item)

    with ThreadPoolExecutor(SENDERS) as pool:
        try:
            Sender(client, operations, priority).send_all(paths, pool, keep)
            _until(lambda: _round(client, items, keep, wait=wait))
        except BaseException:
            stopped = True  # what is being sent breaks off at its next chunk
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return items


def follow(client: Client, job_ids: Sequence[str], tell: Tell) -> list[Item]:
    """Follows jobs to their end.

    Raises:
        ApiError: there is no such job. GatewayUnreachable.
    """
    items = [_item_of(client, job_id) for job_id in job_ids]

    def keep(index: int, item: Item) -> None:
        items[index] = item
        tell(index, item)

    for index, item in enumerate(items):
        keep(index, item)
    _until(lambda: _round(client, items, keep, wait=True))
    return items


def look(client: Client, item: Item) -> Item:
    """The item as it is now. The job first: no task is ever seen further than its media allows."""
    assert item.job is not None
    job = client.get(f"/jobs/{item.job['job_id']}")
    media = item.media
    if media is not None and media["state"] not in JUDGED:
        media = client.get(f"/media/{media['media_id']}")
    return replace(item, media=media, job=job)


def _item_of(client: Client, job_id: str) -> Item:
    job: Document = client.get(f"/jobs/{job_id}")
    try:
        media: Document = client.get(f"/media/{job['media_id']}")
    except ApiError as exc:
        if exc.status not in (404, 410):
            raise
        return Item(name=job_id, job=job)  # the media was deleted
    return Item(name=media["filename"], media=media, job=job)


def _round(client: Client, items: Sequence[Item], keep: Tell, *, wait: bool) -> bool:
    """Looks at what has not ended. Returns whether nothing is left to wait for: with `wait` the jobs' ends, else their being made."""
    if not wait:
        return all(item.job is not None or item.ended for item in items)
    for index, item in enumerate(items):
        if item.job is not None and not item.ended:
            keep(index, look(client, item))
    return all(item.ended for item in items)


def _until(done: Callable[[], bool]) -> None:
    """Rounds until `done`. A gateway that is away for less than PATIENCE_S is waited for: it may be starting anew."""
    heard_s = time.monotonic()
    while True:
        try:
            if done():
                return
            heard_s = time.monotonic()
        except (GatewayUnreachable, ApiError) as exc:
            if exc.exit_code != UNREACHABLE or time.monotonic() - heard_s > PATIENCE_S:
                raise
        time.sleep(ROUND_S)
