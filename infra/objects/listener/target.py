"""What a request line asks for. Pure.

It reads the raw target: routers decode, join and clean paths, each in a way of its own, and a key is none of their business.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True, kw_only=True)
class Target:
    """A bucket, a key (empty for the bucket itself) and the query. Of a parameter given twice the last counts, signed or not."""

    bucket: str
    key: str
    query: dict[str, str]


def parse_target(raw: str) -> Target | None:
    """`/o/{bucket}/{key}?{query}` decoded once; None for any other path.

    Raises:
        ValueError: an encoding that is no UTF-8.
    """
    path, _, query = raw.partition("?")
    if not path.startswith("/o/"):
        return None
    bucket, _, key = path.removeprefix("/o/").partition("/")
    return Target(
        bucket=unquote(bucket, errors="strict"),
        key=unquote(key, errors="strict"),
        query=dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=20)),
    )
