"""Who calls: by `Authorization: Bearer dk_…`, by a browser's session cookie, or, where no keys are asked for, anybody.

A browser sends its cookie by itself, and reaches a gateway on its own machine by itself: for both, a write must come from a page of this
gateway, which its `Origin` says. A key in a header is put there on purpose, and needs none.
"""

import logging
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, current_app, request

from gateway.domain.access import KEYLESS, Principal
from gateway.service import keys
from gateway.service.errors import ForeignOrigin, NoKey
from gateway.web.context import the_gateway

log = logging.getLogger(__name__)

COOKIE = "darkroom_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_DEMANDED = "darkroom.keys_demanded"


def install(app: Flask, *, required: bool) -> None:
    """Whether this application asks for keys."""
    app.extensions[_DEMANDED] = required


def demand_keys_beyond_loopback(app: Flask, addresses: Iterable[object]) -> None:
    """Asks for keys, whatever the setting says, where one of the sockets listened on is not the loopback's.

    Args:
        addresses: as `socket.getsockname` gives them.
    """
    beyond = [address for address in addresses if not is_loopback(address)]
    if beyond and not app.extensions[_DEMANDED]:
        log.warning("keys are asked for: the listener is not on the loopback", extra={"addresses": [str(one) for one in beyond]})
        app.extensions[_DEMANDED] = True


def is_loopback(address: object) -> bool:
    """Whether only this machine reaches a socket of this name. A Unix socket has a proxy in front, and nobody knows who reaches that."""
    host = address[0] if isinstance(address, tuple) and address else None
    try:
        return isinstance(host, str) and ip_address(host).is_loopback
    except ValueError:
        return False


def keys_demanded() -> bool:
    """Whether who comes without a key is turned away."""
    return bool(current_app.extensions[_DEMANDED])


def must_sign_in() -> bool:
    """Whether a browser has to sign in before the dashboard shows it anything."""
    return keys_demanded() and session_principal() is None


def caller() -> Principal:
    """Who calls.

    Raises:
        NoKey: nobody that is known. ForeignOrigin: a write that a page of another origin had a browser send.
    """
    if "Authorization" in request.headers:
        return by_key(_bearer())
    signed_in = session_principal()
    if signed_in is not None:
        if request.method not in SAFE:
            _check_origin(needed=True)
        return signed_in
    if keys_demanded():
        raise NoKey("This needs an API key: `Authorization: Bearer dk_…`, made with `darkroom keys create`.")
    if request.method not in SAFE:
        _check_origin(needed=False)
    return KEYLESS


def by_key(key: str) -> Principal:
    """Whom a key speaks for.

    Raises:
        NoKey: it is none of this gateway's, or was revoked.
    """
    with the_gateway().database.transaction() as session:
        principal = keys.known(session, key)
    if principal is None:
        raise NoKey("This API key is not known here, or was revoked.")
    return principal


def session_principal() -> Principal | None:
    """Whom the browser's session speaks for; None where it has none, or one that has ended."""
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    with the_gateway().database.transaction() as session:
        return keys.of_session(session, cookie)


def check_origin() -> None:
    """Raises ForeignOrigin unless a page of this gateway sent the request, or no page did."""
    _check_origin(needed=False)


def is_own(origin: str, public_url: str, host: str) -> bool:
    """Whether an `Origin` is this gateway: the one in its links, or the one that this request itself was sent to.

    A browser sets both headers by itself. A page whose own name leads here (DNS rebinding) has no cookie of ours, and where keys are not
    asked for, `TRUSTED_HOSTS` turns its name away.
    """
    sent_from, named = urlsplit(origin), urlsplit(public_url)
    if sent_from.scheme not in ("http", "https"):
        return False
    return (sent_from.scheme, sent_from.netloc) == (named.scheme, named.netloc) or sent_from.netloc == host


def _check_origin(*, needed: bool) -> None:
    origin = request.headers.get("Origin")
    if origin is None and not needed:
        return
    if origin is None or not is_own(origin, the_gateway().settings.public_url, request.host):
        raise ForeignOrigin(origin)


def _bearer() -> str:
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise NoKey("The Authorization header must be `Bearer dk_…`.")
    return given.token
