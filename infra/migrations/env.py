"""Alembic's entry: one connection, one transaction, one lock."""

from alembic import context
from sqlalchemy import create_engine, text

from gateway.store.database import driver_url
from gateway.store.tables import Base

engine = create_engine(driver_url(context.config.attributes["database_url"]))
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(hashtext('darkroom migrations'))"))
        context.run_migrations()
engine.dispose()
