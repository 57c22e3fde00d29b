"""Cluster names to local addresses."""

import pytest

from infra.local.addresses import AddressBook
from infra.local.broker.spec import SinkRef
from infra.local.errors import LocalPlatformError

_BOOK = AddressBook(
    {("demo", "web"): {80: "http://127.0.0.1:20001", 9000: "http://127.0.0.1:20002"}, ("demo", "fn"): {80: "http://127.0.0.1:20003"}},
    {("demo", "default"): "http://127.0.0.1:20004/demo/default"},
)


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("http://web.demo.svc.cluster.local", "http://127.0.0.1:20001"),
        ("http://web.demo.svc.cluster.local:80/a?b=c", "http://127.0.0.1:20001/a?b=c"),
        ("http://web.demo.svc:9000/a", "http://127.0.0.1:20002/a"),
        ("http://fn.demo/x", "http://127.0.0.1:20003/x"),
        ('{"url": "http://fn.demo", "other": "http://web.demo"}', '{"url": "http://127.0.0.1:20003", "other": "http://127.0.0.1:20001"}'),
        ("http://broker-ingress.knative-eventing.svc.cluster.local/demo/default", "http://127.0.0.1:20004/demo/default"),
        ("http://example.com/web.demo", "http://example.com/web.demo"),
        ("http://web.demo.example.com/", "http://web.demo.example.com/"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://web.demo.svc.cluster.local", "https://web.demo.svc.cluster.local"),
        ("postgresql://web.demo/x", "postgresql://web.demo/x"),
    ],
)
def test_rewrite(written: str, local: str) -> None:
    assert _BOOK.rewrite(written) == local


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("http://gone.demo.svc.cluster.local/", "no Service demo/gone"),
        ("http://web.demo.svc.cluster.local:81/", "demo/web has no port 81"),
        ("http://broker-ingress.knative-eventing.svc.cluster.local/demo/other", "no Broker demo/other"),
    ],
)
def test_names_that_lead_nowhere(written: str, sentence: str) -> None:
    with pytest.raises(LocalPlatformError, match=sentence):
        _BOOK.rewrite(written)


@pytest.mark.parametrize(
    ("sink", "url"),
    [
        (SinkRef(ref=("serving.knative.dev/v1", "Service", "demo", "fn")), "http://127.0.0.1:20003"),
        (SinkRef(ref=("v1", "Service", "demo", "web"), path="/internal/events"), "http://127.0.0.1:20001/internal/events"),
        (SinkRef(ref=("eventing.knative.dev/v1", "Broker", "demo", "default")), "http://127.0.0.1:20004/demo/default"),
        (SinkRef(uri="http://fn.demo.svc.cluster.local/a"), "http://127.0.0.1:20003/a"),
        (SinkRef(uri="http://example.com/a"), "http://example.com/a"),
    ],
)
def test_resolve(sink: SinkRef, url: str) -> None:
    assert _BOOK.resolve(sink) == url


def test_sink_of_another_kind_is_refused() -> None:
    with pytest.raises(LocalPlatformError, match="cannot be a messaging"):
        _BOOK.resolve(SinkRef(ref=("messaging.knative.dev/v1", "Channel", "demo", "c")))
