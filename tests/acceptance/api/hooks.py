"""Schemathesis' hooks, which make more of its requests reach what is there.

Every request with a good `Idempotency-Key` has one of its own: a key used for two different requests is refused with 422, as it has to be,
and the same request with the same key is another test's business (`tests/integration/gateway/test_idempotency.py`).

Every second id that nobody handed out becomes that of the media, job or artifact of the running system; but none is deleted, and the
stateful phase keeps the ids that it was given.
"""

import itertools
import os
import re
from typing import Any

import schemathesis
from schemathesis import Case, HookContext

HEADER = "Idempotency-Key"
REAL = {name: os.environ.get(name.upper(), "") for name in ("media_id", "job_id", "artifact_id")}
_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NUMBERS = itertools.count(1)
_TURNS = itertools.cycle((True, False))


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    key = (case.headers or {}).get(HEADER)
    if isinstance(key, str) and re.fullmatch("[ -~]{1,255}", key):
        case.headers[HEADER] = f"{next(_NUMBERS)} {key}"[:255]
    if case.method != "DELETE" and case.meta is not None and case.meta.phase.name.value != "stateful" and next(_TURNS):
        for values in (case.path_parameters, case.query, case.body):
            if isinstance(values, dict):
                values.update({name: REAL[name] for name in REAL.keys() & values.keys() if _is_id(values[name])})


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None
