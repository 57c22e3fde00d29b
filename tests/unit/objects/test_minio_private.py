"""minio-py's private multipart calls: named in one file, and still what that file takes them for."""

import inspect
import re
from pathlib import Path

import pytest
from minio import Minio

REPOSITORY = Path(__file__).resolve().parents[3]
ONE_FILE = "infra/objects/s3_multipart.py"
CALLS = {
    "_create_multipart_upload": ["self", "bucket_name", "object_name", "headers"],
    "_list_parts": ["self", "bucket_name", "object_name", "upload_id", "max_parts", "part_number_marker"],
    "_complete_multipart_upload": ["self", "bucket_name", "object_name", "upload_id", "parts"],
    "_abort_multipart_upload": ["self", "bucket_name", "object_name", "upload_id"],
}


@pytest.mark.parametrize("name", CALLS)
def test_the_call_has_not_moved(name: str) -> None:
    assert list(inspect.signature(getattr(Minio, name)).parameters)[: len(CALLS[name])] == CALLS[name]


def test_one_file_makes_them() -> None:
    private = re.compile(r"_client\.(_[a-z]\w+)")
    found = {
        str(path.relative_to(REPOSITORY)): set(private.findall(path.read_text()))
        for folder in ("infra", "gateway", "functions", "schemas")
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    assert {path: calls for path, calls in found.items() if calls} == {ONE_FILE: set(CALLS)}
