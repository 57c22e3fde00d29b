"""What the operating system's errors mean to a user of the folder store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.objects.port import BadKey, NoSuchObject, StoreFull, StoreUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}
_IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY}
_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}


@contextmanager
def storing(key: str | None = None) -> Iterator[None]:
    """For writes: StoreFull where no space is left, BadKey (with `key`) where something is in the key's way, else StoreUnavailable."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _FULL:
            raise StoreFull("No space is left in the object store.") from exc
        if key is not None and exc.errno in _IN_THE_WAY:
            raise BadKey(key, "another object's key begins with it, or one of its folders is an object") from exc
        raise StoreUnavailable(f"The object store's folder answers: {exc.strerror}.") from exc


@contextmanager
def reading(root: Path, bucket: str, key: str) -> Iterator[None]:
    """For reads: NoSuchObject where there is no such file in a bucket that is there, else StoreUnavailable."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _MISSING:
            demand_bucket(root, bucket)
            raise NoSuchObject(bucket, key) from exc
        raise StoreUnavailable(f"The object store's folder answers: {exc.strerror}.") from exc


def demand_bucket(root: Path, bucket: str) -> None:
    """Raises StoreUnavailable where the bucket's own folder is gone: a disk that is away must never look like objects that are."""
    if not (root / bucket).is_dir():
        raise StoreUnavailable(f"The object store's folder of bucket {bucket} is gone.")
