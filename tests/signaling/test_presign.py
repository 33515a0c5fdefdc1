"""Presigned signaling URLs, checked by a second reading of the Signature Version 4 document."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from sonicrtc.credentials import AwsKeys
from sonicrtc.errors import SignalingError
from sonicrtc.signaling.control import presign

ARN = "arn:aws:kinesisvideo:eu-west-1:111122223333:channel/a.room_1-x/1700000000000"
PLAIN = AwsKeys(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
WITH_TOKEN = AwsKeys(access_key_id="ASIA", secret_access_key="s", session_token="IQoJ/b3+Jp==&x=1 ü")


def signature_by_hand(url: str, host: str, secret: str) -> str:
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))
    del query["X-Amz-Signature"]
    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in query.items())
    canonical = "&".join(f"{name}={value}" for name, value in pairs)
    payload = hashlib.sha256().hexdigest()
    request = f"GET\n/\n{canonical}\nhost:{host}\n\nhost\n{payload}"
    scope = query["X-Amz-Credential"].partition("/")[2]
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("client_id", [None, "viewer-1"])
@pytest.mark.parametrize("keys", [PLAIN, WITH_TOKEN])
@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("wss://v-1a2b.kinesisvideo.eu-west-1.amazonaws.com", "v-1a2b.kinesisvideo.eu-west-1.amazonaws.com"),
        ("wss://example.com:443", "example.com"),
        ("wss://example.com:8443", "example.com:8443"),
        ("ws://127.0.0.1:4711", "127.0.0.1:4711"),
        ("ws://localhost:80", "localhost"),
    ],
)
def test_the_signature_is_that_of_the_document(endpoint: str, host: str, keys: AwsKeys, client_id: str | None) -> None:
    url = presign(keys, "eu-west-1", endpoint, ARN, client_id)
    query = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(endpoint)
    assert query["X-Amz-Signature"] == signature_by_hand(url, host, keys.secret_access_key)
    assert query["X-Amz-ChannelARN"] == ARN
    assert query.get("X-Amz-ClientId") == client_id
    assert query.get("X-Amz-Security-Token") == keys.session_token
    assert query["X-Amz-Expires"] == "299"
    assert "/eu-west-1/kinesisvideo/aws4_request" in query["X-Amz-Credential"]


@pytest.mark.parametrize("endpoint", ["https://example.com", "example.com", "wss://", ""])
def test_what_is_no_websocket_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(SignalingError, match="expected a ws:// or wss:// endpoint"):
        presign(PLAIN, "eu-west-1", endpoint, ARN)
