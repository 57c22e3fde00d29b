"""The cluster's own word for who delivers an event: an OIDC token for this listener's audience, checked where the setting asks for it.

Knative Eventing, with its OIDC feature on, sends one with each delivery to a subscriber that has an audience. Without the setting nothing
is checked here: who may reach the listener is the NetworkPolicy's business, and what a result may claim is the attempt token's.
"""

import json
import logging
import urllib.request
from typing import Any

import jwt
from flask import request
from jwt import PyJWKClient

from gateway.settings import Settings

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_TIMEOUT_S = 5
_LEEWAY_S = 10


class NotForUs(Exception):
    """The token is missing, wrong, expired, or for another audience."""


class IssuerUnavailable(Exception):
    """The issuer's keys cannot be had: nobody can say, deliver it again."""


class Audience:
    """Checks tokens for one audience of one issuer, whose keys are fetched once and again when a new one signs. For many threads."""

    def __init__(self, audience: str, issuer: str, jwks_url: str | None) -> None:
        self._audience, self._issuer, self._jwks_url = audience, issuer, jwks_url
        self._keys: PyJWKClient | None = None

    def check(self, authorization: str | None) -> None:
        """Returns where `Authorization` holds a token of the issuer for this audience.

        Raises:
            NotForUs, IssuerUnavailable.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotForUs("an OIDC token is needed")
        try:
            key = self._client().get_signing_key_from_jwt(token)
            jwt.decode(
                token,
                key.key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "aud", "iss"]},
            )
        except jwt.PyJWKClientConnectionError as exc:
            raise IssuerUnavailable(str(exc)) from exc
        except jwt.PyJWTError as exc:
            raise NotForUs(type(exc).__name__) from exc

    def _client(self) -> PyJWKClient:
        if self._keys is None:
            self._keys = PyJWKClient(self._jwks_url or self._discovered(), timeout=_TIMEOUT_S)
        return self._keys

    def _discovered(self) -> str:
        """Where the issuer says its keys are (OpenID Connect Discovery 1.0, section 4)."""
        url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  (a setting, not a client's word)
                document: dict[str, Any] = json.load(answer)
            return str(document["jwks_uri"])
        except (OSError, ValueError, KeyError) as exc:
            raise IssuerUnavailable(f"{url}: {exc}") from exc


def check_from(settings: Settings) -> Audience | None:
    """The check that the settings ask for; None where they ask for none."""
    if settings.oidc_audience is None:
        return None
    return Audience(settings.oidc_audience, settings.oidc_issuer, settings.oidc_jwks_url)


def check_delivery(audience: Audience | None) -> None:
    """Before each request: events and dead letters come from the broker; heartbeats are functions', and bring their attempt's token."""
    if audience is not None and request.endpoint in ("post_event", "post_dead_letter"):
        audience.check(request.headers.get("Authorization"))
