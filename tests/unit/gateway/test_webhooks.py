"""Webhooks' pure parts: how often, where to, and signed with what."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.domain.callbacks import NotAllowed, callback_parts, check_literal, networks, permitted
from gateway.domain.webhooks import (
    LONGEST_ASKED_S,
    WAITS_S,
    Again,
    Fate,
    WebhookState,
    again,
    asked_wait_s,
    fate,
    signed_headers,
    tenant_secret,
)

KEY = b"0123456789abcdef0"


def test_the_waits_are_a_day() -> None:
    assert list(WAITS_S) == sorted(WAITS_S)
    assert 0.9 * 86_400 < sum(WAITS_S) < 1.1 * 86_400


@pytest.mark.parametrize(
    ("tries", "status", "expected"),
    [
        (1, 200, Fate(state=WebhookState.DELIVERED)),
        (11, 204, Fate(state=WebhookState.DELIVERED)),
        (1, 410, Fate(state=WebhookState.REFUSED)),
        (1, None, Fate(state=WebhookState.PENDING, wait_s=5)),
        (1, 302, Fate(state=WebhookState.PENDING, wait_s=5)),  # never followed
        (1, 199, Fate(state=WebhookState.PENDING, wait_s=5)),
        (2, 400, Fate(state=WebhookState.PENDING, wait_s=30)),
        (10, 500, Fate(state=WebhookState.PENDING, wait_s=28_800)),
        (11, 500, Fate(state=WebhookState.GIVEN_UP)),
    ],
)
def test_fate(tries: int, status: int | None, expected: Fate) -> None:
    assert fate(tries, status, luck=0) == expected


def test_luck_only_lengthens_a_wait() -> None:
    assert fate(2, None, luck=1).wait_s == pytest.approx(33)


@pytest.mark.parametrize(
    ("tries", "status", "asked_s", "wait_s"),
    [
        (1, 429, 60, 60),
        (1, 503, 60, 60),
        (1, 500, 60, 5),  # RFC 9110 gives it a meaning with 503 and 3xx, RFC 6585 with 429
        (1, None, 60, 5),
        (5, 503, 60, 1800),  # never sooner than by itself
        (1, 503, 0, 5),
        (1, 429, 1e9, LONGEST_ASKED_S),
        (10, 429, 1e9, 28_800),
        (11, 429, 60, None),  # the last was the last
    ],
)
def test_a_receiver_may_put_the_next_try_off(tries: int, status: int | None, asked_s: float, wait_s: float | None) -> None:
    assert fate(tries, status, luck=0, asked_s=asked_s).wait_s == wait_s


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("9" * 40, float("9" * 40)),  # the cap is `fate`'s
        ("9" * 65, None),
        ("1.5", None),
        ("-1", None),
        ("soon", None),
        ("\u0663", None),  # a digit, and none of HTTP's
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Fri, 02 Jan 2026 04:05:05 +0100", 60),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60),  # RFC 850's form
        ("Fri Jan  2 03:05:05 2026", 60),  # asctime's
        ("Fri, 02 Jan 2026 03:04:04 GMT", 0),  # over
        ("Fri, 99 Jan 2026 03:04:04 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert asked_wait_s(header, NOW) == seconds


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (WebhookState.GIVEN_UP, Again.RENEW),
        (WebhookState.REFUSED, Again.RENEW),
        (WebhookState.PENDING, Again.HURRY),
        (WebhookState.DELIVERED, Again.REFUSE),
    ],
)
def test_again(state: WebhookState, expected: Again) -> None:
    assert again(state) is expected


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8", "169.254.169.254", "168.63.129.16", "172.16.0.1",
        "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::7f00:1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:53aa:64c:0:7bff:80ff:fffe", "2606:4700:4700::1111%eth0",
    ],
)  # fmt: skip
def test_inner_addresses_are_refused(address: str) -> None:
    assert not permitted(ip_address(address), ())


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses_are_not(address: str) -> None:
    assert permitted(ip_address(address), ())


@pytest.mark.parametrize(
    ("address", "expected"), [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.1", False), ("fd00::1", True), ("127.0.0.1", False)]
)
def test_networks_that_the_operator_allows(address: str, expected: bool) -> None:
    assert permitted(ip_address(address), networks(["10.1.0.0/16", "fd00::/64"])) is expected


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "http://", "http:///path", "https://user@example.com/", "https://u:p@example.com/", "http://example.com:0/",
        "http://example.com:99999/", "http://[::1/", "http://127.0.0.1/", "https://[::1]/hook", "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
def test_urls_that_no_webhook_goes_to(url: str) -> None:
    with pytest.raises(NotAllowed):
        check_literal(url, ())


@pytest.mark.parametrize("url", ["https://example.com/hook?x=1", "http://example.com:8080", "https://1.1.1.1/", "http://2130706433/"])
def test_urls_that_may_do(url: str) -> None:
    """The last is 127.0.0.1 to a resolver, and refused once it is resolved."""
    check_literal(url, ())
    assert callback_parts(url).hostname


def test_signature_is_standard_webhooks() -> None:
    secret, body, at = tenant_secret(KEY, "default"), b'{"a": "\xc3\xa9"}', datetime(2026, 1, 2, 3, 4, 5, 999_999, UTC)
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    assert raw == hmac.new(KEY, b"webhook:default", hashlib.sha256).digest()
    mac = hmac.new(raw, b"the-id.1767323045." + body, hashlib.sha256).digest()  # 2026-01-02T03:04:05Z
    assert signed_headers(secret, "the-id", body, at) == {
        "webhook-id": "the-id",
        "webhook-timestamp": "1767323045",
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def test_the_published_vector() -> None:
    """The example of the Standard Webhooks libraries."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}',
        datetime.fromtimestamp(1614265330, UTC),
    )  # fmt: skip
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_takes_its_own_and_nothing_else() -> None:
    body = json.dumps({"a": 1}).encode()
    headers = signed_headers(tenant_secret(KEY, "acme"), "id", body, datetime.now(UTC))
    assert Webhook(tenant_secret(KEY, "acme")).verify(body, headers) == {"a": 1}
    for secret, sent in [
        (tenant_secret(KEY, "default"), body),
        (tenant_secret(b"x" * 16, "acme"), body),
        (tenant_secret(KEY, "acme"), b"{}"),
    ]:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(sent, headers)
    old = signed_headers(tenant_secret(KEY, "acme"), "id", body, datetime.fromtimestamp(time.time() - 600, UTC))
    with pytest.raises(WebhookVerificationError):
        Webhook(tenant_secret(KEY, "acme")).verify(body, old)
