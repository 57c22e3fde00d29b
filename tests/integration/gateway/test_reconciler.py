"""The reconciler beside large buckets: memory that does not grow, and no question asked of the store that its listing has answered."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from sqlalchemy import text

from gateway.service.reconciler import PAGE, reconcile
from infra.objects.memory import MemoryObjects
from infra.objects.port import ObjectInfo
from schemas import keys

from .conftest import House
from .test_cancel import accepted

NOW = datetime.now(UTC)


class Counted(ObjectInfo):
    """One line of a listing, which counts how many of its kind there are at once."""

    alive: ClassVar[int] = 0
    most: ClassVar[int] = 0

    def __del__(self) -> None:
        Counted.alive -= 1


def counted(bucket: str, key: str, etag: str) -> Counted:
    info = Counted(bucket=bucket, key=key, etag=etag, bytes=1, modified_at=NOW)
    Counted.alive += 1
    Counted.most = max(Counted.most, Counted.alive)
    return info


class Vast(MemoryObjects):
    """A store whose listings are made up as they are read."""

    def __init__(self, *, originals: int = 0, outputs: Iterator[str] | tuple[str, ...] = ()) -> None:
        super().__init__()
        self._originals, self._outputs, self.heads = originals, outputs, 0

    def list(self, bucket: str, *, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        if bucket == keys.MEDIA_BUCKET:
            return (counted(bucket, f"{n:07}.jpg", f"e{n}") for n in range(self._originals))
        return (counted(bucket, key, "e") for key in self._outputs)

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        self.heads += 1
        return None


@pytest.fixture(autouse=True)
def _count_anew() -> None:
    Counted.alive = Counted.most = 0


def test_a_million_outputs(house: House) -> None:
    media = accepted(house)
    house.post("/jobs", {"media_id": media, "operations": ["thumbnail"]})
    house.settle()
    shown = house.get(f"/media/{media}/artifacts")["artifacts"][0]["object_key"]
    folder = shown.rsplit("/", 1)[0]
    store = Vast(outputs=(f"{folder}/{n:07}.webp" for n in range(1_000_000)))
    with house.gateway.database.transaction() as session:
        session.execute(text("update media set gone_at = now()"))  # the vast store has no originals
    report = reconcile(house.gateway.database, store, house.gateway.settings)
    assert report.found == {}
    assert (Counted.alive, Counted.most <= 2 * PAGE + 2) == (0, True)


def test_a_hundred_thousand_originals(house: House) -> None:
    count, lost = 100_000, 3
    with house.gateway.database.transaction() as session:
        session.execute(
            text(
                "insert into media (id, tenant, filename, content_type, object_key, etag, bytes, state, operations)"
                " select 'id' || lpad(n::text, 7, '0'), 'default', 'x', 'image/jpeg', lpad(n::text, 7, '0') || '.jpg', 'e' || n, 1,"
                " 'accepted', '[]'"
                " from generate_series(0, :last) n"
            ),
            {"last": count + lost - 1},
        )
    store = Vast(originals=count)
    report = reconcile(house.gateway.database, store, house.gateway.settings)
    assert report.found == {"originals gone": lost}
    assert store.heads == 2 * lost  # one to make sure, one under the key's lock; none for the hundred thousand
    assert (Counted.alive, Counted.most <= 2 * PAGE + 2) == (0, True)


def test_rows_before_between_and_after_what_is_listed(house: House) -> None:
    """Keys in the order of bytes, in which B comes before a: a locale's order would miss rows between."""
    for key in ("B.jpg", "a.jpg", "é.jpg", "媒.jpg"):
        stored = house.store.put(keys.MEDIA_BUCKET, key, [key.encode()], content_type="image/jpeg")
        house.event(
            "com.amazonaws.s3.ObjectCreated:Put",
            key.encode().hex(),
            {"s3": {"bucket": {"name": "media"}, "object": {"key": key, "eTag": stored.etag, "size": 5}}},
            subject=key,
        )
    house.settle()
    for key in ("B.jpg", "é.jpg"):
        house.store.delete(keys.MEDIA_BUCKET, key)
    assert reconcile(house.gateway.database, house.store, house.gateway.settings).found == {"originals gone": 2}
    for media in house.get("/media")["media"]:
        expected = 410 if media["object_key"] in ("B.jpg", "é.jpg") else 302
        assert house.public.get(f"/media/{media['media_id']}/original").status_code == expected
