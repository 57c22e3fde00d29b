"""Keys that this machine makes for itself once, and keeps in the data folder for its owner alone."""

import json
import os
import secrets
from pathlib import Path

NAMES = ("ATTEMPT_TOKEN_KEY", "WEBHOOK_TOKEN", "WEBHOOK_SIGNING_KEY")


def own_secrets(data: Path) -> dict[str, str]:
    """The keys kept in `data/secrets.json`, made at the first call. An environment variable of the name wins."""
    path = data / "secrets.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in NAMES if name not in kept]
    if missing:
        kept |= {name: secrets.token_urlsafe(32) for name in missing}
        draft = path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(kept, file)
        draft.replace(path)
    return {name: os.environ.get(name, kept[name]) for name in NAMES}
