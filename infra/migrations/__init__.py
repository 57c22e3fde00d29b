"""Alembic's migrations of the ledger. `upgrade(url)` brings a database to the newest one; running it again changes nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def upgrade(database_url: str) -> None:
    """Migrates to the newest revision, under an advisory lock so that several starts at once are fine."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")
