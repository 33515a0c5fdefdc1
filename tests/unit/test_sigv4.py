"""Signatures against the SDKs that make them, and the example of the documents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from aws_sdk_signers import AsyncEventSigner
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_aws_event_stream.events import EventHeaderEncoder, EventMessage

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.sigv4 import EventChain, Scope, SignatureError, signing_key, verify_header, verify_query
from sonicrtc.local.sonic.eventstream import decode

KEYS = AwsKeys(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
#: The vanilla request of the documented signature test suite.
VANILLA = {
    "method": "GET",
    "path": "/",
    "query": "",
    "headers": {
        "host": "example.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        " SignedHeaders=host;x-amz-date,"
        " Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    },
    "payload_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "keys": KEYS,
    "region": "us-east-1",
    "service": "service",
    "now": dt.datetime(2015, 8, 30, 12, 36, 0, tzinfo=dt.UTC),
}


def vanilla(**changes: Any) -> tuple[Scope, str]:
    headers = {**VANILLA["headers"], **changes.pop("headers", {})}  # type: ignore[dict-item]
    return verify_header(**{**VANILLA, "headers": headers, **changes})


def code(**changes: Any) -> str:
    with pytest.raises(SignatureError) as caught:
        vanilla(**changes)
    assert KEYS.secret_access_key not in str(caught.value)
    return caught.value.code


def test_the_documented_example_is_accepted() -> None:
    scope, signature = vanilla()
    assert scope == Scope("AKIDEXAMPLE", "20150830", "us-east-1", "service")
    assert signature.startswith("5fa00fa3")


def test_the_documented_signing_key_is_derived() -> None:
    key = signing_key(KEYS.secret_access_key, "20120215", "us-east-1", "iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"path": "/other"}, "InvalidSignatureException"),
        ({"method": "POST"}, "InvalidSignatureException"),
        ({"query": "a=b"}, "InvalidSignatureException"),
        ({"payload_hash": "0" * 64}, "InvalidSignatureException"),
        ({"headers": {"host": "example.org"}}, "InvalidSignatureException"),
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
        ({"service": "bedrock"}, "InvalidSignatureException"),
        ({"keys": AwsKeys(access_key_id="AKIDEXAMPLE", secret_access_key="x")}, "InvalidSignatureException"),
        ({"keys": AwsKeys(access_key_id="AKIDOTHER", secret_access_key="x")}, "UnrecognizedClientException"),
        (
            {"keys": AwsKeys(access_key_id="AKIDEXAMPLE", secret_access_key="x", session_token="t")},
            "UnrecognizedClientException",
        ),
        ({"now": dt.datetime(2015, 8, 30, 12, 41, 1, tzinfo=dt.UTC)}, "InvalidSignatureException"),
        ({"now": dt.datetime(2015, 8, 30, 12, 30, 59, tzinfo=dt.UTC)}, "InvalidSignatureException"),
        ({"headers": {"x-amz-date": "20150830"}}, "IncompleteSignatureException"),
        ({"headers": {"authorization": ""}}, "MissingAuthenticationTokenException"),
        ({"headers": {"authorization": "Basic abc"}}, "IncompleteSignatureException"),
    ],
)
def test_anything_else_is_refused(changes: Mapping[str, Any], expected: str) -> None:
    assert code(**changes) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AKIDEXAMPLE/20150830", "AKIDEXAMPLE//20150830"),
        ("host;x-amz-date", "x-amz-date"),
        ("host;x-amz-date", "host;missing"),
        ("=5f", "=6f"),
        ("us-east-1/", ""),
    ],
)
def test_a_changed_authorization_is_refused(old: str, new: str) -> None:
    authorization = VANILLA["headers"]["authorization"]  # type: ignore[index]
    assert code(headers={"authorization": authorization.replace(old, new)}) in {
        "InvalidSignatureException",
        "IncompleteSignatureException",
    }


# -- botocore signs, we verify --------------------------------------------------------------------

CREDENTIALS = Credentials(KEYS.access_key_id, KEYS.secret_access_key)


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost:9443/model/amazon.nova-2-sonic-v1%3A0/invoke",
        "https://localhost/a%20b/c?z=1&a=%2F%20x&empty=",
        "https://localhost",
    ],
)
def test_a_header_signed_by_botocore_is_accepted(url: str) -> None:
    request = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=b"{}")
    SigV4Auth(CREDENTIALS, "bedrock", "us-east-1").add_auth(request)
    prepared = urlsplit(url)
    verify_header(
        method="POST",
        path=prepared.path or "/",
        query=prepared.query,
        headers={"host": prepared.netloc} | {name.lower(): value for name, value in request.headers.items()},
        payload_hash=SigV4Auth(CREDENTIALS, "bedrock", "us-east-1").payload(request),
        keys=KEYS,
        region="us-east-1",
        service="bedrock",
        now=dt.datetime.now(dt.UTC),
    )


def presigned(expires_s: int = 60) -> str:
    request = AWSRequest("GET", "http://127.0.0.1:8443/?X-Amz-ChannelARN=arn%3Aaws%3Ax&X-Amz-ClientId=me")
    SigV4QueryAuth(CREDENTIALS, "kinesisvideo", "us-west-2", expires=expires_s).add_auth(request)
    return str(urlsplit(request.url).query)


def verify_url(query: str, *, later_s: float = 0) -> Scope:
    return verify_query(
        method="GET",
        path="/",
        query=query,
        headers={"host": "127.0.0.1:8443"},
        keys=KEYS,
        region="us-west-2",
        service="kinesisvideo",
        now=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=later_s),
    )


def test_a_url_presigned_by_botocore_is_accepted_until_it_expires() -> None:
    assert verify_url(presigned(), later_s=50).service == "kinesisvideo"
    with pytest.raises(SignatureError, match="expired"):
        verify_url(presigned(), later_s=70)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ClientId=me", "ClientId=you", "InvalidSignatureException"),
        ("X-Amz-Expires=60", "X-Amz-Expires=600", "InvalidSignatureException"),
        ("X-Amz-Expires=60", "X-Amz-Expires=x", "IncompleteSignatureException"),
        ("AKIDEXAMPLE", "AKIDOTHER", "UnrecognizedClientException"),
        ("X-Amz-Signature", "Signature", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256", "AWS4", "IncompleteSignatureException"),
        ("X-Amz-", "Amz-", "MissingAuthenticationTokenException"),
    ],
)
def test_a_changed_url_is_refused(old: str, new: str, expected: str) -> None:
    with pytest.raises(SignatureError) as caught:
        verify_url(presigned().replace(old, new))
    assert caught.value.code == expected


def test_a_url_that_does_not_sign_the_host_is_refused() -> None:
    with pytest.raises(SignatureError, match="host must be"):
        verify_url(presigned().replace("SignedHeaders=host", "SignedHeaders=x-other"))


# -- the SDK signs events, we verify --------------------------------------------------------------

SEED = "ab" * 32
SCOPE = Scope(KEYS.access_key_id, "20261122", "us-east-1", "bedrock")


async def signed(*payloads: bytes) -> list[bytes]:
    """The outer messages that the SDK makes of these inner payloads."""
    signer = AsyncEventSigner(initial_signature=SEED.encode(), event_encoder_cls=EventHeaderEncoder)
    identity = AWSCredentialsIdentity(access_key_id=KEYS.access_key_id, secret_access_key=KEYS.secret_access_key)
    wire = []
    for payload in payloads:
        event = EventMessage(headers={":message-type": "event"}, payload=payload)
        properties: Any = {"region": "us-east-1", "service": "bedrock"}
        wire.append((await signer.sign(event=event, identity=identity, properties=properties)).encode())
    return wire


def verify_chain(*wire: bytes, keys: AwsKeys = KEYS) -> None:
    chain = EventChain(keys=keys, scope=SCOPE, seed=SEED)
    for frame in wire:
        message = decode(frame)
        date, signature = message.headers[":date"], message.headers[":chunk-signature"]
        assert isinstance(date, dt.datetime)
        assert isinstance(signature, bytes)
        raw = message.raw_headers[: len(b"\x05:date") + 9]
        chain.verify(date=date, encoded_date_header=raw, payload=message.payload, signature=signature)


async def test_a_chain_of_events_is_accepted_in_its_order_only() -> None:
    first, second, third = await signed(b"one", b"two", b"three")
    verify_chain(first, second, third)
    for wrong in ((second,), (first, third), (first, first), (first, second, second)):
        with pytest.raises(SignatureError):
            verify_chain(*wrong)


async def test_a_chain_of_another_key_is_refused() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        verify_chain(*await signed(b"one"), keys=AwsKeys(access_key_id="AKIDEXAMPLE", secret_access_key="x"))
