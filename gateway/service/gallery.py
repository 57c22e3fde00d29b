"""Reading for eyes: media with what was made of them, and artifacts as files to keep."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import documents
from gateway.service.errors import NotFound
from gateway.service.queries import Page, Presigner, artifacts_of, done_works, media_fields, media_page
from gateway.store.tables import ArtifactRow, MediaRow, WorkRow


def list_developed(
    session: Session,
    tenant: str,
    page: Page,
    presigner: Presigner,
    *,
    state: str | None = None,
    kind: str | None = None,
    q: str | None = None,
) -> documents.DevelopedList:
    """As `list_media`, each with its artifacts."""
    rows, cursor = media_page(session, tenant, page, state=state, kind=kind, q=q)
    return documents.DevelopedList(media=developed(session, rows, presigner), next_cursor=cursor)


def developed(session: Session, rows: Sequence[MediaRow], presigner: Presigner) -> list[documents.DevelopedDocument]:
    """Media with their artifacts, in two queries however many there are."""
    works = done_works(session, [row.id for row in rows])
    found = artifacts_of(session, {work for each in works.values() for work in each}, presigner)
    return [
        documents.DevelopedDocument(
            **media_fields(row), artifacts=[artifact for work in sorted(works[row.id]) for artifact in found.get(work, [])]
        )
        for row in rows
    ]


def artifact_url(session: Session, tenant: str, artifact_id: str, presigner: Presigner) -> str:
    """A URL under which browsers save an artifact as a file, named after its media and operation.

    Raises:
        NotFound: also where no living media of the tenant has it any more.
    """
    found = session.execute(
        select(ArtifactRow, WorkRow.operation, MediaRow.filename)
        .join(WorkRow, WorkRow.id == ArtifactRow.work_id)
        .join(MediaRow, (MediaRow.tenant == WorkRow.tenant) & (MediaRow.sha256 == WorkRow.content))
        .where(ArtifactRow.id == artifact_id, WorkRow.tenant == tenant, MediaRow.deleted_at.is_(None))
        .order_by(MediaRow.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotFound("artifact", artifact_id)
    artifact, operation, filename = found
    stem, suffix = PurePosixPath(filename).stem, PurePosixPath(artifact.object_key).suffix
    return presigner.download(artifact, f"{stem}-{operation}{suffix}")
