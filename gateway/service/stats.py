"""Counts by state, queue age, latencies; and the functions' instances, from the autoscaler's own metrics.

Counts are exact, and read from narrow indexes alone: their time grows with what there is to count.
"""

import logging
import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from gateway import documents
from gateway.domain.states import MediaState, TaskState
from gateway.store.tables import DeadLetterRow, JobRow, MediaRow, TaskRow
from schemas.catalogue import CATALOGUE
from schemas.times import rfc3339

log = logging.getLogger(__name__)

RECENT = text(
    "select operation, percentile_cont(array[0.5, 0.95]) within group (order by duration_ms) from"
    " (select operation, duration_ms from attempt where state = 'done' order by id desc limit 1000) recent group by operation"
)
THROUGHPUT_MINUTES = 30
_ENDED = text(
    "select date_trunc('minute', t.finished_at) as minute, t.state, count(*) as n from task t"
    " where t.tenant = :tenant and t.state in ('done', 'failed') and t.finished_at >= :since group by 1, 2"
)
_FAILURES = text(
    "select t.error_class, count(*) from task t where t.tenant = :tenant"
    " and t.state = 'failed' and t.finished_at > now() - interval '24 hours' group by 1 order by 2 desc, 1"
)
_SAMPLE = re.compile(r"^kn_revision_pods_(count|desired)\{([^}]*)\} ([0-9.eE+-]+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def stats(session: Session, tenant: str, functions: list[documents.FunctionDocument]) -> documents.StatsDocument:
    def count(column: object, *where: ColumnElement[bool]) -> dict[str, int]:
        rows = session.execute(select(column, func.count()).where(*where).group_by(column))  # type: ignore[call-overload]
        return {str(state): int(n) for state, n in rows}

    oldest = session.scalar(
        select(func.extract("epoch", func.now() - func.min(TaskRow.queued_at))).where(
            TaskRow.state == TaskState.QUEUED, TaskRow.tenant == tenant
        )
    )
    return documents.StatsDocument(
        jobs=dict.fromkeys(TaskState, 0) | count(JobRow.state, JobRow.tenant == tenant),
        tasks=dict.fromkeys(TaskState, 0) | count(TaskRow.state, TaskRow.tenant == tenant),
        media=dict.fromkeys(MediaState, 0) | count(MediaRow.state, MediaRow.tenant == tenant, MediaRow.deleted_at.is_(None)),
        functions=functions,
        oldest_queued_s=float(oldest or 0),
        latency_ms={operation: documents.Percentiles(p50=p[0], p95=p[1]) for operation, p in session.execute(RECENT)},
        dead_letters=session.scalar(select(func.count()).where(DeadLetterRow.tenant == tenant, DeadLetterRow.redriven_at.is_(None))) or 0,
        throughput=_throughput(session, tenant),
        failures_24h={failure: n for failure, n in session.execute(_FAILURES, {"tenant": tenant}) if failure is not None},
    )


def _throughput(session: Session, tenant: str) -> list[documents.MinuteDocument]:
    """Every minute to the one that runs, those in which nothing ended among them."""
    last: datetime = session.execute(select(func.date_trunc("minute", func.now()))).scalar_one()
    first = last - timedelta(minutes=THROUGHPUT_MINUTES - 1)
    ended: dict[datetime, dict[str, int]] = defaultdict(dict)
    for minute, state, n in session.execute(_ENDED, {"tenant": tenant, "since": first}):
        ended[minute][state] = n
    minutes = [first + timedelta(minutes=n) for n in range(THROUGHPUT_MINUTES)]
    return [
        documents.MinuteDocument(at=rfc3339(m), done=ended[m].get(TaskState.DONE, 0), failed=ended[m].get(TaskState.FAILED, 0))
        for m in minutes
    ]


def functions(
    metrics_url: str | None, scale_bounds: Mapping[str, tuple[int, int]], namespace: str | None
) -> list[documents.FunctionDocument]:
    """Instances of each operation's service as the autoscaler counts them; null where nobody says."""
    counted = instances(_metrics(metrics_url), namespace)
    return [_function(name, counted.get(name, {}), scale_bounds.get(name)) for name in CATALOGUE]


def instances(page: str, namespace: str | None) -> dict[str, dict[str, int]]:
    """`count` and `desired` of each service on a page of the autoscaler's metrics: over all its revisions, which are several in a rollout.

    Args:
        page: Prometheus text.
        namespace: the services' own; where it is given, those of the same name elsewhere are not counted.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, said, value in _SAMPLE.findall(page):
        labels = dict(_LABEL.findall(said))
        service, its_own = labels.get("kn_service_name"), labels.get("k8s_namespace_name")
        if service is not None and (namespace is None or its_own in (None, namespace)):
            found[service][name] = found[service].get(name, 0) + int(float(value))
    return dict(found)


def _function(name: str, counts: Mapping[str, int], bounds: tuple[int, int] | None) -> documents.FunctionDocument:
    low, high = bounds or (None, None)
    return documents.FunctionDocument(
        name=name, instances=counts.get("count"), desired=counts.get("desired"), min_scale=low, max_scale=high
    )


def _metrics(url: str | None) -> str:
    if url is None:
        return ""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  (a setting, not a client's word)
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError) as exc:
        log.warning("the autoscaler's metrics cannot be read", extra={"reason": str(exc)})
        return ""
