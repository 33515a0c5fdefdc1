"""An HTTP/2 transport for the AWS SDK that cannot hang and does not hide how a stream ended.

The SDK's stock transport takes a lost connection for a clean end, waits for ever when the connection is lost
before the response headers, and leaves senders stuck (smithy-http 0.6, awscrt 0.32). This one gives each
stream a connection of its own, receives straight from the native callbacks, and is safe to cancel at every
step. It needs private names of awscrt and smithy-http, which are checked on import.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from sonicrtc.errors import ConfigError, MissingExtraError

try:
    from awscrt import http as crt_http
    from awscrt import io as crt_io
    from awscrt.aio.http import AIOHttp2ClientStream
    from awscrt.exceptions import AwsCrtError, from_code
    from smithy_http import Field, Fields
    from smithy_http.aio.crt import AWSCRTHTTPClient, AWSCRTHTTPResponse
except ImportError as exc:
    raise MissingExtraError(f"the model's stream needs the extra: pip install 'sonicrtc[server]' ({exc})") from exc

_PRIVATE_NAMES: tuple[tuple[type, tuple[str, ...]], ...] = (
    (AWSCRTHTTPClient, ("_marshal_request", "_HTTPS_PORT", "SUPPORTS_DUPLEX_STREAMING")),
    (
        AIOHttp2ClientStream,
        ("_on_response", "_on_body", "_on_complete", "_on_h2_remote_end_stream", "_set_request_body_generator"),
    ),
)


def check_private_names(wanted: tuple[tuple[type, tuple[str, ...]], ...] = _PRIVATE_NAMES) -> None:
    """Raise `MissingExtraError` when the installed SDK lacks a private name that we rely on."""
    for owner, names in wanted:
        for name in names:
            if not hasattr(owner, name):
                raise MissingExtraError(
                    f"expected {owner.__module__}.{owner.__qualname__}.{name}, which the installed AWS SDK does not"
                    " have; install the versions that sonicrtc[server] asks for"
                )


check_private_names()

# The connection gives up by itself a little before the session's own deadline would.
_CONNECT_TIMEOUT_MS = 4000


# --- process-wide: one native I/O thread, one TLS context per authority ---------------------------


@functools.cache
def _bootstrap() -> crt_io.ClientBootstrap:
    group = crt_io.EventLoopGroup(1)
    return crt_io.ClientBootstrap(group, crt_io.DefaultHostResolver(group))


@functools.lru_cache(maxsize=8)
def _tls_context(ca_pem: bytes | None) -> crt_io.ClientTlsContext:
    """Make a TLS context; it reads the system's authorities, about 25 ms, so never on the event loop."""
    options = crt_io.TlsContextOptions()
    if ca_pem is not None:
        options.override_default_trust_store(ca_pem)
    return crt_io.ClientTlsContext(options)


def prepare_tls(ca_file: Path | None) -> crt_io.ClientTlsContext:
    try:
        return _tls_context(None if ca_file is None else ca_file.read_bytes())
    except OSError as exc:
        raise ConfigError(f"cannot read the CA file {ca_file}: {exc.strerror}") from exc
    except (AwsCrtError, RuntimeError, ValueError) as exc:
        raise ConfigError(f"the CA file {ca_file} is not a PEM certificate: {exc}") from exc


# --- transport ------------------------------------------------------------------------------------


class StreamLostError(OSError):
    """The connection ended without the peer ending the stream; its cause is the native error."""


class _Stream(AIOHttp2ClientStream):  # type: ignore[misc]
    """A native HTTP/2 stream whose callbacks go straight to the loop, and whose end has a reason."""

    def __init__(self, connection: Any, request: Any, body: Any) -> None:
        self._body = body
        self._owner = asyncio.get_running_loop()
        self._responded: asyncio.Future[tuple[int, list[tuple[str, str]]]] = self._owner.create_future()
        self._chunks: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._loss: BaseException | None = None
        self.written = asyncio.Event()
        super().__init__(connection, request, request_body_generator=body)

    async def response(self) -> tuple[int, list[tuple[str, str]]]:
        return await self._responded

    async def next_chunk(self) -> bytes:
        """Return the next piece of the response body, b"" at its clean end."""
        while not self._chunks and not self._ended:
            self._news.clear()
            await self._news.wait()
        if self._chunks:
            return self._chunks.popleft()
        if self._loss is not None:
            raise StreamLostError(str(self._loss)) from self._loss
        return b""

    # Called by awscrt on its own thread.

    def _on_response(self, status_code: int, name_value_pairs: list[tuple[str, str]]) -> None:
        self._tell(self._take_response, status_code, name_value_pairs)

    def _on_body(self, chunk: bytes) -> None:
        self._tell(self._take_chunk, chunk)

    def _on_h2_remote_end_stream(self) -> None:
        self._tell(self._take_end, None)

    def _on_complete(self, error_code: int) -> None:
        self._tell(self._take_end, from_code(error_code) if error_code else None)

    def _tell(self, take: Any, *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._owner.call_soon_threadsafe(take, *args)

    # Called on the loop.

    def _take_response(self, status: int, headers: list[tuple[str, str]]) -> None:
        if not self._responded.done():
            self._responded.set_result((status, headers))

    def _take_chunk(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._news.set()

    def _take_end(self, loss: BaseException | None) -> None:
        if self._ended:
            return
        self._ended, self._loss = True, loss
        self._news.set()
        if not self._responded.done():
            error = StreamLostError(str(loss) if loss else "the service ended the stream without a response")
            error.__cause__ = loss
            self._responded.set_exception(error)
            self._responded.exception()  # it may be that nobody waits

    async def _set_request_body_generator(self, body_iterator: AsyncIterator[bytes]) -> None:
        """Send the request body; whatever ends it, the body closes, so that no sender waits for it."""
        try:
            await super()._set_request_body_generator(body_iterator)
        except (AwsCrtError, OSError, RuntimeError):
            pass  # the stream is over; `next_chunk` tells why
        finally:
            self.written.set()
            await self._body.close(flush=False)


class _ResponseBody:
    """The chunks of a response as an iterator without a finalizer, so that dropping it leaves no task."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if chunk := await self._stream.next_chunk():
            return chunk
        raise StopAsyncIteration


class _Response(AWSCRTHTTPResponse):
    @property
    def body(self) -> Any:
        return _ResponseBody(self._stream)


class HardenedTransport(AWSCRTHTTPClient):
    """Sends one request on one connection of its own.

    The parent's constructor is not called: it would read the system's authorities for each stream.
    """

    def __init__(self, tls: crt_io.ClientTlsContext) -> None:
        self._tls_ctx = tls
        self._client_bootstrap = _bootstrap()
        self._socket_options = crt_io.SocketOptions()
        self._socket_options.connect_timeout_ms = _CONNECT_TIMEOUT_MS
        self._connection: Any = None
        self._stream: _Stream | None = None
        self._body: Any = None
        #: What a refusal was called: the header ``x-amzn-errortype``, which the SDK drops when it does not know it.
        self.error_type = ""

    def __deepcopy__(self, memo: Any) -> HardenedTransport:
        return self

    async def send(self, request: Any, *, request_config: Any = None) -> AWSCRTHTTPResponse:
        self._body = request.body
        try:
            self._connection = await self._connect(request.destination)
            self._stream = _Stream(self._connection, self._marshal_request(request), request.body)
            status, headers = await self._stream.response()
        except BaseException:
            await request.body.close(flush=False)  # lets go whoever is sending
            raise
        fields = Fields()
        for name, value in headers:
            fields.set_field(Field(name=name, values=[value]))
            if name.lower() == "x-amzn-errortype":
                self.error_type = value.partition(":")[0].rpartition("#")[2]
        return _Response(status=status, fields=fields, stream=self._stream)

    async def _connect(self, url: Any) -> crt_http.Http2ClientConnection:
        options = self._tls_ctx.new_connection_options()
        options.set_server_name(url.host)
        options.set_alpn_list(["h2"])
        port = url.port or self._HTTPS_PORT
        opening = crt_http.Http2ClientConnection.new(
            url.host, port, self._client_bootstrap, self._socket_options, options
        )
        try:
            await _settled(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        connection = opening.result()
        send_at_once(port)
        return connection

    async def close(self) -> None:
        """Close the connection now, whatever is under way on it, and wait for its end."""
        if self._body is not None:
            await self._body.close(flush=False)
        if self._connection is not None:
            # How it ended is not asked: the native connection keeps the error for as long as it lives. Raised, the
            # error would get a traceback, whose frames keep the connection: nothing of the session would ever go.
            await _settled(self._connection.close())
        if self._stream is not None:
            await self._stream.written.wait()


def _settled(native: Future[Any]) -> asyncio.Future[None]:
    """Return a future that is done when `native` is; cancelling it leaves `native` alone, unlike `asyncio.wrap_future`.

    Native code sets its futures without asking, and would stumble over one that was cancelled.
    """
    loop = asyncio.get_running_loop()
    follower: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not follower.done():
            follower.set_result(None)

    def on_done(_: Future[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(settle)

    native.add_done_callback(on_done)
    return follower


def send_at_once(port: int) -> int:
    """Set TCP_NODELAY on this process's connections to `port` and return on how many.

    The native library leaves Nagle's algorithm on and has no switch for it. A 2 kB event then waits with its
    second packet for an acknowledgement that the peer delays (p99 43 ms against 2 ms on loopback). Linux only;
    elsewhere nothing happens. The descriptors are duplicates of what /proc shows, and only sockets.
    """
    changed = 0
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return 0
    for number in numbers:
        with contextlib.suppress(OSError):
            if not os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
                continue
            with _duplicate(number) as peer:
                is_tcp = peer.family in (socket.AF_INET, socket.AF_INET6) and peer.type == socket.SOCK_STREAM
                if is_tcp and peer.getpeername()[1] == port:
                    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    changed += 1
    return changed


def _duplicate(number: int) -> socket.socket:
    duplicate = os.dup(number)
    try:
        return socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        raise


def _close_late(opening: Future[Any]) -> None:
    if opening.exception() is None:
        opening.result().close()
