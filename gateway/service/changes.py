"""What has changed? One cheap query for any number of jobs or media, so that documents are made only of those that have."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

_PRINTS = text(
    "select j.id, concat_ws('|', j.state, j.finished_at, md5(string_agg(concat_ws('|', t.id, t.state, t.finished_at, t.error_message,"
    " a.number, a.state, a.progress, a.failure_class), ',' order by t.position))) as print"
    " from job j join task t on t.job_id = j.id left join lateral"
    " (select number, state, progress, failure_class from attempt where work_id = t.work_id order by number desc limit 1) a on true"
    " where j.id = any(:jobs) group by j.id"
)


def fingerprints(session: Session, job_ids: Collection[str]) -> dict[str, str]:
    """A text for each job that differs whenever what its document says has changed: states, attempts, progress, errors."""
    return {row.id: row.print for row in session.execute(_PRINTS, {"jobs": list(job_ids)})}


_RECENT_JOBS = text(
    "(select id from job where tenant = :tenant order by id desc limit 100)"
    " union (select id from job where tenant = :tenant and state = 'running' order by id desc limit 200)"
    " union (select id from job where tenant = :tenant and state = 'queued' order by id limit 100)"
)
_RECENT_MEDIA = text(
    "select id, concat_ws('|', state, kind, content_type, error_message, deleted_at) as print"
    " from media where tenant = :tenant order by id desc limit 100"
)


def recent_jobs(session: Session, tenant: str) -> set[str]:
    """Those that somebody is likely to look at, a bounded number: the newest, what runs, and what is next to run."""
    return set(session.scalars(_RECENT_JOBS, {"tenant": tenant}))


def recent_media(session: Session, tenant: str) -> dict[str, str]:
    """The newest hundred, deleted ones among them, each with a text that differs whenever its document does."""
    return {row.id: row.print for row in session.execute(_RECENT_MEDIA, {"tenant": tenant})}
