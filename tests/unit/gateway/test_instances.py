"""Instances in the statistics, read off a page as Knative's autoscaler writes it."""

import re

import pytest

from gateway.service.stats import instances
from tests.monitoring.knative_samples import NAMESPACE, autoscaler


def page(*, revision: str = "00001", namespace: str = NAMESPACE, count: int = 1, desired: int = 1) -> str:
    """One revision of probe."""
    said = autoscaler(1).replace("probe-00001", f"probe-{revision}").replace(f'"{NAMESPACE}"', f'"{namespace}"')
    values = {"count": count, "desired": desired}
    return re.sub(r"^(kn_revision_pods_(count|desired)\{.*\}) 1$", lambda found: f"{found[1]} {values[found[2]]}", said, flags=re.MULTILINE)


def test_what_runs_and_what_is_wanted_are_two_things() -> None:
    assert instances(page(count=1, desired=3), NAMESPACE) == {"probe": {"count": 1, "desired": 3}}


@pytest.mark.parametrize("last_first", [False, True])
def test_a_rollout_has_two_revisions_of_one_service(last_first: bool) -> None:
    pages = [page(revision="00001", count=2, desired=0), page(revision="00002", count=1, desired=3)]
    assert instances("".join(pages[::-1] if last_first else pages), NAMESPACE) == {"probe": {"count": 3, "desired": 3}}


def test_services_of_the_same_name_elsewhere_are_not_ours() -> None:
    both = page(count=1, desired=2) + page(namespace="elsewhere", count=4, desired=8)
    assert instances(both, NAMESPACE) == {"probe": {"count": 1, "desired": 2}}
    assert instances(both, None) == {"probe": {"count": 5, "desired": 10}}
    assert instances(both, "nowhere") == {}


def test_nobody_says() -> None:
    assert instances("", NAMESPACE) == {}
    assert instances("# TYPE kn_revision_pods_count gauge\nkn_revision_pods_count 1\n", None) == {}
