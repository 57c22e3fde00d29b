"""Sending files and following jobs to their end. Where the news goes is the caller's: each change is told as (index, item)."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from infra.cli.client import JUDGED, Client
from infra.cli.documents import Document
from infra.cli.errors import ApiError, CommandError, GatewayUnreachable
from infra.cli.item import Item
from infra.cli.operations import Wish

ROUND_S = 0.25
PATIENCE_S = 30.0
SENDERS = 4
NO_MEDIA = "00000000-0000-0000-0000-000000000000"

Tell = Callable[[int, Item], None]


def check_operations(client: Client, operations: Sequence[Wish]) -> None:
    """Has the gateway judge the operations before a byte is sent: a job for a media that never was is refused for the operations first.

    Raises:
        ApiError: with the gateway's sentence about an operation that it does not know or take.
        GatewayUnreachable.
    """
    try:
        client.post("/jobs", {"media_id": NO_MEDIA, "operations": list(operations)})
    except ApiError as exc:
        if exc.status != 404:
            raise


class Stopped(CommandError):
    """Nobody waits for the sending any more."""


class Sender:
    """Sends files, a few at once, and asks for the same operations on each."""

    def __init__(self, client: Client, operations: Sequence[Wish], priority: str, tell: Tell) -> None:
        self._client = client
        self._operations = list(operations)
        self._priority = priority
        self._tell = tell

    def send_all(self, paths: Sequence[Path], pool: ThreadPoolExecutor) -> None:
        """Begins; every file ends with a job, or with an error."""
        for index, path in enumerate(paths):
            pool.submit(self._send, index, path)

    def _send(self, index: int, path: Path) -> None:
        item = Item(name=path.name)
        self._tell(index, item)
        try:
            media = self._client.upload(path, operations=[], sent=lambda part: self._tell(index, replace(item, sent=part)))
            item = replace(item, sent=1.0, media=media)
            self._tell(index, item)
            item = replace(item, job=self._ask_for(media["media_id"]))
        except CommandError as exc:
            item = self._given_up(item, exc)
        except OSError as exc:
            item = replace(item, error=f"cannot be read: {exc.strerror}", exit_code=CommandError.exit_code)
        self._tell(index, item)

    def _ask_for(self, media_id: str) -> Document:
        return self._client.post("/jobs", {"media_id": media_id, "operations": self._operations, "priority": self._priority})

    def _given_up(self, item: Item, exc: CommandError) -> Item:
        """After a check of the operations, a job refused for a media that came is the media's own failure, not a refusal."""
        if item.media is None or not isinstance(exc, ApiError) or exc.status not in (410, 422):
            return replace(item, error=str(exc), exit_code=exc.exit_code)
        with suppress(CommandError):  # the first word counts
            item = replace(item, media=self._client.get(f"/media/{item.media['media_id']}"))
        return replace(item, error=f"failed: {exc}", exit_code=CommandError.exit_code)


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
            Sender(client, operations, priority, keep).send_all(paths, pool)
            _until(lambda: _look_again(client, items, keep, wait=wait))
        except BaseException:
            stopped = True  # what is being sent breaks off at its next chunk
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return items


def follow(client: Client, job_ids: Iterable[str], tell: Tell) -> list[Item]:
    """Follows jobs to their end.

    Raises:
        ApiError: there is no such job. GatewayUnreachable.
    """
    items: list[Item] = []
    for index, job_id in enumerate(job_ids):
        job = client.get(f"/jobs/{job_id}")
        media = _media_of(client, job["media_id"])
        items.append(Item(name=media["filename"] if media else job["job_id"], media=media, job=job))
        tell(index, items[index])

    def keep(index: int, item: Item) -> None:
        items[index] = item
        tell(index, item)

    _until(lambda: _look_again(client, items, keep, wait=True))
    return items


def _media_of(client: Client, media_id: str) -> Document | None:
    """None for a deleted one, whose job may still be followed."""
    try:
        return client.get(f"/media/{media_id}")
    except ApiError as exc:
        if exc.status in (404, 410):
            return None
        raise


def _look_again(client: Client, items: Sequence[Item], keep: Tell, *, wait: bool) -> bool:
    """One round over what has not ended. Returns whether nothing is left to wait for."""
    if not wait:
        return all(item.job is not None or item.ended for item in items)
    for index, item in enumerate(items):
        if item.job is not None and not item.ended:
            keep(index, look(client, item))
    return all(item.ended for item in items)


def look(client: Client, item: Item) -> Item:
    """The item as it is now. The job first: no task is ever seen further than its media allows."""
    assert item.job is not None
    job = client.get(f"/jobs/{item.job['job_id']}")
    media = item.media
    if media is not None and media["state"] not in JUDGED:
        media = client.get(f"/media/{media['media_id']}")
    return replace(item, media=media, job=job)


def _until(done: Callable[[], bool]) -> None:
    """Rounds until `done`; a gateway that is away for less than PATIENCE_S is waited for: it may be starting anew."""
    heard_s = time.monotonic()
    while True:
        try:
            if done():
                return
            heard_s = time.monotonic()
        except (GatewayUnreachable, ApiError) as exc:
            if exc.exit_code != GatewayUnreachable.exit_code or time.monotonic() - heard_s > PATIENCE_S:
                raise
        time.sleep(ROUND_S)
