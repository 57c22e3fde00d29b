"""Looking for an attempt's result.json in the store: what the ledger asks before it ends an attempt for its run."""

import logging

from pydantic import ValidationError

from infra.objects.port import NoSuchObject, Objects
from schemas import keys
from schemas.payloads import Completed

log = logging.getLogger(__name__)

MAX_RESULT_BYTES = 64 * 1024


def find_result(objects: Objects, output_prefix: str) -> Completed | None:
    """The result that an attempt left, or None.

    Raises:
        StoreUnavailable: nobody can say.
    """
    try:
        with objects.open(keys.OUTPUTS_BUCKET, keys.result_key(output_prefix)) as stream:
            raw = stream.read(MAX_RESULT_BYTES)
    except NoSuchObject:
        return None
    try:
        return Completed.model_validate_json(raw)
    except ValidationError:
        log.exception("a result.json that is none", extra={"prefix": output_prefix})
        return None
