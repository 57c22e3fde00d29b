"""What must hold after every scene, whatever was killed: the promise, read from the ledger, the broker, the folders and the process table.

`settle` waits until everything that was accepted has ended and the road is empty; `check` sweeps once and lists every broken rule in words.
It reads with SQL of its own, not with the code that it checks.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from functions.runtime.workspace import sweep as sweep_workspaces
from gateway.service.reconciler import reconcile
from infra.local.leftovers import processes_under
from infra.objects.folder import FolderObjects
from tests.faults.rig import Rig

UNSETTLED = {
    "media without a verdict": "media where state in ('awaiting_upload', 'uploaded') and deleted_at is null and expired_at is null",
    "live tasks": "task where state in ('queued', 'running')",
    "live jobs": "job where state in ('queued', 'running')",
    "live works": "work where state in ('waiting', 'out')",
    "leases and other live attempts": "attempt where state in ('admitted', 'sent', 'running')",
    "held slots": "attempt where holds_slot",
    "outbox rows": "outbox",
    "broker deliveries": "broker.delivery",
    "objects to remove": "doomed_object",
}
"""Rows that are still on their way somewhere."""

BROKEN = {
    "a done task without a done work": """
        select t.id from task t left join work w on w.id = t.work_id where t.state = 'done' and (w.id is null or w.state <> 'done')""",
    "a failed task without class or sentence": """
        select id from task where state = 'failed' and (error_class is null or coalesce(error_message, '') = '')""",
    "a failed media without class or sentence": """
        select id from media where state in ('rejected', 'failed') and (error_class is null or coalesce(error_message, '') = '')""",
    "a done work that names no done attempt": """
        select w.id from work w left join attempt a on a.work_id = w.id and a.number = w.result_attempt
        where w.state = 'done' and (a.id is null or a.state <> 'done')""",
    "a work with two done attempts": """
        select work_id from attempt where state = 'done' group by work_id having count(*) > 1""",
    "a work that is not done and has artifacts": """
        select w.id from work w join artifact a on a.work_id = w.id where w.state <> 'done'""",
    "a work whose attempts were not counted one by one": """
        select w.id from work w join attempt a on a.work_id = w.id group by w.id, w.attempts
        having count(*) <> w.attempts or max(a.number) <> w.attempts or count(distinct a.number) <> w.attempts""",
    "an artifact twice": """
        select work_id from artifact group by work_id, position having count(*) > 1""",
    "two jobs for one wish": """
        select media_id from job group by media_id, created_at having count(*) > 1""",
    "an ended attempt without an end": """
        select id from attempt where finished_at is null and state in ('done', 'failed', 'lost')""",
}
"""A query each, whose every row is a broken rule."""
NAMED = "select w.*, a.output_prefix from work w join attempt a on a.work_id = w.id and a.number = w.result_attempt"
DUPLICATES = ("a work with two done attempts", "an artifact twice", "two jobs for one wish")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one look found. `lost`: accepted and not ended, or not there at all."""

    lost: Sequence[str]
    duplicated: Sequence[str]
    broken: Sequence[str]
    tasks: Counter[str]
    attempts_beyond_the_first: int


def unsettled(rig: Rig) -> dict[str, int]:
    """What is still on its way, by kind; empty when all is at rest."""
    with rig.database() as database, database.transaction() as session:
        counts = {name: int(session.scalar(text(f"select count(*) from {rows}")) or 0) for name, rows in UNSETTLED.items()}
    return {name: count for name, count in counts.items() if count}


def settle(rig: Rig, timeout_s: float) -> dict[str, int]:
    """Waits for rest. Returns what did not come to it, empty where all did."""
    deadline_s = time.monotonic() + timeout_s
    while (left := unsettled(rig)) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return left


def check(rig: Rig, media_ids: Sequence[str], job_ids: Sequence[str]) -> Verdict:
    """One sweep, then every rule."""
    broken = [f"{count} {what}" for what, count in unsettled(rig).items()]
    with rig.database() as database:
        reconcile(database, rig.objects, rig.settings)
        with database.transaction() as session:
            found = {name: [str(row[0]) for row in session.execute(text(query))] for name, query in BROKEN.items()}
            media = {row.id: row for row in session.execute(text("select * from media"))}
            jobs = {row.id: row.state for row in session.execute(text("select id, state from job"))}
            tasks = session.execute(text("select job_id, state from task")).all()
            works = session.execute(text(NAMED)).all()
            artifacts = session.execute(text("select * from artifact order by work_id, position")).all()
            tries = int(session.scalar(text("select count(*) from attempt where number > 1")) or 0)
    broken += [f"{name}: {', '.join(rows[:5])}" for name, rows in found.items() if rows]
    broken += [f"job {job_id} is {jobs[job_id]}, its tasks {states}" for job_id, states in _jobs_amiss(jobs, tasks)]
    broken += _outputs_amiss(rig.objects, works, artifacts) + _originals_amiss(rig.objects, media.values())
    broken += _leftovers(rig)
    ended = ("accepted", "rejected", "failed")
    lost = [f"media {one}" for one in media_ids if one not in media or (media[one].state not in ended and media[one].deleted_at is None)]
    lost += [f"job {one}" for one in job_ids if jobs.get(one) not in ("done", "failed", "cancelled")]
    states = Counter(state for _, state in tasks)
    if sum(states.values()) != states["done"] + states["failed"] + states["cancelled"]:
        lost.append(f"accepted tasks are not done + failed + cancelled: {dict(states)}")
    duplicated = [f"{name}: {row}" for name in DUPLICATES for row in found[name]]
    return Verdict(lost=lost, duplicated=duplicated, broken=broken, tasks=states, attempts_beyond_the_first=tries)


def _jobs_amiss(jobs: dict[str, str], tasks: Sequence[Any]) -> list[tuple[str, list[str]]]:
    """Jobs whose state is not their tasks' (api.md: failed before cancelled before done)."""
    by_job: dict[str, list[str]] = {}
    for job_id, state in tasks:
        by_job.setdefault(job_id, []).append(state)

    def expected(states: list[str]) -> str:
        return next((state for state in ("failed", "cancelled", "done") if state in states), "none")

    return [(job_id, by_job.get(job_id, [])) for job_id, state in jobs.items() if state != expected(by_job.get(job_id, []))]


def _outputs_amiss(objects: FolderObjects, works: Sequence[Any], artifacts: Sequence[Any]) -> list[str]:
    """Each done work names one artifact set, whole and unchanged; nothing else lies in the bucket."""
    amiss = []
    prefixes = {work.id: work.output_prefix for work in works}
    named = {prefix + "result.json" for prefix in prefixes.values()}
    for artifact in artifacts:
        named.add(artifact.object_key)
        if not artifact.object_key.startswith(prefixes.get(artifact.work_id, "\0")):
            amiss.append(f"artifact {artifact.object_key} is not of the attempt that its work names")
            continue
        path = objects.root / "outputs" / artifact.object_key
        if not path.is_file():
            amiss.append(f"artifact {artifact.object_key} has no object")
        elif (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) != (artifact.bytes, artifact.sha256):
            amiss.append(f"artifact {artifact.object_key} has other bytes than the ledger says")
    for work in works:
        path = objects.root / "outputs" / (work.output_prefix + "result.json")
        keys = [artifact.object_key for artifact in artifacts if artifact.work_id == work.id]
        if not path.is_file():
            amiss.append(f"work {work.id} has no result.json")
        elif [one["object_key"] for one in json.loads(path.read_bytes()).get("artifacts", [])] != keys:
            amiss.append(f"work {work.id}: result.json names other artifacts than the ledger")
    amiss += [f"output that nobody names: {info.key}" for info in objects.list("outputs") if info.key not in named]
    return amiss


def _originals_amiss(objects: FolderObjects, media: Any) -> list[str]:
    """Each living media's original is there as it was; every object has a living media."""
    there = {info.key: info.etag for info in objects.list("media")}
    living = {
        row.object_key: row for row in media if row.deleted_at is None and row.expired_at is None and row.gone_at is None and row.etag
    }
    amiss = [f"the original of {row.id} is gone" for key, row in living.items() if there.get(key) != row.etag]
    for key, row in living.items():
        path = objects.root / "media" / key
        if row.sha256 and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != row.sha256:
            amiss.append(f"the original of {row.id} has other bytes than the ledger says")
    return amiss + [f"original of no living media: {key}" for key in there if key not in living]


def _leftovers(rig: Rig) -> list[str]:
    """Temporary files and processes that nobody owns. The product's own sweeps run first: what they leave counts."""
    scratch = rig.data / "platform" / "run" / "tmp"
    store = rig.objects
    store.remove_orphans(older_than_s=0, now_s=time.time() + 1)
    amiss = [f"temporary file in the store: {path.name}" for path in (store.root / ".tmp").iterdir()]
    for folder in scratch.iterdir() if scratch.exists() else ():
        sweep_workspaces(folder)
        amiss += [f"work folder: {path}" for path in folder.glob("darkroom-attempt-*")]
    owned = {rig.system.pid, *(child.pid for child in psutil.Process(rig.system.pid).children(recursive=True))}
    amiss += [f"orphan process {pid}: {_words(pid)}" for pid in processes_under(scratch) if pid not in owned and psutil.pid_exists(pid)]
    amiss += [f"orphan process {pid}: {_words(pid)}" for pid in _mentioning(rig.data) if pid not in owned]
    amiss += [f"a tool still runs: {_words(pid)}" for pid in owned if "ffmpeg" in _words(pid)]
    return amiss


def _mentioning(folder: Path) -> list[int]:
    """Pids whose command line or working directory names the data folder; a platform's own start names it too, and is owned."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd", "status"]):
        words = [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
        if any(str(folder) in word for word in words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(int(process.info["pid"]))
    return found


def _words(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())[:200]
    except psutil.Error:
        return ""
