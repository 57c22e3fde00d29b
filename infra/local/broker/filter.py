"""Does a Trigger's filter let an event through? Knative's filter handler, without CESQL (refused in spec.py).

A filter that says nothing (`exact: {}`, an empty value, `any: []`) has no opinion: it neither passes nor fails, and a
Trigger whose filters all have none takes every event.
"""

from collections.abc import Callable, Iterable, Mapping

from infra.local.broker.admission import TTL
from infra.local.broker.event import Event
from infra.local.broker.spec import Filter, TriggerSpec

Verdict = bool | None

_COMPARE: dict[str, Callable[[str, str], bool]] = {"exact": str.__eq__, "prefix": str.startswith, "suffix": str.endswith}

_NO_TIME = "0001-01-01T00:00:00Z"


def passes(trigger: TriggerSpec, event: Event) -> bool:
    """Whether the Trigger's subscriber gets the event."""
    return verdict(trigger, event) is not False


def verdict(trigger: TriggerSpec, event: Event) -> Verdict:
    """True or False by the filters, or None when there is nothing to judge by."""
    known = _known(event)
    if trigger.filters:
        return _all(_judge(item, known) for item in trigger.filters if not _is_skipped(item))
    if trigger.legacy_filter is None:
        return None
    # An empty wanted value asks for presence only.
    return all(name in known and wanted in ("", known[name]) for name, wanted in trigger.legacy_filter.items())


def _known(event: Event) -> Mapping[str, str]:
    """What filters can see: no time to live, Go's zero time where there is none, and the names of older versions."""
    known = {"time": _NO_TIME, **event.attributes}
    known.pop(TTL, None)
    if event.content_type is not None:
        known["datacontenttype"] = event.content_type
        known["datamediatype"] = event.content_type.partition(";")[0].strip()
    if "dataschema" in known:
        known["schemaurl"] = known["dataschema"]
    return known


def _is_skipped(item: Filter) -> bool:
    """Knative drops a filter that it cannot build; a `not` it can always build."""
    ((dialect, operand),) = item.items() or ((None, None),)
    if dialect in _COMPARE:
        return not operand or "" in operand or "" in operand.values()
    return dialect != "not" and not operand


def _judge(item: Filter, known: Mapping[str, str]) -> Verdict:
    if _is_skipped(item):
        return None
    ((dialect, operand),) = item.items()
    if dialect == "not":
        inner = _judge(operand, known)
        return None if inner is None else not inner
    if dialect in _COMPARE:
        matches = _COMPARE[dialect]
        return all(name in known and matches(known[name], value) for name, value in operand.items())
    opinions = (_judge(part, known) for part in operand if not _is_skipped(part))
    return _all(opinions) if dialect == "all" else _any(opinions)


def _all(opinions: Iterable[Verdict]) -> Verdict:
    """The first False, else whatever the last one says, as Knative folds them."""
    last = None
    for opinion in opinions:
        if opinion is False:
            return False
        last = opinion
    return last


def _any(opinions: Iterable[Verdict]) -> Verdict:
    """The first True, else whatever the last one says."""
    last = None
    for opinion in opinions:
        if opinion is True:
            return True
        last = opinion
    return last
