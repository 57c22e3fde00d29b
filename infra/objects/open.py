"""Opens the store that a URL names, or makes it ready. An adapter is imported only when its URL asks for it: a cold start pays for one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from infra.objects.names import BUCKETS
from infra.objects.port import Objects


def open_objects(url: str, *, public_url: str | None = None) -> Objects:
    """The store behind a URL.

    Args:
        url: `file:///absolute/folder`, or `http(s)://ACCESS:SECRET@host:port[?region=us-east-1]` for anything that speaks S3.
        public_url: the endpoint as clients see it, which presigned URLs name; for S3 the same endpoint by default, for a folder its
            listener's, without which nothing can be presigned.

    Raises:
        ValueError: no such URL. Its secrets are not repeated in the message.
        StoreUnavailable: the folder cannot be made.
    """
    place = _place(url)
    if isinstance(place, Path):
        from infra.objects.folder import FolderObjects

        return FolderObjects(place, public_url)
    from infra.objects.s3 import S3Objects

    return S3Objects(
        endpoint=place.endpoint,
        public_url=public_url or place.endpoint,
        access_key=place.access_key,
        secret_key=place.secret_key,
        region=place.region,
    )


def prepare_objects(url: str, *, arn: str | None) -> Iterator[str]:
    """Makes the store behind a URL ready, and says each thing that it changed; done again it changes nothing.

    Args:
        url: as for `open_objects`.
        arn: the notification target of uploads, for S3; None leaves notifications as they are. A folder's listener needs none.

    Raises:
        ValueError: no such URL.
        StoreUnavailable: the store does not answer, or does not allow it.
        infra.objects.s3_setup.NoSuchTarget: the store knows no such target.
    """
    place = _place(url)
    if isinstance(place, Path):
        missing = [bucket for bucket in BUCKETS if not (place / bucket).is_dir()]
        open_objects(url).ready()
        yield from (f"bucket {bucket}: made" for bucket in missing)
        return
    from infra.objects.s3 import connect
    from infra.objects.s3_setup import set_up

    yield from set_up(connect(place.endpoint, place.access_key, place.secret_key, place.region), arn=arn)


@dataclass(frozen=True, kw_only=True)
class _Endpoint:
    """An S3 store as its URL names it."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str


def _place(url: str) -> Path | _Endpoint:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return Path(unquote(parts.path))
    if parts.scheme in ("http", "https") and parts.hostname and parts.username and parts.password:
        return _Endpoint(
            endpoint=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            access_key=unquote(parts.username),
            secret_key=unquote(parts.password),
            region=parse_qs(parts.query).get("region", ["us-east-1"])[0],
        )
    shown = re.sub(r"//[^@]*@", "//…@", url)
    raise ValueError(f"{shown!r} names no object store: file:///folder, or http(s)://ACCESS:SECRET@host:port")
