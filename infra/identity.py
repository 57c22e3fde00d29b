"""Who a sender is, to a broker that asks: the OIDC token that a SinkBinding mounts, or a Job's own manifest."""

from pathlib import Path

TOKEN_FILE = Path("/oidc/token")
"""Where Knative's SinkBinding puts it, once its sink has an audience."""


def authorization() -> dict[str, str]:
    """The header that goes with an event to the broker; empty where no token was given. Read anew each time: the cluster renews it."""
    try:
        token = TOKEN_FILE.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return {}
    return {"Authorization": f"Bearer {token}"} if token else {}
