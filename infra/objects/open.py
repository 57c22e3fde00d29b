"""Opens the store that a URL names. Each adapter is imported only when its kind of URL asks for it: a cold start pays for one."""

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

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
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        from infra.objects.folder import FolderObjects

        return FolderObjects(Path(unquote(parts.path)), public_url)
    if parts.scheme in ("http", "https") and parts.hostname and parts.username and parts.password:
        from infra.objects.s3 import S3Objects

        endpoint = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        region = parse_qs(parts.query).get("region", ["us-east-1"])[0]
        return S3Objects(
            endpoint=endpoint,
            public_url=public_url or endpoint,
            access_key=unquote(parts.username),
            secret_key=unquote(parts.password),
            region=region,
        )
    shown = re.sub(r"//[^@]*@", "//…@", url)
    raise ValueError(f"{shown!r} names no object store: file:///folder, or http(s)://ACCESS:SECRET@host:port")
