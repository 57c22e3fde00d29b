"""Looking for an attempt's result.json in the store: what the ledger does before it ends an attempt for its run."""

import json
import logging

from gateway.service import results
from gateway.service.errors import Forged
from gateway.service.scrub import scrubbed
from gateway.settings import Settings
from gateway.store.database import Database
from infra.objects.port import NoSuchObject, Objects
from schemas import keys
from schemas.payloads import Completed

log = logging.getLogger(__name__)

MAX_RESULT_BYTES = 64 * 1024


def take_result(database: Database, objects: Objects, attempt_id: str, output_prefix: str, settings: Settings) -> bool | None:
    """Applies the result that an attempt left, if any. Returns whether that changed anything.

    None where there is none. One that can never be applied counts as none: it must not hold up whoever looks.

    Raises:
        StoreUnavailable: nobody can say. DatabaseUnavailable.
    """
    try:
        with objects.open(keys.OUTPUTS_BUCKET, keys.result_key(output_prefix)) as stream:
            raw = stream.read(MAX_RESULT_BYTES)
    except NoSuchObject:
        return None
    try:
        found = _parsed(raw, attempt_id)
        with database.transaction() as session:
            return results.completed(session, found, settings)
    except (Forged, ValueError, RecursionError):  # pydantic's and json's errors are ValueErrors
        log.exception("a result.json that cannot be applied", extra={"prefix": output_prefix})
        return None


def _parsed(raw: bytes, attempt_id: str) -> Completed:
    found = Completed.model_validate(scrubbed(json.loads(raw)))
    if found.attempt_id != attempt_id:
        raise Forged(attempt_id)
    return found
