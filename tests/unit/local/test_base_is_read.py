"""Change a figure in knative/base, and that figure of what `darkroom up` goes by has moved, and no other.

The cases are every figure that base has: one that no rule here knows fails, as does one that the platform reads without going by it.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.errors import UnsupportedManifest
from tests.rendering import KNATIVE
from tests.unit.local.figures import Path_, documents, figures, gone_by

BASE = KNATIVE / "base"
GONE = "(is not there)"
Moved = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One value in one manifest."""

    file: Path
    index: int
    document: dict[str, Any]
    path: Path_
    value: Any

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @property
    def who(self) -> str:
        return f"{self.kind} {self.document['metadata']['name']}"

    def __str__(self) -> str:
        return f"{self.who} {'.'.join(map(str, self.path))}"


FIGURES = [
    Figure(file=file, index=index, document=document, path=path, value=value)
    for file, index, document in documents(BASE)
    for path, value in figures(document)
]


@cache
def before() -> Moved:
    return gone_by(BASE)


def own(**moved: Any) -> Callable[[Figure], Moved]:
    return lambda figure: {f"{figure.who}.{name}": value for name, value in moved.items()}


def refused(sentence: str) -> Callable[[Figure], str]:
    return lambda _: sentence


def triggers() -> dict[str, Any]:
    return {one.who: one.document["spec"] for one in FIGURES if one.kind == "Trigger"}


def delivered(name: str, value: Any) -> Callable[[Figure], Moved]:
    """A Trigger's own; the Broker's counts for every Trigger that has none."""

    def moved(figure: Figure) -> Moved:
        whose = [figure.who] if figure.kind == "Trigger" else [who for who, spec in triggers().items() if "delivery" not in spec]
        return {f"{who}.{name}": value for who in whose}

    return moved


def dead_letters(sink: str) -> Callable[[Figure], Moved]:
    """The Broker's, for every Trigger, since none names its own."""
    return lambda _: {f"{who}.dead_letter_sink": sink for who in triggers()}


def concurrency(figure: Figure) -> Moved:
    """At a target utilization of 100 % an instance's target is its concurrency."""
    return own(container_concurrency=7, total=7.0, target=7.0)(figure)


def utilization(figure: Figure) -> Moved:
    return own(target=figure.document["spec"]["template"]["spec"]["containerConcurrency"] * 0.5)(figure)


def timeout(figure: Figure) -> Moved | str:
    return own(timeout_s=figure.value + 1)(figure) if figure.value < 600 else "timeoutSeconds must be a whole number from 1 to 600"


def replicas(figure: Figure) -> Moved | str:
    return own(replicas=2)(figure) if figure.who == "Deployment gateway-worker" else "on one machine a Service leads to one process"


def another_broker(figure: Figure) -> Moved:
    """Whose policy is not known here."""
    policy = ("retry", "backoff_policy", "backoff_delay_s", "timeout_s", "dead_letter_sink")
    return own(broker="another", **dict.fromkeys(policy, GONE))(figure)


def attribute(figure: Figure) -> Moved:
    if "filter" in figure.path:
        return own(filter={**figure.document["spec"]["filter"]["attributes"], figure.path[-1]: "another"})(figure)
    return own(filters=({"prefix": {"type": "another"}},))(figure)


def subscriber(figure: Figure) -> Moved:
    return own(subscriber="(bucket-source)" + figure.document["spec"]["subscriber"].get("uri", ""))(figure)


def argv(figure: Figure) -> Moved:
    command = next(_found("command", figure.document))
    return own(argv=(*command, "another"))(figure)


def setting(figure: Figure) -> Moved:
    """A setting of the gateway reaches its three processes."""
    return {f"Deployment {name}.{figure.path[-1]}": "another" for name in ("gateway", "gateway-internal", "gateway-worker")}


def _found(key: str, value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        if key in value and isinstance(value, dict):
            yield value[key]
        for child in value.values() if isinstance(value, dict) else value:
            yield from _found(key, child)


AUTOSCALING = ("spec", "template", "metadata", "annotations")
ELSEWHERE = {"apiVersion": "v1", "kind": "Service", "name": "bucket-source", "namespace": "darkroom"}
INTERNAL = "(gateway-internal)"
# (kind, path; * stands for one step) → what is put there, and what then moves.
RULES: dict[tuple[str, Path_], tuple[Any, Callable[[Figure], Moved | str]]] = {
    ("Service", (*AUTOSCALING, "autoscaling.knative.dev/min-scale")): ("1", own(min_scale=1)),
    ("Service", (*AUTOSCALING, "autoscaling.knative.dev/max-scale")): ("5", own(max_scale=5)),
    ("Service", (*AUTOSCALING, "autoscaling.knative.dev/target-utilization-percentage")): ("50", utilization),
    ("Service", (*AUTOSCALING, "autoscaling.knative.dev/window")): ("90s", own(stable_window_s=90, panic_window_s=9)),  # a tenth of it
    ("Service", ("spec", "template", "spec", "containerConcurrency")): (7, concurrency),
    ("Service", ("spec", "template", "spec", "timeoutSeconds")): (lambda was: was + 1, timeout),
    ("Service", ("spec", "template", "spec", "responseStartTimeoutSeconds")): (55, own(response_start_timeout_s=55)),
    ("Service", ("spec", "template", "spec", "containers", "*", "args")): (["another"], argv),
    ("Deployment", ("spec", "replicas")): (2, replicas),
    ("Deployment", ("spec", "template", "spec", "containers", "*", "args")): (["another"], argv),
    ("JobSink", ("spec", "job", "spec", "parallelism")): (2, refused("parallelism and completions must be 1")),
    ("JobSink", ("spec", "job", "spec", "completions")): (2, refused("parallelism and completions must be 1")),
    ("JobSink", ("spec", "job", "spec", "backoffLimit")): (1, refused("backoffLimit: 0")),
    ("JobSink", ("spec", "job", "spec", "template", "spec", "restartPolicy")): ("OnFailure", refused("restartPolicy: Never")),
    ("JobSink", ("spec", "job", "spec", "activeDeadlineSeconds")): (11, own(active_deadline_s=11)),
    ("JobSink", ("spec", "job", "spec", "ttlSecondsAfterFinished")): (12, own(ttl_s=12)),
    ("JobSink", ("spec", "job", "spec", "template", "spec", "containers", "*", "args")): (["another"], argv),
    ("Trigger", ("spec", "broker")): ("another", another_broker),
    ("Trigger", ("spec", "filter", "attributes", "*")): ("another", attribute),
    ("Trigger", ("spec", "filters", "*", "prefix", "*")): ("another", attribute),
    ("Trigger", ("spec", "subscriber", "ref")): (ELSEWHERE, subscriber),
    ("Trigger", ("spec", "subscriber", "uri")): ("/another", own(subscriber=INTERNAL + "/another")),
    ("Broker", ("spec", "delivery", "deadLetterSink", "ref")): (ELSEWHERE, dead_letters("(bucket-source)/internal/dead-letters")),
    ("Broker", ("spec", "delivery", "deadLetterSink", "uri")): ("/another", dead_letters(INTERNAL + "/another")),
    ("ConfigMap", ("data", "*")): ("another", setting),
    **{
        (kind, ("spec", "delivery", name)): (new, delivered(moves, value))
        for kind in ("Broker", "Trigger")
        for name, new, moves, value in (
            ("retry", 3, "retry", 3),
            ("backoffPolicy", "linear", "backoff_policy", "linear"),
            ("backoffDelay", "PT7.5S", "backoff_delay_s", 7.5),
            ("timeout", "PT13M", "timeout_s", 780.0),
        )
    },
}  # fmt: skip


def rule(figure: Figure) -> tuple[Any, Callable[[Figure], Moved | str]] | None:
    """The one that is made for it."""
    for (kind, pattern), found in RULES.items():
        if (
            kind == figure.kind
            and len(pattern) == len(figure.path)
            and all(p in ("*", q) for p, q in zip(pattern, figure.path, strict=True))
        ):
            return found
    return None


@pytest.mark.parametrize("figure", FIGURES, ids=str)
def test_a_figure_changed_is_that_figure_moved(figure: Figure, tmp_path: Path) -> None:
    found = rule(figure)
    assert found is not None, f"nobody has said what the local platform makes of {figure}"
    new, moves = found
    base = Path(shutil.copytree(BASE, tmp_path / "base"))
    changed(base / figure.file.relative_to(BASE), figure, new(figure.value) if callable(new) else new)
    expected = moves(figure)
    if isinstance(expected, str):
        with pytest.raises(UnsupportedManifest, match=expected):
            gone_by(base)
        return
    after = gone_by(base)
    moved = {name: after.get(name, GONE) for name in before().keys() | after.keys() if after.get(name, GONE) != before().get(name, GONE)}
    assert moved == expected


def changed(file: Path, figure: Figure, new: Any) -> None:
    whole = list(yaml.safe_load_all(file.read_text()))
    place = whole[figure.index]
    for step in figure.path[:-1]:
        place = place[step]
    assert place[figure.path[-1]] == figure.value != new
    place[figure.path[-1]] = new
    file.write_text("---\n".join(json.dumps(one) + "\n" for one in whole))


def test_no_rule_is_for_a_figure_that_base_has_not() -> None:
    used = [found for one in FIGURES if (found := rule(one)) is not None]
    assert [key for key, found in RULES.items() if not any(found is one for one in used)] == []
