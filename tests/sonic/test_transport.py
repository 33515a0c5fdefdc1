from __future__ import annotations

import pytest
from awscrt.aio.http import AIOHttp2ClientStream

from sonicrtc.errors import MissingExtraError
from sonicrtc.sonic import transport
from sonicrtc.sonic.bedrock import classify_validation
from sonicrtc.sonic.transport import check_private_names

PRIVATE = [(owner, name) for owner, names in transport._PRIVATE_NAMES for name in names]


@pytest.mark.parametrize(("owner", "name"), PRIVATE, ids=[name for _, name in PRIVATE])
def test_a_private_name_that_we_rely_on_is_there(owner: type, name: str) -> None:
    check_private_names(((owner, (name,)),))


def test_a_private_name_that_is_gone_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"AIOHttp2ClientStream\._on_smoke_signal.*sonicrtc\[server\]"):
        check_private_names(((AIOHttp2ClientStream, ("_on_smoke_signal",)),))


VALIDATIONS = [
    ("System instability detected. Please retry your request.", "sonic_closed", True),
    ("InternalErrorCode=531::RST_STREAM closed stream. HTTP/2 error code: NO_ERROR", "sonic_closed", True),
    ("Timed out waiting for audio bytes or interactive content, less than 55 seconds", "sonic_expired", True),
    ("The provided model identifier is invalid.", "sonic_model", False),
    ("Invalid input request, please fix your input and try again.", "sonic_protocol", False),
]


@pytest.mark.parametrize(("message", "code", "retryable"), VALIDATIONS)
def test_a_validation_exception_is_told_apart_by_its_text(message: str, code: str, retryable: bool) -> None:
    kind, told = classify_validation(message)
    assert (kind.code, told) == (code, retryable)
