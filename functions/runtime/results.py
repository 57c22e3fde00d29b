"""An attempt's objects: outputs first, then result.json, the whole `completed` payload, last. Results appear once and whole."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path

from functions.errors import Infra, ToolFailed
from functions.runtime.job import Output
from functions.runtime.log import LOG
from infra.objects.port import NoSuchObject, Objects, ObjectStoreError
from schemas.envelope import JSON
from schemas.events import MAX_EVENT_BYTES
from schemas.keys import RESULT_NAME, result_key
from schemas.payloads import ArtifactFacts, Completed, Requested


def earlier_result(objects: Objects, requested: Requested) -> Completed | None:
    """The result that an earlier run of this attempt left, or None. It carries the request's token, not the one that it was stored with.

    Raises:
        ObjectStoreError: the store does not answer, or the key is impossible.
    """
    try:
        with objects.open(requested.output_bucket, result_key(requested.output_prefix)) as stream:
            found = Completed.model_validate_json(stream.read(MAX_EVENT_BYTES + 1))
    except NoSuchObject:
        return None
    except ValueError:
        found = None
    if found is None or found.attempt_id != requested.attempt_id:
        LOG.error("a result.json that is not this attempt's", extra={"attempt_id": requested.attempt_id})
        return None
    return found.model_copy(update={"token": requested.token})


def store_outputs(objects: Objects, requested: Requested, folder: Path, outputs: Sequence[Output]) -> list[ArtifactFacts]:
    """Writes the outputs into the attempt's own folder.

    Raises:
        ToolFailed: an output is no plain file in `folder`: what a hostile tool may have left there is not followed.
        Infra: the store would not take it.
    """
    return [_store(objects, requested, folder, output) for output in outputs]


def store_result(objects: Objects, requested: Requested, completed: Completed) -> None:
    """Writes result.json.

    Raises:
        ToolFailed: it is larger than an event may be.
        Infra: the store would not take it.
    """
    body = json.dumps(completed.model_dump(mode="json", exclude_none=True), separators=(",", ":")).encode()
    if len(body) > MAX_EVENT_BYTES:
        raise ToolFailed("The work has more results than an event can name.")
    try:
        objects.put(requested.output_bucket, result_key(requested.output_prefix), [body], content_type=JSON)
    except ObjectStoreError as exc:
        raise Infra("The result could not be stored.", log_tail=str(exc)) from exc


def _store(objects: Objects, requested: Requested, folder: Path, output: Output) -> ArtifactFacts:
    path, key = output.path, requested.output_prefix + output.path.name
    if path.parent != folder or path.name == RESULT_NAME or not _is_plain_file(path):
        raise ToolFailed("The tool left no usable output.")
    try:
        stored = objects.put_file(requested.output_bucket, key, path, content_type=output.content_type)
    except ObjectStoreError as exc:
        raise Infra("An output could not be stored.", log_tail=str(exc)) from exc
    return ArtifactFacts(
        object_key=key,
        content_type=output.content_type,
        bytes=stored.bytes,
        sha256=stored.sha256,
        width_px=output.width_px,
        height_px=output.height_px,
        duration_ms=output.duration_ms,
    )


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
