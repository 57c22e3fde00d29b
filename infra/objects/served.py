"""What the listener needs of a store beyond the port: a writer to hand bytes to, and a version's bytes together with its facts."""

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from infra.objects.port import ObjectInfo, Objects, Stored
from infra.objects.signing import Signer


class Writer(Protocol):
    """One object on its way. Leaving its `with` block without `commit` leaves nothing."""

    def write(self, chunk: bytes) -> None: ...

    def commit(self) -> Stored: ...


class PartWriter(Protocol):
    """One part on its way. Leaving its `with` block without `keep` leaves nothing."""

    def write(self, chunk: bytes) -> None: ...

    def keep(self) -> str:
        """Makes it the part of its number. Returns its ETag."""


class ServedObjects(Objects, Protocol):
    """A store that has no server of its own."""

    @property
    def signer(self) -> Signer: ...

    def opened(self, bucket: str, key: str, *, if_match: str | None = None) -> AbstractContextManager[tuple[BinaryIO, ObjectInfo]]: ...

    def writer(
        self, bucket: str, key: str, *, content_type: str, max_bytes: int | None = None, how: str = "Put"
    ) -> AbstractContextManager[Writer]: ...

    def part_writer(self, bucket: str, key: str, upload_id: str, number: int) -> AbstractContextManager[PartWriter]: ...
