"""API keys as text, and the rule of origins."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import api_key
from gateway.web.auth import is_loopback, is_own


def test_a_key_is_known_by_its_form() -> None:
    minted = api_key.mint()
    assert re.fullmatch(r"dk_[0-9A-Za-z]{44}", minted.text)
    assert api_key.id_of(minted.text) == minted.id == minted.text[3:15]
    assert minted.digest == api_key.digest(minted.text)
    assert minted.text[15:41] not in minted.digest


def test_no_two_keys_are_alike() -> None:
    assert len({api_key.mint().text for _ in range(200)}) == 200


def test_the_checksum_is_crc32_in_base_62() -> None:
    # zlib.crc32(b"123456789") is 0xCBF43926 = 3421780262 = 3·62⁵ + 45·62⁴ + 35·62³ + 27·62² + 22·62 + 14
    assert api_key.checksum("123456789") == "3jZRME"


@given(st.integers(0, 46), st.sampled_from(api_key.ALPHABET))
def test_a_typo_is_no_key(place: int, other: str) -> None:
    text = api_key.mint().text
    wrong = text[:place] + other + text[place + 1 :]
    assert api_key.id_of(wrong) == (None if wrong != text else api_key.id_of(text))


@pytest.mark.parametrize("text", ["", "dk_", "x" * 47, "dk_" + "é" * 44, "dk_" + "0" * 44])
def test_what_is_no_key(text: str) -> None:
    assert api_key.id_of(text) is None


def test_a_key_with_something_around_it_is_none() -> None:
    text = api_key.mint().text
    assert [api_key.id_of(around) for around in (" " + text, text + "\n", text + " ")] == [None] * 3


@pytest.mark.parametrize(("name", "fits"), [
    ("default", True), ("a", True), ("team-7", True), ("a" * 63, True),
    ("", False), ("a" * 64, False), ("media", False), ("Team", False), ("-a", False), ("a-", False), ("a/b", False),
    ("..", False), ("ä", False),
    ("a\n", False),
])  # fmt: skip
def test_tenants_names(name: str, fits: bool) -> None:
    assert api_key.is_tenant(name) is fits


@pytest.mark.parametrize(("origin", "own"), [
    ("https://darkroom.example", True),  # the links' origin
    ("http://127.0.0.1:8000", True),  # what the request was sent to
    ("http://darkroom.example", False),  # another scheme
    ("https://darkroom.example:8443", False),
    ("https://darkroom.example.evil.test", False),
    ("https://evil.test", False),
    ("http://127.0.0.1:8001", False),
    ("null", False), ("", False), ("file://", False),
])  # fmt: skip
def test_own_origins(origin: str, own: bool) -> None:
    assert is_own(origin, "https://darkroom.example", "127.0.0.1:8000") is own


@pytest.mark.parametrize(("address", "loopback"), [
    (("127.0.0.1", 80), True), (("127.8.8.8", 80), True), (("::1", 80, 0, 0), True),
    (("0.0.0.0", 80), False), (("::", 80, 0, 0), False), (("192.168.1.7", 80), False),
    ("/run/gateway.sock", False), (b"", False), ((), False),
])  # fmt: skip
def test_loopback(address: object, loopback: bool) -> None:
    assert is_loopback(address) is loopback
