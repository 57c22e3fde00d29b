"""Controls: the matrix of routes and keys sees each of its checks taken away, by test wiring alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from gateway.domain.access import KEYLESS, Principal
from gateway.service import keys
from gateway.service.errors import NoKey
from gateway.store.tables import ApiKeyRow
from gateway.web import access, auth
from tests.integration import conftest as postgres
from tests.integration.gateway import test_route_matrix as matrix
from tests.integration.gateway.conftest import running_house
from tests.integration.gateway.doors import Tenants, furnished, two_tenants


@pytest.fixture
def tenants() -> Iterator[Tenants]:
    with postgres._running() as server, running_house(server.new_database()) as house:
        yield furnished(two_tenants(house, max_upload_bytes=matrix.MAX_UPLOAD_BYTES))


def holds(check: Callable[..., None], *given: object) -> bool:
    """Whether a test is content: a column of the matrix with a route, or any other."""
    try:
        check(*given)
    except AssertionError:
        return False
    return True


def test_without_the_tenant_check(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key speaks for `a`: each route that names a thing by its id tells."""
    rows = sorted((one for one in matrix.GUARDED if "<" in one), key=matrix.how_much_goes)
    assert all(holds(matrix.test_another_tenants_key, tenants, one) for one in rows)
    principal = keys._principal
    monkeypatch.setattr(keys, "_principal", lambda row: replace(principal(row), tenant="a"))
    assert [one for one in rows if holds(matrix.test_another_tenants_key, tenants, one)] == []


def test_without_the_scope_check(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [one for one in matrix.SCOPED if not one.startswith("DELETE")]
    monkeypatch.setattr(access, "ROUTES", dict.fromkeys(access.ROUTES, access.ANY))
    assert [one for one in rows if holds(matrix.test_too_small_a_scope, tenants, one)] == []


def test_without_revocation(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets(session: Session, key: str) -> Principal | None:
        row = session.get(ApiKeyRow, key[3:15])
        return keys._principal(row) if row is not None else None

    monkeypatch.setattr(keys, "known", forgets)
    rows = [one for one in matrix.GUARDED if not one.startswith("DELETE")]
    assert [one for one in rows if holds(matrix.test_revoked_key, tenants, one)] == []


def test_without_keys(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    def anybody() -> Principal:
        try:
            return caller()
        except NoKey:
            return KEYLESS

    caller = auth.caller
    monkeypatch.setattr(auth, "caller", anybody)
    for column in (matrix.test_no_key, matrix.test_wrong_key):
        assert [one for one in matrix.GUARDED if holds(column, tenants, one)] == []
