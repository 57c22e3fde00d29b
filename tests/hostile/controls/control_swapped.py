"""Control: without the ETag on the read, a thumbnail is made of bytes that probe never saw."""

from pathlib import Path
from typing import Any

import pytest

from schemas.payloads import Completed
from tests.hostile.test_swapped import judged_and_swapped, made_of


def test_what_was_swapped_is_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, request = judged_and_swapped(tmp_path)
    fetch = store.fetch

    def careless(bucket: str, key: str, path: Path, **_: Any) -> Any:
        return fetch(bucket, key, path)

    monkeypatch.setattr(store, "fetch", careless)
    assert isinstance(made_of(store, request, tmp_path), Completed)
