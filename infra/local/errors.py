"""Every error that the local platform raises on purpose, as one tree.

LocalPlatformError
├── UnsupportedManifest   a manifest that Knative would refuse, or that asks for what this platform has not
└── BrokerError           the broker could not start or go on
    ├── BrokerStoreUnavailable   PostgreSQL cannot be reached; the next try may succeed
    └── BrokerAlreadyRunning     another broker process owns this database
"""


class LocalPlatformError(Exception):
    """Anything the local platform can say in one sentence to the person who started it."""


class UnsupportedManifest(LocalPlatformError):
    """A manifest that this platform does not take, with the reason in words.

    Args:
        kind: the manifest's kind, such as `Trigger`.
        name: its `namespace/name`, as far as known.
        reason: one sentence that names the field.
    """

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(f"{kind} {name}: {reason}")
        self.kind = kind
        self.name = name
        self.reason = reason


class BrokerError(LocalPlatformError):
    """The broker could not start or go on."""


class BrokerStoreUnavailable(BrokerError):
    """PostgreSQL did not commit; nothing may be taken as stored."""


class BrokerAlreadyRunning(BrokerError):
    """Another process holds the advisory lock of this database's broker."""
