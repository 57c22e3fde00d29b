"""What becomes of the rows of one key when an object is seen under it: from a notification, the gateway's own put, or the reconciler.

The rules are guarantees.md's "Media". Pure: the caller locks the rows of the key, asks, and carries the decision out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from gateway.domain.states import MediaState


@dataclass(frozen=True, kw_only=True)
class Row:
    """One media that has, or had, this key."""

    media_id: str
    state: MediaState
    etag: str | None = None
    gone: bool = False  # its object is not the key's any more
    dead: bool = False  # deleted or expired: final
    object_awaits_removal: bool = False  # deleted, or past its retention, and its object may still be there


class Action(Enum):
    """What to do about the object itself."""

    NOTHING = auto()  # known, or waking is enough
    TAKE = auto()  # `media_id` now has this object: uploaded, to be probed
    WAKE = auto()  # `media_id` had lost this very version: it is there again
    ADOPT = auto()  # a new media is minted for it
    REMOVE = auto()  # an object under media/ with no living row: never adopted


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """The decision. `replaced`: rows whose object has just been overwritten."""

    action: Action
    media_id: str | None = None
    replaced: tuple[str, ...] = ()


def arrive(*, own: bool, rows: Sequence[Row], etag: str) -> Arrival:
    """Decides.

    Args:
        own: the key is under `media/`, which belongs to Darkroom alone.
        rows: every media of this key, in the order of their making.
        etag: the version that was seen.
    """
    action, media_id = _decide(own, rows, etag)
    replaced = tuple(
        row.media_id
        for row in rows
        if row.media_id != media_id and row.etag not in (None, etag) and not row.dead and not row.gone and action is not Action.REMOVE
    )
    return Arrival(action=action, media_id=media_id, replaced=replaced)


def _decide(own: bool, rows: Sequence[Row], etag: str) -> tuple[Action, str | None]:
    for row in rows:
        if row.etag == etag and (not row.dead or row.object_awaits_removal):
            wakes = row.gone and not row.dead and not row.object_awaits_removal
            return (Action.WAKE if wakes else Action.NOTHING), row.media_id
    for row in rows:
        if row.state is MediaState.AWAITING_UPLOAD and not row.dead:
            return Action.TAKE, row.media_id
    if not own:
        return Action.ADOPT, None
    if not rows or rows[0].dead:
        return Action.REMOVE, None
    for row in rows:
        unjudged = row.state is MediaState.UPLOADED or (row.state is MediaState.FAILED and row.gone)
        if not row.dead and unjudged:
            return Action.TAKE, row.media_id
    return Action.ADOPT, None  # overwritten after the verdict: new bytes are a new media, the old one's original is gone
