"""What there is, and whether it is well."""

from flask import Blueprint, Response

from gateway import documents
from gateway.store.database import DatabaseUnavailable
from gateway.web.context import answer, the_gateway
from infra.objects.port import ObjectStoreError
from schemas.catalogue import CATALOGUE

about = Blueprint("about", __name__)


@about.get("/operations")
def get_operations() -> Response:
    listed = [
        documents.OperationDocument(
            name=operation.name,
            version=operation.version,
            kinds=sorted(operation.kinds),
            parameters=operation.parameters.model_json_schema(),
            aliases={alias: parameters.model_dump(mode="json") for alias, parameters in operation.aliases.items()},
        )
        for operation in CATALOGUE.values()
        if operation.named_by_clients
    ]
    return answer(documents.OperationList(operations=listed))


@about.get("/healthz")
def healthz() -> Response:
    return answer(documents.HealthDocument(status="ok"))


@about.get("/readyz")
def readyz() -> Response:
    gateway = the_gateway()
    checks: dict[str, str] = {}
    for name, check in (("database", gateway.database.ready), ("object_store", gateway.objects.ready)):
        try:
            check()
            checks[name] = "ok"
        except (DatabaseUnavailable, ObjectStoreError) as exc:
            checks[name] = f"unavailable: {type(exc).__name__}"
    ready = all(value == "ok" for value in checks.values())
    return answer(documents.ReadinessDocument(status="ok" if ready else "unavailable", checks=checks), 200 if ready else 503)
