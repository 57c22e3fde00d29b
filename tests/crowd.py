"""A ledger with a crowd in it: any number of media, each with a job, a task, a work, an attempt and an artifact."""

from sqlalchemy import Engine, text

_STATE = (
    "case when mod(i, 200) = 0 then 'queued' when mod(i, 200) = 1 then 'running'"
    " when mod(i, 100) = 2 then 'failed' when mod(i, 100) = 3 then 'cancelled' else 'done' end"
)
"""Of the i-th job and its task: most are done, as in any ledger that has been used for a while."""
_ENDED = f"{_STATE} in ('done', 'failed', 'cancelled')"


def _id(kind: int) -> str:
    """SQL for the i-th id of a kind: a UUIDv7, in the order of i."""
    moment = "lpad(to_hex(1700000000000 + i), 12, '0')"
    return f"left({moment}, 8) || '-' || right({moment}, 4) || '-7000-8{kind:03x}-' || lpad(to_hex(i), 12, '0')"


MEDIA, JOB, TASK, WORK, ARTIFACT, LETTER, WEBHOOK = (_id(kind) for kind in range(7))
_TENANT = "case when mod(i, 10) = 0 then 'acme' else 'default' end"
_WHEN = "now() - make_interval(secs => (:n - i) * 5.0)"

_STATEMENTS = (
    f"""insert into media (id, tenant, filename, content_type, object_key, etag, bytes, sha256, state, kind,
            operations, created_at, uploaded_at)
        select {MEDIA}, {_TENANT}, 'holiday ' || i || '.jpg', 'image/jpeg', 'media/' || {MEDIA} || '.jpg', 'e' || i, 1000,
            encode(sha256(cast(cast(i as text) as bytea)), 'hex'), case when mod(i,
            500) = 7 then 'rejected' when mod(i, 500) = 8 then 'failed' else 'accepted' end,
            case when mod(i, 50) = 0 then 'video' when mod(i, 1000) = 1 then 'audio' else 'image' end, '[]', {_WHEN},
            {_WHEN} from numbers""",
    f"""insert into job (id, tenant, media_id, state, priority, created_at, finished_at)
        select {JOB}, {_TENANT}, {MEDIA}, {_STATE}, 'interactive', {_WHEN}, case when {_ENDED} then {_WHEN} end from numbers""",
    f"""insert into work (id, tenant, content, operation, canonical_parameters, version, urgency, state, attempts,
            infra_failures, tool_failures,
            lane, result_attempt)
        select {WORK}, {_TENANT}, encode(sha256(cast(cast(i as text) as bytea)), 'hex'), 'thumbnail',
            '{{"format":"webp","longest_edge_px":320}}', 1, 0,
            case when {_STATE} = 'queued' then 'waiting' when {_STATE} = 'running' then 'out' else {_STATE} end, 1, 0,
            0, 'request', 1 from numbers""",
    f"""insert into task (id, tenant, job_id, media_id, position, operation, parameters, work_id, state, queued_at, started_at,
            finished_at, error_class)
        select {TASK}, {_TENANT}, {JOB}, {MEDIA}, 0, 'thumbnail', '{{"longest_edge_px": 320, "format": "webp"}}', {WORK},
            {_STATE}, {_WHEN}, {_WHEN},
            case when {_ENDED} then {_WHEN} end, case when {_STATE} = 'failed' then 'tool' end from numbers""",
    f"""insert into attempt (id, work_id, number, operation, lane, state, holds_slot, source_media_id, source_etag,
            output_prefix, duration_ms,
            admitted_at, started_at, finished_at)
        select {WORK} || '.1', {WORK}, 1, 'thumbnail', 'request',
            case when {_STATE} = 'done' then 'done' else 'failed' end, false, {MEDIA},
            'e' || i, 'p/' || i || '/', 100, {_WHEN}, {_WHEN}, {_WHEN} from numbers where {_STATE} <> 'queued'""",
    f"""insert into artifact (id, work_id, position, object_key, content_type, bytes, sha256, width_px, height_px)
        select {ARTIFACT}, {WORK}, 0, 'p/' || i || '/thumbnail.webp', 'image/webp', 9000,
            encode(sha256(cast(cast(i as text) as bytea)), 'hex'), 320, 213
        from numbers where {_STATE} = 'done'""",
    f"""insert into dead_letter (id, tenant, event_type, event, operation, attempt_id, message, received_at, redriven_at)
        select {LETTER}, {_TENANT}, 'dev.darkroom.operation.requested', '{{}}', 'thumbnail', {WORK} || '.1',
            'Nobody answered.', {_WHEN},
            case when mod(i, 20) = 0 then now() end from numbers where mod(i, 10) in (0, 3)""",
    f"""insert into webhook (id, tenant, job_id, ended_at, url, event_type, data, state, tries, settled_at)
        select {WEBHOOK}, {_TENANT}, {JOB}, {_WHEN}, 'https://example.com/', 'dev.darkroom.job.done', '{{}}',
            case when mod(i, 1000) = 5 then 'pending' else 'delivered' end, 1, case when mod(i, 1000) = 5 then null else {_WHEN} end
        from numbers where mod(i, 10) = 5""",
)  # fmt: skip


def fill(engine: Engine, jobs: int) -> None:
    """Writes so many of everything, and lets the server look at what it has, as its autovacuum would."""
    with engine.begin() as connection:
        for statement in _STATEMENTS:
            connection.exec_driver_sql(f"with numbers as (select i from generate_series(1, {jobs}) i) {statement.replace(':n', str(jobs))}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
