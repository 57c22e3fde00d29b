"""`darkroom init`: database and object store made ready, once per installation and again at every upgrade. It starts nothing."""

from collections.abc import Callable

import sqlalchemy
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.cli.errors import REFUSED, UNREACHABLE, CommandError
from infra.migrations import upgrade
from infra.objects.open import prepare_objects
from infra.objects.port import ObjectStoreError
from infra.objects.s3_setup import ARN, NoSuchTarget


class InitSettings(BaseSettings):
    """Frozen; of the installer's rights, which the gateway's own credentials need not have."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="postgresql://… of the ledger")
    object_store_url: SecretStr = Field(description="file:///folder, or http(s)://ACCESS:SECRET@host:port of an S3 store")
    notification_arn: str = Field(
        default=ARN, description="the store's notification target for uploads; empty leaves the bucket's notifications alone"
    )


class InitFailed(CommandError):
    """What is to be made ready said no, or does not answer."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def read_settings() -> InitSettings:
    """The settings as the environment has them. Raises InitFailed that names what is missing."""
    try:
        return InitSettings()
    except ValidationError as exc:
        names = ", ".join(str(error["loc"][0]).upper() for error in exc.errors())
        raise InitFailed(f"set {names}; see docs/configuration.md", REFUSED) from exc


def init(settings: InitSettings, say: Callable[[str], None]) -> None:
    """Migrates the ledger and sets the store up; running it again changes nothing, and several at once are fine.

    Args:
        say: is told each change in a sentence.

    Raises:
        InitFailed.
    """
    try:
        upgrade(settings.database_url.get_secret_value())
        say("ledger: at the newest migration")
        for sentence in prepare_objects(settings.object_store_url.get_secret_value(), arn=settings.notification_arn or None):
            say(sentence)
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as exc:
        raise InitFailed(f"the database cannot be used: {str(exc).splitlines()[0][:200]}", UNREACHABLE) from exc
    except ObjectStoreError as exc:
        raise InitFailed(str(exc), UNREACHABLE) from exc
    except (NoSuchTarget, ValueError) as exc:
        raise InitFailed(str(exc), REFUSED) from exc
    say("ready")
