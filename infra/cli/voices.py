"""How `darkroom up` speaks: in lines for people, or in JSON lines for programs."""

import json
import sys
from collections.abc import Mapping
from typing import Protocol


class Voice(Protocol):
    """May be used by any thread."""

    def say(self, line: str) -> None:
        """What happens, as it happens."""

    def ready(self, document: Mapping[str, object]) -> None:
        """The system is there: what `run/darkroom.json` has from now on."""


class ForPeople:
    """Lines on stdout."""

    def say(self, line: str) -> None:
        print(line, flush=True)

    def ready(self, document: Mapping[str, object]) -> None:
        for name in ("gateway", "dashboard", "broker"):
            self.say(f"{name:10} {document[name]}")
        if "webhook" in document:
            self.say(f"webhook    {document['webhook']} for the store's events, with WEBHOOK_TOKEN of DIR/secrets.json")
        self.say("ready; Ctrl-C stops it")


class ForPrograms:
    """JSON lines on stdout: the document first, then `{"said": …}`. What is said before goes to stderr, as for people."""

    def __init__(self) -> None:
        self._ready = False

    def say(self, line: str) -> None:
        if self._ready:
            print(json.dumps({"said": line}), flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def ready(self, document: Mapping[str, object]) -> None:
        print(json.dumps(document), flush=True)
        self._ready = True
