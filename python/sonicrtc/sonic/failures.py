"""What a failure of the service means, in one table: its type and text, our error, and what helps. No I/O.

Sources: the modelled exceptions of ``InvokeModelWithBidirectionalStream`` (Bedrock API reference); texts that
the service was seen to send (public issue threads of clients of Nova Sonic); names of the CRT's errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sonicrtc.errors import (
    CredentialsError,
    Remedy,
    SonicClosedError,
    SonicError,
    SonicExpiredError,
    SonicModelError,
    SonicProtocolError,
    SonicThrottledError,
    SonicUnreachableError,
)

_SAID_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    names : str
        Types of failure that it is for, separated by blanks; a name that ends in ``*`` stands for all that begin so.
    text : str
        Regular expression that the service's text must contain, whatever its case; "" takes any.
    kind : type of SonicError
        What a caller of this package gets.
    remedy : {"retry_now", "back_off", "swap", "fatal"}
        What helps.
    words : str
        What is said to people; ``{name}``, ``{said}`` and ``{where}`` are filled in.
    """

    names: str
    text: str
    kind: type[SonicError]
    remedy: Remedy
    words: str

    def covers(self, name: str, said: str) -> bool:
        """Say whether this line is about a failure of that type and text."""
        return any(
            name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted for wanted in self.names.split()
        ) and (not self.text or re.search(self.text, said, re.IGNORECASE) is not None)


_REFUSED = "the service refused what it was sent ({name}): {said}"
_UNUSABLE = "the model cannot be used ({name}): {said}"
_FAILED = "the model failed ({name}): {said}"
_BROKEN = "the service had trouble of its own ({name}): {said}"
_BUSY = "the service is busy ({name}): {said}"
_LOST = "the connection to {where} was lost ({name})"

#: Read from the top; the first line that covers a failure holds.
TABLE: tuple[Row, ...] = (
    # ValidationException is said for many things, and only its text tells which.
    Row("ValidationException", r"system instability detected", SonicClosedError, "retry_now", _BROKEN),
    Row("ValidationException", r"InternalErrorCode=531|RST_STREAM closed", SonicClosedError, "retry_now", _BROKEN),
    Row("ValidationException", r"timed out waiting for (audio|interactive)|gaps between audio", SonicExpiredError,
        "swap", "the service waited in vain for audio ({name}): {said}"),
    Row("ValidationException", r"tool response parsing error", SonicProtocolError, "swap", _REFUSED),
    Row("ValidationException", r"chat history is over", SonicProtocolError, "fatal",
        _REFUSED + "; lower sonic.history_message_bytes and sonic.history_total_bytes"),
    Row("ValidationException", r"too many (concurrent )?(requests|streams|sessions)", SonicThrottledError,
        "back_off", _BUSY),
    Row("ValidationException", r"model ?(id|identifier)\b", SonicModelError, "fatal", _UNUSABLE),
    Row("ValidationException", r"invalid input request", SonicProtocolError, "swap", _REFUSED),
    Row("ValidationException", "", SonicProtocolError, "fatal", _REFUSED),
    # Modelled: before the stream and in it.
    Row("ThrottlingException TooManyRequestsException", "", SonicThrottledError, "back_off", _BUSY),
    Row("ServiceQuotaExceededException", "", SonicThrottledError, "back_off", _BUSY),
    Row("ModelTimeoutException", "", SonicExpiredError, "swap", "the stream's time is over ({name}): {said}"),
    Row("ModelStreamErrorException ModelErrorException", "", SonicModelError, "retry_now", _FAILED),
    Row("ModelNotReadyException", "", SonicModelError, "back_off", _UNUSABLE),
    Row("InternalServerException InternalFailure", "", SonicClosedError, "back_off", _BROKEN),
    Row("ServiceUnavailableException ServiceUnavailable", "", SonicClosedError, "back_off", _BROKEN),
    Row("AccessDeniedException", "", SonicModelError, "fatal",
        _UNUSABLE + "; allow bedrock:InvokeModel and enable access to the model in the Bedrock console"),
    Row("ResourceNotFoundException", "", SonicModelError, "fatal",
        _UNUSABLE + "; check the model id and that the region offers it"),
    # Keys.
    Row("ExpiredToken* RequestExpired", "", SonicExpiredError, "swap", "the AWS credentials expired ({name})"),
    # What the SDK's own reader says of a damaged stream; such streams came from good services, too.
    Row("EventError", "", SonicClosedError, "retry_now", "the stream from {where} was damaged: {said}"),
    # Connections, as the CRT names what befell them.
    Row("AWS_IO_SOCKET_CONNECTION_REFUSED", "", SonicUnreachableError, "back_off",
        "nothing listens at {where}; start the service or correct the endpoint"),
    Row("AWS_IO_DNS*", "", SonicUnreachableError, "back_off",
        "the address {where} cannot be resolved; check the endpoint, region and network"),
    Row("AWS_IO_SOCKET_TIMEOUT AWS_IO_SOCKET_NO_ROUTE_TO_HOST AWS_IO_SOCKET_NETWORK_DOWN", "", SonicUnreachableError,
        "back_off", "there is no way to {where} ({name})"),
    Row("AWS_IO_TLS*", "", SonicUnreachableError, "fatal",
        "no TLS connection to {where} ({name}); a private authority is given as ca_file"),
    Row("AWS_ERROR_HTTP_MAX_CONCURRENT_STREAMS_EXCEEDED", "", SonicThrottledError, "back_off",
        "the service takes no more streams on this connection ({name})"),
    Row("AWS_ERROR_HTTP_GOAWAY_RECEIVED", "", SonicClosedError, "retry_now",
        "the service is leaving this connection ({name})"),
    Row("AWS_*", "", SonicClosedError, "retry_now", _LOST),
    # Errors of the stream that are not modelled, whatever they will be called.
    Row("UnmodeledError", "", SonicModelError, "back_off", "the service reported an error that is not known: {said}"),
)  # fmt: skip

#: Names under which services refuse keys; these never become good by trying.
BAD_KEYS = frozenset({
    "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch", "InvalidClientTokenId",
    "InvalidClientTokenIdException", "IncompleteSignature", "IncompleteSignatureException",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException",
})  # fmt: skip


def judge(name: str, said: str, *, where: str = "the service") -> SonicError | CredentialsError | None:
    """Return our error for a failure of type `name`; None when the table does not know it.

    Parameters
    ----------
    name : str
        The exception's type as the service, its SDK or the CRT calls it; a lower first letter is the same.
    said : str
        What came with it.
    where : str
        Host and port, for the message.
    """
    name = name[:1].upper() + name[1:]
    said = said if len(said) <= _SAID_LIMIT else said[:_SAID_LIMIT] + "…"
    if name in BAD_KEYS:
        return CredentialsError(f"the service at {where} refused the AWS credentials ({name}); check key and secret")
    for row in TABLE:
        if row.covers(name, said):
            return row.kind(row.words.format(name=name, said=said, where=where), remedy=row.remedy)
    return None


def idle_limit_s(said: str) -> float | None:
    """Return the seconds that an idle time-out's text names; the service has changed them more than once."""
    match = re.search(r"less than (\d+(?:\.\d+)?) ?s", said, re.IGNORECASE)
    return float(match[1]) if match else None
