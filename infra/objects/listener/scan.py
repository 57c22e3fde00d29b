"""Finds what nobody announced: files that people copied into the media bucket, and writes whose process died before its notification.

It compares two ordered streams, the folder and the ledger, so memory stays bounded however many files there are.
"""

import os
from collections.abc import Iterator
from itertools import islice

from infra.objects.folder import FolderObjects
from infra.objects.folder_writer import etag_of
from infra.objects.listener.ledger import Announced
from infra.objects.tree import walk
from schemas.keys import MEDIA_BUCKET

_FORGET_AT_ONCE = 1000


def scan(store: FolderObjects, announced: Announced, *, now_s: float, settle_s: float) -> bool:
    """Spools a notification for each settled file whose version the ledger does not have, and forgets what is gone.

    Args:
        now_s: the time, Unix seconds.
        settle_s: a file that changed less than this ago may still be growing, and is left for later.

    Returns:
        Was something left for later?
    """
    unsettled = False
    for key, found in _unannounced(store, announced):
        if now_s - max(found.st_mtime, found.st_ctime) < settle_s:  # ctime too: `cp -p` sets an old mtime
            unsettled = True
        elif announced.etag(key) != etag_of(found):  # again: the drain may have marked it since
            store.announce(key, found, "Put")
            announced.mark(key, etag_of(found))
    gone = (key for key, _ in announced.entries() if store.stat(MEDIA_BUCKET, key) is None)
    while batch := list(islice(gone, _FORGET_AT_ONCE)):
        announced.forget(batch)
    return unsettled


def _unannounced(store: FolderObjects, announced: Announced) -> Iterator[tuple[str, os.stat_result]]:
    """Files with a version that the ledger does not have: a merge of two streams in the order of keys."""
    known = announced.entries()
    key, etag = next(known, ("", ""))
    for path, found in walk(str(store.root / MEDIA_BUCKET), prefix="", start_after=""):
        while key and key < path:
            key, etag = next(known, ("", ""))
        if (key, etag) != (path, etag_of(found)):
            yield path, found
