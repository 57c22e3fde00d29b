"""Sending files, each with the same operations asked for. Following what becomes of them is `following`'s."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from infra.cli.client import Client
from infra.cli.documents import Document
from infra.cli.errors import WORK_FAILED, ApiError, CommandError
from infra.cli.item import Item
from infra.cli.operations import Wish

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


class Sender:
    """Sends files with operations that `check_operations` has let through."""

    def __init__(self, client: Client, operations: Sequence[Wish], priority: str) -> None:
        self._client = client
        self._operations = list(operations)
        self._priority = priority

    def send_all(self, paths: Sequence[Path], pool: ThreadPoolExecutor, tell: Tell) -> None:
        """Begins; every file ends with a job, or with an error, and `tell` hears of it from the pool's threads."""
        for index, path in enumerate(paths):
            pool.submit(self._send_one, index, path, tell)

    def _send_one(self, index: int, path: Path, tell: Tell) -> None:
        tell(index, self.send(path, lambda item: tell(index, item)))

    def send(self, path: Path, tell: Callable[[Item], None] = lambda _: None) -> Item:
        """One file, with a job or an error in the end."""
        item = Item(name=path.name)
        tell(item)
        try:
            media = self._client.upload(path, operations=[], sent=lambda part: tell(replace(item, sent=part)))
            item = replace(item, sent=1.0, media=media)
            tell(item)
            return self._ask_for(item, media["media_id"])
        except CommandError as exc:
            return replace(item, error=str(exc), exit_code=exc.exit_code)
        except OSError as exc:
            return replace(item, error=f"cannot be read: {exc.strerror}", exit_code=WORK_FAILED)

    def _ask_for(self, item: Item, media_id: str) -> Item:
        """The job. Probe may have been quicker than this: what it found out then stands in the way of a job, and counts as failed work."""
        try:
            return replace(item, job=self._post(media_id, self._operations))
        except ApiError as exc:
            if exc.status not in (410, 422):
                raise
            media = self._client.get(f"/media/{media_id}")
            item = replace(item, media=media)
            fitting, unfit = self._sorted_by_kind(media)
            if fitting and unfit:
                return replace(item, job=self._post(media_id, fitting), unfit=unfit)
            return replace(item, error="; ".join(unfit) or f"failed: {exc}", exit_code=WORK_FAILED)

    def _post(self, media_id: str, operations: list[Wish]) -> Document:
        return self._client.post("/jobs", {"media_id": media_id, "operations": operations, "priority": self._priority})

    def _sorted_by_kind(self, media: Document) -> tuple[list[Wish], tuple[str, ...]]:
        """The operations that take media of this kind, and a sentence for each that does not. Neither, where the kind is unknown."""
        if media["facts"] is None:
            return [], ()
        kind = media["facts"]["kind"]
        listed = self._client.get("/operations")["operations"]
        kinds = {name: one["kinds"] for one in listed for name in (one["name"], *one["aliases"])}
        names = [wish if isinstance(wish, str) else wish["operation"] for wish in self._operations]
        fitting = [wish for wish, name in zip(self._operations, names, strict=True) if kind in kinds[name]]
        return fitting, tuple(
            f"{name} failed (unsupported): it takes {' and '.join(kinds[name])}; this media is {kind}"
            for name in names
            if kind not in kinds[name]
        )
