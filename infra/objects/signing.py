"""Presigned URLs and POST policies of the stores that have no server of their own: made here, checked by the listener.

A grant is an HMAC-SHA256 over everything that it allows, so that nothing of it can be changed. The wire format is S3's in spirit (`key`,
`policy`, `response-content-type`), not in its signature: the key never leaves this machine. Pure but for the clock.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from infra.objects.disposition import attachment
from infra.objects.names import check_key
from infra.objects.port import ObjectStoreError, PostGrant

EXPIRES, TYPE, DISPOSITION, SIGNATURE = "expires", "response-content-type", "response-content-disposition", "signature"
UPLOAD_ID, PART_NUMBER = "uploadId", "partNumber"


class Refused(ObjectStoreError):
    """A signature is missing, wrong or too old, or a form breaks its policy."""


@dataclass(frozen=True, kw_only=True)
class PostPolicy:
    """What one form may write."""

    bucket: str
    key: str
    content_type: str
    exact_bytes: int
    expires_at: datetime

    def encoded(self) -> str:
        conditions = [
            {"bucket": self.bucket},
            ["eq", "$key", self.key],
            ["eq", "$Content-Type", self.content_type],
            ["content-length-range", self.exact_bytes, self.exact_bytes],
        ]
        document = {"expiration": self.expires_at.isoformat().replace("+00:00", "Z"), "conditions": conditions}
        return base64.b64encode(json.dumps(document).encode()).decode()

    @classmethod
    def decoded(cls, text: str) -> "PostPolicy":
        """The reverse of `encoded`, for a text whose signature was found good: nobody else's policy comes here."""
        document = json.loads(base64.b64decode(text))
        (bucket, key, content_type, length) = document["conditions"]
        return cls(
            bucket=bucket["bucket"],
            key=key[2],
            content_type=content_type[2],
            exact_bytes=length[2],
            expires_at=datetime.fromisoformat(document["expiration"]),
        )


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Makes and checks grants on one public endpoint with one secret."""

    public_url: str
    secret: bytes

    def url(self, method: str, bucket: str, key: str, *, ttl_s: int, overrides: Mapping[str, str]) -> str:
        query = {EXPIRES: str(int(time.time()) + ttl_s), **overrides}
        query[SIGNATURE] = self._url_signature(method, bucket, key, query)
        return f"{self.public_url}/o/{bucket}/{quote(key)}?{urlencode(query, quote_via=quote)}"

    def check_url(self, method: str, bucket: str, key: str, query: Mapping[str, str]) -> None:
        """Raises Refused unless this query was signed for this method and object and is still valid."""
        unsigned = {name: value for name, value in query.items() if name != SIGNATURE}
        if not _same(self._url_signature(method, bucket, key, unsigned), query.get(SIGNATURE, "")):
            raise Refused("The signature does not match.")
        if int(query[EXPIRES]) <= time.time():
            raise Refused("Request has expired.")

    def form(self, policy: PostPolicy) -> PostGrant:
        text = policy.encoded()
        fields = {"key": policy.key, "Content-Type": policy.content_type, "policy": text, SIGNATURE: self._hmac("POLICY", text)}
        return PostGrant(url=f"{self.public_url}/o/{policy.bucket}", fields=fields)

    def check_form(self, bucket: str, fields: Mapping[str, str]) -> PostPolicy:
        """Raises Refused unless these fields (names in lower case) carry a good policy and keep to it. The length is for the reader."""
        text = fields.get("policy", "")
        if not _same(self._hmac("POLICY", text), fields.get(SIGNATURE, "")):
            raise Refused("The signature does not match.")
        policy = PostPolicy.decoded(text)
        if policy.expires_at <= datetime.now(UTC):
            raise Refused("Invalid according to Policy: Policy expired.")
        if (bucket, fields.get("key"), fields.get("content-type")) != (policy.bucket, policy.key, policy.content_type):
            raise Refused("Invalid according to Policy: Policy Condition failed.")
        return policy

    def _url_signature(self, method: str, bucket: str, key: str, query: Mapping[str, str]) -> str:
        return self._hmac(method, json.dumps([bucket, key, sorted(query.items())]))

    def _hmac(self, purpose: str, text: str) -> str:
        return hmac.new(self.secret, f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


class Presigning:
    """The presigning half of the port for a store that has a Signer."""

    @property
    def signer(self) -> Signer:
        raise NotImplementedError

    def presign_get(self, bucket: str, key: str, *, ttl_s: int, content_type: str | None = None, download_as: str | None = None) -> str:
        check_key(key)
        overrides = {}
        if content_type is not None:
            overrides[TYPE] = content_type
        if download_as is not None:
            overrides[DISPOSITION] = attachment(download_as)
        return self.signer.url("GET", bucket, key, ttl_s=ttl_s, overrides=overrides)

    def presign_put(self, bucket: str, key: str, *, ttl_s: int) -> str:
        """A URL that a plain PUT may write to. It bounds no length: for browsers use a POST policy."""
        check_key(key)
        return self.signer.url("PUT", bucket, key, ttl_s=ttl_s, overrides={})

    def presign_part(self, bucket: str, key: str, upload_id: str, number: int, *, ttl_s: int) -> str:
        check_key(key)
        return self.signer.url("PUT", bucket, key, ttl_s=ttl_s, overrides={UPLOAD_ID: upload_id, PART_NUMBER: str(number)})

    def presign_post(self, bucket: str, key: str, *, ttl_s: int, content_type: str, exact_bytes: int) -> PostGrant:
        check_key(key)
        expires_at = datetime.fromtimestamp(int(time.time()) + ttl_s, UTC)
        policy = PostPolicy(bucket=bucket, key=key, content_type=content_type, exact_bytes=exact_bytes, expires_at=expires_at)
        return self.signer.form(policy)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode(errors="replace"))
