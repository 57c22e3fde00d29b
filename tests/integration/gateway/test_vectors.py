"""Nearest media, with pgvector and without it: the same answer."""

import base64
import math
import struct
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from gateway.store import vectors
from schemas.payloads import Vector

from .conftest import House


def vector(values: Sequence[float]) -> Vector:
    length = math.hypot(*values)
    raw = struct.pack(f"<{len(values)}f", *(value / length for value in values))
    return Vector(model="test-model", dimensions=len(values), base64=base64.b64encode(raw).decode())


@pytest.mark.parametrize("extension", ["pgvector", "arrays"])
def test_near_ones_first(house: House, extension: str) -> None:
    with house.gateway.database.transaction() as session:
        if extension == "arrays":
            session.execute(text("drop extension vector cascade"))
        assert vectors.has_pgvector(session) == (extension == "pgvector")
    angles = {"a": 0.0, "b": 0.1, "c": 0.5, "d": 2.0}
    media = {name: house.upload(name.encode(), operations="none") for name in angles}
    house.settle()
    with house.gateway.database.transaction() as session:
        for name, angle in angles.items():
            vectors.save(session, tenant="default", sha256=media[name]["sha256"], vector=vector([math.cos(angle), math.sin(angle), 0]))
    with house.gateway.database.transaction() as session:
        found = vectors.similar(session, tenant="default", sha256=media["a"]["sha256"], model="test-model", limit=3)
        assert vectors.similar(session, tenant="default", sha256="0" * 64, model="test-model", limit=3) is None
        assert vectors.similar(session, tenant="other", sha256=media["a"]["sha256"], model="test-model", limit=3) is None
        assert vectors.similar(session, tenant="default", sha256=media["a"]["sha256"], model="no-such-model", limit=3) is None
    assert found is not None
    assert [one.media_id for one in found] == [media[name]["media_id"] for name in "abc"]
    assert [one.cosine for one in found] == pytest.approx([1, math.cos(0.1), math.cos(0.5)], abs=1e-5)


def test_a_vector_that_is_not_one_is_refused() -> None:
    with pytest.raises(ValueError, match="3 dimensions need 12 bytes, not 4"):
        vectors.decode(Vector(model="m", dimensions=3, base64=base64.b64encode(b"1234").decode()))
