"""Where a webhook may go. Pure: who resolves names and connects is `gateway.worker.outward`."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NAT64 = IPv6Network("64:ff9b::/96")
UNICAST6 = IPv6Network("2000::/3")
"""All that was ever given out of IPv6 for the public internet."""
INNER = tuple(
    ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "3fff::/20")
)
"""Special-purpose addresses that some versions of `ipaddress` call global, and Azure's service to its own machines (168.63.129.16)."""


class NotAllowed(ValueError):
    """A URL or an address that no webhook goes to. The text is one sentence for people."""


def callback_parts(url: str) -> SplitResult:
    """A callback's URL, taken apart.

    Raises:
        NotAllowed: no http(s) URL with a host, or one that carries a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise NotAllowed("It is no URL.") from exc
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise NotAllowed("It must be http:// or https://, with a host.")
    if "@" in parts.netloc:
        raise NotAllowed("It must not carry a user name or a password.")
    return parts


def check_literal(url: str, allowed: Sequence[Network]) -> None:
    """What can be said of a URL before its name is resolved: a host that is an address must be one that is allowed.

    Raises:
        NotAllowed.
    """
    host = callback_parts(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not permitted(address, allowed):
        raise NotAllowed("Its address is not one of the public internet.")


def permitted(address: Address, allowed: Sequence[Network]) -> bool:
    """May a webhook go to this address? The public internet's unicast addresses, and the networks that the operator allows.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, NAT64) is judged as that one. Everything else is refused: private, loopback,
    link-local (cloud metadata among them), shared (100.64/10), multicast, reserved, unspecified, and Teredo.
    """
    if isinstance(address, IPv6Address):
        inner = _inner_v4(address)
        if inner is not None:
            return permitted(inner, allowed)
        if address.scope_id is not None:
            return False
    if any(address.version == network.version and address in network for network in allowed):
        return True
    if any(address.version == network.version and address in network for network in INNER):
        return False
    if isinstance(address, IPv6Address) and address not in UNICAST6:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner_v4(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Raises ValueError for what is no network in CIDR form."""
    return tuple(ip_network(text) for text in texts)
