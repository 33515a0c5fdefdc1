"""Verify AWS Signature Version 4: headers, presigned queries and event-stream chains.

Written from the documents: "Create a signed AWS API request" (IAM user guide, page
``reference_sigv-create-signed-request``) and, for event streams, the signing section of the
Amazon Transcribe guide (page ``streaming-setting-up``, "event stream encoding"), which is the
public description of ``STREAMING-AWS4-HMAC-SHA256-EVENTS``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote_plus

from sonicrtc.credentials import AwsKeys

__all__ = ["EventChain", "Scope", "SignatureError", "signing_key", "verify_header", "verify_query"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_EVENT_ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD"
_MAX_SKEW_S = 300.0
_MAX_EXPIRY_S = 604_800
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})"
)


class SignatureError(Exception):
    """A request is not signed as it should be.

    Parameters
    ----------
    code : str
        What the service calls it, e.g. ``"InvalidSignatureException"``.
    message : str
        Text for the client; never a secret or an expected signature.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Scope:
    """Credential scope of a signature."""

    access_key_id: str
    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @classmethod
    def parse(cls, credential: str) -> Scope:
        """Read ``AKID/date/region/service/aws4_request``."""
        parts = credential.split("/")
        if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
            raise SignatureError(
                "IncompleteSignatureException",
                "Credential must have exactly 5 slash-delimited elements: keyid/date/region/service/aws4_request",
            )
        return cls(parts[0], parts[1], parts[2], parts[3])


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


@lru_cache(maxsize=64)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of one day, region and service (four HMACs, cached)."""
    key = _hmac(b"AWS4" + secret.encode(), date)
    return _hmac(_hmac(_hmac(key, region), service), "aws4_request")


def verify_header(
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload_hash: str,
    keys: AwsKeys,
    region: str,
    service: str,
    now: dt.datetime,
) -> tuple[Scope, str]:
    """Verify the ``Authorization`` header of a request.

    Parameters
    ----------
    method, path, query : str
        Request line as it came over the wire, path still percent-encoded, query without ``?``.
    headers : mapping
        Lower-case names; over HTTP/2 give ``:authority`` as ``host``.
    payload_hash : str
        Hex SHA-256 of the body, or the ``STREAMING-...`` word of the ``x-amz-content-sha256`` header.
    keys : AwsKeys
        The only keys that are known here.
    region, service : str
        What the scope must name.
    now : datetime
        Time of arrival, aware.

    Returns
    -------
    (Scope, str)
        The scope and the hex signature, which is the seed of an event chain.

    Raises
    ------
    SignatureError
        MissingAuthenticationToken, IncompleteSignature, UnrecognizedClient, InvalidSignature.
    """
    authorization = headers.get("authorization")
    if not authorization:
        raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise SignatureError(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
        )
    scope = Scope.parse(match[1])
    amz_date = headers.get("x-amz-date", "")
    _check_scope(scope, amz_date, keys, region, service)
    _check_age(amz_date, now, _MAX_SKEW_S)
    if keys.session_token is not None and headers.get("x-amz-security-token") != keys.session_token:
        raise _unrecognized()
    signed = match[2].split(";")
    if "host" not in signed:
        raise SignatureError("InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    canonical = _canonical_request(method, path, _pairs(query), headers, signed, payload_hash)
    _check_signature(canonical, amz_date, scope, keys, match[3])
    return scope, match[3]


def verify_query(
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    keys: AwsKeys,
    region: str,
    service: str,
    now: dt.datetime,
) -> Scope:
    """Verify a presigned URL (``X-Amz-Signature`` in the query); the payload is empty.

    Parameters are those of :func:`verify_header`.

    Raises
    ------
    SignatureError
        As :func:`verify_header`, and for a URL that has expired.
    """
    pairs = _pairs(query)
    fields = dict(pairs)
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    missing = [name for name in names if f"X-Amz-{name}" not in fields]
    if missing:
        code = "MissingAuthenticationTokenException" if len(missing) == len(names) else "IncompleteSignatureException"
        raise SignatureError(code, f"the query lacks X-Amz-{missing[0]}")
    if fields["X-Amz-Algorithm"] != _ALGORITHM:
        raise SignatureError("IncompleteSignatureException", f"X-Amz-Algorithm must be {_ALGORITHM}")
    expires = fields["X-Amz-Expires"]
    if not expires.isascii() or not expires.isdigit() or not 1 <= int(expires[:9]) <= _MAX_EXPIRY_S:
        raise SignatureError("IncompleteSignatureException", f"X-Amz-Expires must be 1 to {_MAX_EXPIRY_S}")
    scope = Scope.parse(fields["X-Amz-Credential"])
    amz_date = fields["X-Amz-Date"]
    _check_scope(scope, amz_date, keys, region, service)
    _check_age(amz_date, now, float(expires))
    if keys.session_token is not None and fields.get("X-Amz-Security-Token") != keys.session_token:
        raise _unrecognized()
    signed = fields["X-Amz-SignedHeaders"].split(";")
    if "host" not in signed:
        raise SignatureError("InvalidSignatureException", "host must be a signed header")
    unsigned = [(name, value) for name, value in pairs if name != "X-Amz-Signature"]
    canonical = _canonical_request(method, path, unsigned, headers, signed, _EMPTY_SHA256)
    _check_signature(canonical, amz_date, scope, keys, fields["X-Amz-Signature"])
    return scope


class EventChain:
    """Verifies the signatures of one event stream, each of which covers the one before.

    The scope of an event is that of its own day, so a stream may live over midnight.

    Parameters
    ----------
    keys : AwsKeys
        The keys that signed the request.
    scope : Scope
        Scope of the request.
    seed : str
        Hex signature of the request's header.
    """

    def __init__(self, *, keys: AwsKeys, scope: Scope, seed: str) -> None:
        self._secret = keys.secret_access_key
        self._region = scope.region
        self._service = scope.service
        self._prior = seed

    def verify(self, *, date: dt.datetime, encoded_date_header: bytes, payload: bytes, signature: bytes) -> None:
        """Verify the next event.

        Parameters
        ----------
        date : datetime
            Its ``:date`` header, aware.
        encoded_date_header : bytes
            The same header as encoded on the wire (what the signature covers).
        payload : bytes
            The payload of the outer message, i.e. the whole inner message.
        signature : bytes
            Its ``:chunk-signature`` header.

        Raises
        ------
        SignatureError
            The signature is not that of this event after the one before.
        """
        at = date.astimezone(dt.UTC)
        # Ten times as fast as strftime, and this runs 31 times a second and session.
        day = f"{at.year:04}{at.month:02}{at.day:02}"
        sent = f"{day}T{at.hour:02}{at.minute:02}{at.second:02}Z"
        text = "\n".join(
            (
                _EVENT_ALGORITHM,
                sent,
                f"{day}/{self._region}/{self._service}/aws4_request",
                self._prior,
                hashlib.sha256(encoded_date_header).hexdigest(),
                hashlib.sha256(payload).hexdigest(),
            )
        )
        key = signing_key(self._secret, day, self._region, self._service)
        if not hmac.compare_digest(_hmac(key, text), signature):
            raise SignatureError(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided (event chunk).",
            )
        self._prior = signature.hex()


def _unrecognized() -> SignatureError:
    return SignatureError("UnrecognizedClientException", "The security token included in the request is invalid.")


def _check_scope(scope: Scope, amz_date: str, keys: AwsKeys, region: str, service: str) -> None:
    if scope.access_key_id != keys.access_key_id:
        raise _unrecognized()
    expected: Sequence[tuple[str, str, str]] = (
        ("date", scope.date, amz_date[:8]),
        ("region", scope.region, region),
        ("service", scope.service, service),
    )
    for what, got, want in expected:
        if got != want:
            raise SignatureError(
                "InvalidSignatureException",
                f"Credential should be scoped to a valid {what}: expected '{want}', got '{got}'.",
            )


def _check_age(amz_date: str, now: dt.datetime, lifetime_s: float) -> None:
    try:
        signed_at = dt.datetime.strptime(amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        raise SignatureError(
            "IncompleteSignatureException", "X-Amz-Date must be in ISO-8601 basic format, e.g. 20130524T000000Z"
        ) from None
    age_s = (now - signed_at).total_seconds()
    if age_s > lifetime_s or age_s < -_MAX_SKEW_S:
        word = "expired" if age_s > 0 else "not yet current"
        raise SignatureError("InvalidSignatureException", f"Signature {word}: {amz_date} at {now:%Y%m%dT%H%M%SZ}")


def _pairs(query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    split = (part.partition("=") for part in query.split("&"))
    # A '+' in a query stands for itself in some clients and for a space in others; AWS reads it as a space.
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in split]


def _canonical_request(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    signed: Sequence[str],
    payload_hash: str,
) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    canonical_query = "&".join(f"{name}={value}" for name, value in encoded)
    try:
        lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
    except KeyError as exc:
        raise SignatureError(
            "InvalidSignatureException", f"the signed header {exc.args[0]!r} is not in the request"
        ) from None
    # The path is encoded once more than on the wire (every service but S3).
    canonical_path = quote(path or "/", safe="/-_.~")
    return "\n".join((method, canonical_path, canonical_query, lines, ";".join(signed), payload_hash))


def _check_signature(canonical: str, amz_date: str, scope: Scope, keys: AwsKeys, signature: str) -> None:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = signing_key(keys.secret_access_key, scope.date, scope.region, scope.service)
    expected = _hmac(key, "\n".join((_ALGORITHM, amz_date, str(scope), digest))).hex()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise SignatureError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided."
            " Check your AWS Secret Access Key and signing method.",
        )
