"""The cluster's own word for who delivers an event: an OIDC token for this listener's audience, checked where the setting asks for it.

Knative Eventing, with its OIDC feature on, sends one with each delivery to a subscriber that has an audience. Without the setting nothing
is checked here: who may reach the listener is the NetworkPolicy's business, and what a result may claim is the attempt token's.
"""

import json
import logging
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path
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


class Issuer:
    """Who signs: a URL, where its keys are, and how it is asked."""

    def __init__(self, url: str, jwks_url: str | None = None, *, ca_file: Path | None = None, token_file: Path | None = None) -> None:
        """
        Args:
            url: what its tokens say in `iss`.
            jwks_url: where its keys are; else its discovery document says.
            ca_file: certificates that its https is held against; else the system's.
            token_file: what it is asked with; read each time, since a cluster renews it.
        """
        self.url, self._jwks_url, self._ca_file, self._token_file = url, jwks_url, ca_file, token_file

    def headers(self) -> dict[str, str]:
        """
        Raises:
            IssuerUnavailable: there is no token to ask with.
        """
        if self._token_file is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self._token_file.read_text(encoding='ascii').strip()}"}
        except (OSError, UnicodeError) as exc:
            raise IssuerUnavailable(f"no token to ask with: {exc}") from exc

    def keys(self) -> PyJWKClient:
        """
        Raises:
            IssuerUnavailable.
        """
        try:
            trusted = ssl.create_default_context(cafile=self._ca_file)
        except OSError as exc:
            raise IssuerUnavailable(f"{self._ca_file}: {exc}") from exc
        return _Keys(self, self._jwks_url or self._discovered(trusted), trusted)

    def _discovered(self, trusted: ssl.SSLContext) -> str:
        """Where the issuer says its keys are (OpenID Connect Discovery 1.0, section 4)."""
        asked = urllib.request.Request(self.url.rstrip("/") + "/.well-known/openid-configuration", headers=self.headers())  # noqa: S310
        try:
            with urllib.request.urlopen(asked, timeout=_TIMEOUT_S, context=trusted) as answer:  # noqa: S310  (a setting, not a client's word)
                document: Mapping[str, Any] = json.load(answer)
            return str(document["jwks_uri"])
        except (OSError, ValueError, KeyError) as exc:
            raise IssuerUnavailable(f"{asked.full_url}: {exc}") from exc


class _Keys(PyJWKClient):
    """The issuer's keys, kept five minutes; each fetch with the token of that moment."""

    def __init__(self, issuer: Issuer, url: str, trusted: ssl.SSLContext) -> None:
        super().__init__(url, timeout=_TIMEOUT_S, ssl_context=trusted)
        self._issuer = issuer

    def fetch_data(self) -> Any:
        self.headers = self._issuer.headers()
        return super().fetch_data()


class Audience:
    """Checks tokens for one audience of one issuer. For many threads."""

    def __init__(self, audience: str, issuer: Issuer) -> None:
        self._audience, self._issuer = audience, issuer
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
                issuer=self._issuer.url,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "aud", "iss"]},
            )
        except jwt.PyJWKClientConnectionError as exc:
            raise IssuerUnavailable(str(exc)) from exc
        except jwt.PyJWTError as exc:
            raise NotForUs(type(exc).__name__) from exc

    def _client(self) -> PyJWKClient:
        if self._keys is None:
            self._keys = self._issuer.keys()
        return self._keys


def check_from(settings: Settings) -> Audience | None:
    """The check that the settings ask for; None where they ask for none."""
    if settings.oidc_audience is None:
        return None
    issuer = Issuer(settings.oidc_issuer, settings.oidc_jwks_url, ca_file=settings.oidc_ca_file, token_file=settings.oidc_token_file)
    return Audience(settings.oidc_audience, issuer)


def check_delivery(audience: Audience | None) -> None:
    """Before each request: events and dead letters come from the broker; heartbeats are functions', and bring their attempt's token."""
    if audience is not None and request.endpoint in ("post_event", "post_dead_letter"):
        audience.check(request.headers.get("Authorization"))
