"""The table of failures: what a type and a text mean."""

from __future__ import annotations

import pytest

from sonicrtc.errors import CredentialsError, SonicError
from sonicrtc.sonic.failures import TABLE, idle_limit_s, judge

CASES = [
    ("ThrottlingException", "Too many requests", "sonic_throttled", "back_off"),
    ("throttlingException", "Too many requests", "sonic_throttled", "back_off"),
    ("ServiceQuotaExceededException", "20 streams", "sonic_throttled", "back_off"),
    ("ValidationException", "Too many concurrent streams for this account", "sonic_throttled", "back_off"),
    ("AWS_ERROR_HTTP_MAX_CONCURRENT_STREAMS_EXCEEDED", "", "sonic_throttled", "back_off"),
    ("ModelTimeoutException", "Model has timed out in processing the request.", "sonic_expired", "swap"),
    ("ModelStreamErrorException", "the model failed", "sonic_model", "retry_now"),
    ("ModelErrorException", "the model failed", "sonic_model", "retry_now"),
    ("ModelNotReadyException", "warming up", "sonic_model", "back_off"),
    ("InternalServerException", "oops", "sonic_closed", "back_off"),
    ("ServiceUnavailableException", "later", "sonic_closed", "back_off"),
    ("ValidationException", "System instability detected. Please retry your request.", "sonic_closed", "retry_now"),
    ("ValidationException", "InternalErrorCode=531::RST_STREAM closed stream. HTTP/2 error code: NO_ERROR",
     "sonic_closed", "retry_now"),
    ("ValidationException", "Timed out waiting for audio bytes or interactive content. Please ensure gaps between audio"
     " bytes and interactive content are less than 55 seconds.", "sonic_expired", "swap"),
    ("ValidationException", "TIMED OUT waiting for interactive content, 295 s", "sonic_expired", "swap"),
    ("ValidationException", "Tool Response parsing error", "sonic_protocol", "swap"),
    ("ValidationException", "Invalid input request, please fix your input and try again.", "sonic_protocol", "swap"),
    ("ValidationException", "Chat history is over max limit", "sonic_protocol", "fatal"),
    ("ValidationException", "The provided model identifier is invalid.", "sonic_model", "fatal"),
    ("ValidationException", "something new", "sonic_protocol", "fatal"),
    ("AccessDeniedException", "no", "sonic_model", "fatal"),
    ("ResourceNotFoundException", "no such model", "sonic_model", "fatal"),
    ("ExpiredTokenException", "", "sonic_expired", "swap"),
    ("ExpiredToken", "", "sonic_expired", "swap"),
    ("EventError", "wrong checksum", "sonic_closed", "retry_now"),
    ("AWS_ERROR_HTTP_RST_STREAM_RECEIVED", "", "sonic_closed", "retry_now"),
    ("AWS_ERROR_HTTP_CONNECTION_CLOSED", "", "sonic_closed", "retry_now"),
    ("AWS_ERROR_HTTP_GOAWAY_RECEIVED", "", "sonic_closed", "retry_now"),
    ("AWS_IO_SOCKET_CONNECTION_REFUSED", "", "sonic_unreachable", "back_off"),
    ("AWS_IO_DNS_QUERY_FAILED", "", "sonic_unreachable", "back_off"),
    ("AWS_IO_SOCKET_TIMEOUT", "", "sonic_unreachable", "back_off"),
    ("AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE", "", "sonic_unreachable", "fatal"),
    ("UnmodeledError", "brandNewException", "sonic_model", "back_off"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said", "code", "remedy"), CASES)
def test_a_failure_has_a_code_for_people_and_a_remedy(name: str, said: str, code: str, remedy: str) -> None:
    error = judge(name, said, where="host:1")
    assert isinstance(error, SonicError)
    assert (error.code, error.remedy, error.retryable) == (code, remedy, remedy != "fatal")
    assert str(error)
    assert "{" not in str(error)


def test_every_line_of_the_table_is_reached() -> None:
    reached = {next(row for row in TABLE if row.covers(name[:1].upper() + name[1:], said)) for name, said, *_ in CASES}
    assert reached == set(TABLE)


def test_refused_keys_are_the_business_of_credentials() -> None:
    error = judge("UnrecognizedClientException", "", where="host:1")
    assert isinstance(error, CredentialsError)
    assert not error.retryable


def test_a_failure_that_the_table_does_not_know_is_left_to_the_caller() -> None:
    assert judge("TeapotException", "short and stout") is None


def test_a_long_text_is_cut_for_people() -> None:
    assert len(str(judge("InternalServerException", "x" * 5000))) < 400


@pytest.mark.parametrize(
    ("said", "seconds"), [("are less than 55 seconds.", 55), ("less than 295 seconds", 295), ("never", None)]
)
def test_the_idle_limit_is_read_from_the_text(said: str, seconds: float | None) -> None:
    assert idle_limit_s(said) == seconds
