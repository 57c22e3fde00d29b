"""One scene: what was accepted in it, its faults, and at its end the checker's verdict in one line."""

import random
import struct
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import urllib3

from tests.faults import invariants
from tests.faults.rig import Rig


class Scene:
    """Drives a rig and remembers what it was promised."""

    def __init__(self, rig: Rig, name: str, seed: int) -> None:
        self.rig, self.name = rig, name
        self.random = random.Random(f"{name} {seed}")
        self.media: list[str] = []
        self.jobs: list[str] = []
        self.refused = 0
        self.kills = 0
        self._last_fault_s: float | None = None
        self._began_lives, self._began_failed = rig.lives, rig.failed_deliveries()

    def upload(self, data: bytes, operations: str, filename: str = "a.png") -> str | None:
        """The media's id, once the gateway has said 201. None: it was not accepted, and nothing is promised."""
        try:
            answer = self.rig.system.http.request(
                "POST", f"{self.rig.system.gateway}/media?filename={filename}&operations={operations}", body=data
            )
        except urllib3.exceptions.HTTPError:
            self.refused += 1
            return None
        if answer.status != 201:
            assert answer.status in (429, 502, 503, 507), f"{answer.status} {answer.data[:300]!r}"
            self.refused += 1
            return None
        self.media.append(answer.json()["media_id"])
        return self.media[-1]

    def surely(self, data: bytes, operations: str, filename: str = "a.png") -> str:
        """Uploads as a client does that minds: again, until it is accepted."""
        for _ in range(600):
            if (media_id := self.upload(data, operations, filename)) is not None:
                return media_id
            time.sleep(0.1)
        raise AssertionError("not accepted in a minute")

    def job(self, media_id: str, operations: Sequence[Any], **more: Any) -> str:
        document = self.rig.system.call("POST", "/jobs", status=202, json={"media_id": media_id, "operations": list(operations), **more})
        self.jobs.append(document["job_id"])
        return self.jobs[-1]

    def sql(self, query: str, **values: Any) -> Any:
        """One value out of the ledger."""
        from sqlalchemy import text

        with self.rig.database() as database, database.transaction() as session:
            return session.scalar(text(query), values)

    def states(self) -> Counter[str]:
        """The states of this scene's tasks."""
        listed = self.sql("select array_agg(state) from task where media_id = any(:media)", media=self.media)
        return Counter(listed)

    def fault(self) -> None:
        """Something was just broken, or is whole again: recovery counts from here."""
        self.kills += 1
        self._last_fault_s = time.monotonic()

    def end(self, *, timeout_s: float = 90, note: str = "") -> invariants.Verdict:
        """Waits for rest, checks everything, prints the scene's line and fails on any broken rule."""
        began_s = self._last_fault_s or time.monotonic()
        left = invariants.settle(self.rig, timeout_s)
        recovery_s = time.monotonic() - began_s
        verdict = invariants.check(self.rig, self.media, self.jobs)
        before = self._began_failed if self.rig.lives == self._began_lives else 0
        print(
            f"\n{self.name}: accepted {len(self.media)} uploads and {len(self.jobs)} more jobs; faults {self.kills}; "
            f"lost {len(verdict.lost)}; duplicated effects {len(verdict.duplicated)}; "
            f"redeliveries {self.rig.failed_deliveries() - before}; recovery {recovery_s:.1f} s{'; ' + note if note else ''}",
            flush=True,
        )
        assert not left, f"not at rest after {timeout_s} s: {left}"
        assert not verdict.lost, verdict.lost
        assert not verdict.duplicated, verdict.duplicated
        assert not verdict.broken, f"{len(verdict.broken)} broken rules: " + "; ".join(verdict.broken[:8])
        return verdict


def picture(tag: str, edge_px: int = 16) -> bytes:
    """A small PNG that no other tag makes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = random.Random(tag).randbytes(3 * edge_px * edge_px)
    rows = b"".join(b"\0" + pixels[y * 3 * edge_px : (y + 1) * 3 * edge_px] for y in range(edge_px))
    header = struct.pack(">IIBBBBB", edge_px, edge_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tagged_clip(clip: Path, tag: str) -> bytes:
    """The same film with other bytes: a `free` box at its end holds the tag (ISO/IEC 14496-12, 8.1.2)."""
    data = tag.encode()
    return clip.read_bytes() + struct.pack(">I", 8 + len(data)) + b"free" + data
