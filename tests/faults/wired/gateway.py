"""The gateway's processes with failpoints. Patched before any of its modules has taken a name from another."""

import infra.objects.open as opening
from tests.faults.wired.points import around, tenfold
from tests.faults.wired.store import TroubledStore

_open = opening.open_objects
opening.open_objects = lambda *args, **named: TroubledStore(_open(*args, **named))  # type: ignore[assignment]

import gateway.service.grants as grants  # noqa: E402
import gateway.service.inbox as inbox  # noqa: E402
import gateway.service.uploads as uploads  # noqa: E402
import gateway.worker.relay as relay  # noqa: E402
from gateway.service import results  # noqa: E402

# public: the object is stored, its row does not know it; both know, nobody has been told
around(uploads, "object_seen", before="web-stored")
around(uploads, "media_row", before="web-committed")
# public: the store is about to make an upload's parts one object; it has, and the ledger does not know
around(grants.Grants, "_join", before="web-joining", after="web-joined")
# internal: effects written but not committed; committed, but not answered
around(results, "completed", after="internal-before-commit")
around(inbox, "take_in", after="internal-after-commit")
# every event ten times, concurrently and in any order: requests on their way out, all others on their way in
tenfold(inbox, "take_in")
tenfold(relay.Relay, "_send")
# worker: claimed but not sent; sent but not marked. A dead relay's claims run out sooner, so that a test need not wait half a minute.
around(relay.envelope, "to_binary", before="relay-claimed")
around(relay.Relay, "_mark", before="relay-sent")
relay.CLAIM_S, relay.RENEW_EVERY_S = 3.0, 1.0
