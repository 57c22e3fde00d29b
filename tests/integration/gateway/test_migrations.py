"""A ledger with rows in it is brought from an older release to this one, and back."""

import io
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

import infra.migrations
from gateway.store.database import Database
from gateway.store.tables import Base

ROWS = """
insert into media (id, tenant, filename, content_type, object_key, state, operations)
  values ('m', 'acme', 'a.jpg', 'image/jpeg', 'acme/m', 'accepted', '[]');
insert into job (id, tenant, media_id, state, priority) values ('j', 'acme', 'm', 'done', 'bulk');
insert into task (id, job_id, media_id, position, operation, parameters, state) values ('t', 'j', 'm', 0, 'thumbnail', '{}', 'done');
insert into work
  (id, tenant, content, operation, canonical_parameters, version, lane, urgency, state, attempts, infra_failures, tool_failures)
  values ('w', 'acme', 'sha', 'thumbnail', '{}', 1, 'request', 1, 'done', 1, 0, 0);
insert into attempt (id, work_id, number, operation, lane, state, holds_slot, source_media_id, source_etag, output_prefix)
  values ('w.1', 'w', 1, 'thumbnail', 'request', 'done', false, 'm', 'e', 'w.1/');
insert into dead_letter (id, event_type, event, message, attempt_id) values ('d1', 'x', '{}', 'm', 'w.1'), ('d2', 'x', '{}', 'm', null);
insert into upload (id, media_id, expires_at) values ('u', 'm', now());
"""
UNSEEN = ("ix_media_living_key", "alembic_version")
"""What Alembic cannot compare: an index with a collation, and its own table."""
KEPT = "select (select tenant from task), (select state from job), (select filename from media), (select state from work)"


@pytest.fixture
def config(database_url: str) -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(Path(infra.migrations.__file__).parent))
    config.attributes["database_url"] = database_url
    return config


def test_rows_of_an_older_release_come_along_and_go_back(config: Config, database_url: str) -> None:
    command.upgrade(config, "0004")
    database = Database(database_url)
    with database.transaction() as session:
        for statement in ROWS.split(";\n"):
            session.execute(text(statement))
    for _ in range(2):  # again after the way back
        command.upgrade(config, "head")
        with database.transaction() as session:
            assert session.execute(text(KEPT)).one() == ("acme", "done", "a.jpg", "done")
            letters = session.execute(text("select id, tenant from dead_letter order by id")).all()
            assert letters == [("d1", "acme"), ("d2", "default")]  # its attempt's; nobody's is the house's own
        command.downgrade(config, "0004")


def test_the_migrations_make_the_tables_that_the_code_means(config: Config, database_url: str) -> None:
    command.upgrade(config, "head")
    with Database(database_url).engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": lambda name, *_: name not in UNSEEN})
        changes = [change for change in compare_metadata(context, Base.metadata) if getattr(change[1], "name", None) not in UNSEEN]
    assert changes == []
