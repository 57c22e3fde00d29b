"""Jobs on disk: `jobs/NAME/job.json`, and the event where its process reads it, `jobs/NAME/jobsink-event/event`.

What `create` and `save` have returned from survives any kill.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from infra.durable import sync_folder, write_synced
from infra.local.jobs.record import JobRecord, Phase

_RECORD, _EVENT_FOLDER, _EVENT = "job.json", "jobsink-event", "event"
_DRAFT = ".new"
_MODE = 0o600


class JobFolder:
    """The Jobs of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def event_path(self, name: str) -> Path:
        """The folder that K_EVENT_PATH names."""
        return self._folder / name / _EVENT_FOLDER

    def load(self) -> list[JobRecord]:
        """Every Job there is, oldest first. Half-made ones are removed: nobody was told of them."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = []
        for path in self._folder.iterdir():
            if path.name.endswith(_DRAFT):
                shutil.rmtree(path, ignore_errors=True)
                continue
            values = json.loads((path / _RECORD).read_text())
            found.append(JobRecord(**{**values, "phase": Phase(values["phase"])}))
        return sorted(found, key=lambda record: record.created_at_s)

    def create(self, record: JobRecord, event: bytes | None) -> None:
        """The Job, whole or not at all; without an event it has no Secret."""
        draft = self._folder / (record.name + _DRAFT)
        shutil.rmtree(draft, ignore_errors=True)
        (draft / _EVENT_FOLDER).mkdir(parents=True, mode=0o700)
        if event is not None:
            write_synced(draft / _EVENT_FOLDER / _EVENT, event, mode=_MODE)
        write_synced(draft / _RECORD, _text(record), mode=_MODE)
        draft.rename(self._folder / record.name)
        sync_folder(self._folder)

    def save(self, record: JobRecord) -> None:
        """The record anew."""
        draft = self._folder / record.name / (_RECORD + _DRAFT)
        write_synced(draft, _text(record), mode=_MODE)
        draft.replace(self._folder / record.name / _RECORD)
        sync_folder(self._folder / record.name)

    def remove(self, name: str) -> None:
        """The Job and its event, in one step: what a kill leaves of it is no Job."""
        doomed = self._folder / (name + _DRAFT)
        with suppress(FileNotFoundError):
            (self._folder / name).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def _text(record: JobRecord) -> bytes:
    return json.dumps(asdict(record), indent=2).encode() + b"\n"
