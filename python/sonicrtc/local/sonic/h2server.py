"""HTTP/2 over TLS on raw ``h2``: connections and streams, no knowledge of Nova.

Raw rather than an ASGI server because the faults that a client must survive live down here:
RST_STREAM, GOAWAY, a connection that drops.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

__all__ = ["Connection", "Peer", "Stream"]

_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
#: Window of one stream: about 22 s of a client's audio.
WINDOW_BYTES = 1 << 20
_CONNECTION_WINDOW_BYTES = 1 << 24
#: `Stream.drain` waits while more than this is unsent.
_HIGH_WATER_BYTES = 1 << 16
#: How long a client may take to end its side of a stream that has been answered.
_LINGER_S = 5.0


class Peer(Protocol):
    """What answers on one stream."""

    def on_data(self, data: bytes) -> None: ...
    def on_end(self) -> None: ...
    def on_lost(self) -> None: ...


class Stream:
    """One HTTP/2 stream, seen from the server.

    Attributes
    ----------
    headers : dict
        Request headers, lower case, with the pseudo headers.
    starved : bool
        Set to give the client no more room to send: fault injection.
    """

    def __init__(self, connection: Connection, stream_id: int, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.peer: Peer | None = None
        self.starved = False
        self._connection = connection
        self.id = stream_id
        self.unsent = bytearray()
        self.remote_ended = False
        self.linger: asyncio.TimerHandle | None = None
        self.responded = False
        self._ending = False
        self._closed = False
        self._room = asyncio.Event()
        self._room.set()
        self._flushed = asyncio.Event()

    def respond(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the response headers; the body waits for them."""
        if not self._closed and not self.responded:
            self.responded = True
            self._connection.want_flush(self)
            self._connection.send_headers(self.id, [(":status", str(status)), *headers.items()])

    def write(self, data: bytes) -> None:
        """Queue body bytes; never waits."""
        if self._closed or self._ending:
            return
        self.unsent += data
        if len(self.unsent) > _HIGH_WATER_BYTES:
            self._room.clear()
        self._connection.want_flush(self)

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written, or is gone."""
        await self._room.wait()

    async def end(self) -> None:
        """Send what is queued and END_STREAM; returns when it is out or the client is gone."""
        self._ending = True
        self._connection.want_flush(self)
        await self._flushed.wait()

    def reset(self, code: h2.errors.ErrorCodes = h2.errors.ErrorCodes.INTERNAL_ERROR) -> None:
        """Send RST_STREAM at once."""
        if not self._closed:
            self._connection.send_reset(self.id, code)
            self.close()

    def abort_connection(self) -> None:
        """Drop the TCP connection without a word."""
        self._connection.abort()

    def go_away(self) -> None:
        """Announce that the connection takes no new streams; it closes with the last one."""
        self._connection.send_go_away()

    # -- called by the connection -----------------------------------------------------------------

    def sent(self, count: int) -> None:
        del self.unsent[:count]
        if len(self.unsent) <= _HIGH_WATER_BYTES:
            self._room.set()

    @property
    def wants_end(self) -> bool:
        return self._ending and not self.unsent and not self._closed

    def close(self) -> None:
        """Nothing can be sent any more."""
        self._closed = True
        self._room.set()
        self._flushed.set()


class Connection(asyncio.Protocol):
    """One client connection.

    Parameters
    ----------
    on_stream : callable
        Gets every new request; sets ``stream.peer``.
    on_open, on_lost : callable
        Told of this connection's begin and end.
    max_streams : int
        MAX_CONCURRENT_STREAMS of this connection.
    window_bytes : int
        How much a client may send on one stream before it is given more room.
    """

    def __init__(
        self,
        *,
        on_stream: Callable[[Stream], None],
        on_open: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
        max_streams: int,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self._on_stream = on_stream
        self._on_open = on_open
        self._on_lost = on_lost
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: max_streams,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window_bytes,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 65_536,
            },
        )
        self._streams: dict[int, Stream] = {}
        self._dirty: dict[int, Stream] = {}
        self._flush_due = False
        self._going_away = False
        self._paused = False
        self._transport: asyncio.Transport | None = None
        self._socket: Any = None
        self._loop = asyncio.get_running_loop()

    # -- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._on_open(self)
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is not None and ssl_object.selected_alpn_protocol() != "h2":
            transport.close()
            return
        self._socket = transport.get_extra_info("socket")
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW_BYTES)
        self._write_out()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._acknowledge_quickly()
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._write_out()
            self._transport.close()
            return
        self._handle(events)
        self._flush()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for stream in list(self._streams.values()):
            self._lose(stream)
        self._on_lost(self)

    # -- for streams ------------------------------------------------------------------------------

    def send_headers(self, stream_id: int, headers: list[tuple[str, str]]) -> None:
        self._h2.send_headers(stream_id, headers)
        self._write_out()

    def want_flush(self, stream: Stream) -> None:
        """Send at the end of this turn of the loop, so that events of one turn share a write."""
        self._dirty[stream.id] = stream
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def send_reset(self, stream_id: int, code: h2.errors.ErrorCodes) -> None:
        self._forget(stream_id)
        self._dirty.pop(stream_id, None)
        try:
            self._h2.reset_stream(stream_id, code)
        except h2.exceptions.ProtocolError:  # the client has closed it in the meantime
            return
        self._write_out()

    def send_go_away(self) -> None:
        # h2 forbids to send anything after close_connection(), but a graceful GOAWAY lets streams finish.
        if self._transport is not None:
            self._going_away = True
            last = max(self._streams, default=0)
            payload = last.to_bytes(4, "big") + (0).to_bytes(4, "big")
            self._transport.write(len(payload).to_bytes(3, "big") + bytes((7, 0, 0, 0, 0, 0)) + payload)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._h2.close_connection()
            self._write_out()
            self._transport.close()

    # -- inside -----------------------------------------------------------------------------------

    def _handle(self, events: Iterable[h2.events.Event]) -> None:
        for event in events:
            match event:
                case h2.events.RequestReceived():
                    headers = {str(name): str(value) for name, value in event.headers}
                    opened = self._streams[event.stream_id] = Stream(self, event.stream_id, headers)
                    self._on_stream(opened)
                case h2.events.DataReceived():
                    stream = self._streams.get(event.stream_id)
                    if stream is not None and stream.starved:
                        self._make_room(event.flow_controlled_length)
                    else:
                        self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if stream is not None and stream.peer is not None and event.data:
                        stream.peer.on_data(event.data)
                case h2.events.StreamEnded():
                    self._remote_end(event.stream_id)
                case h2.events.StreamReset():
                    stream = self._streams.get(event.stream_id)
                    if stream is not None:
                        self._lose(stream)
                case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                    self._dirty.update((s.id, s) for s in self._streams.values() if s.unsent)
                case h2.events.ConnectionTerminated():
                    if self._transport is not None:
                        self._transport.close()
                case _:
                    pass

    def _make_room(self, count: int) -> None:
        """Give the connection's other streams room for as much as came on a starved one."""
        if count:
            with contextlib.suppress(h2.exceptions.ProtocolError):  # GOAWAY came in the same read
                self._h2.increment_flow_control_window(count)

    def _remote_end(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.remote_ended = True
            if stream.linger is not None:
                stream.linger.cancel()
                self._forget(stream_id)
            if stream.peer is not None:
                stream.peer.on_end()

    def _forget(self, stream_id: int) -> None:
        if self._streams.pop(stream_id, None) is not None and self._going_away and not self._streams:
            # At the end of this turn of the loop, when the last frames have been written.
            self._loop.call_soon(self._close_quietly)

    def _close_quietly(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _lose(self, stream: Stream) -> None:
        self._forget(stream.id)
        self._dirty.pop(stream.id, None)
        stream.close()
        if stream.linger is not None:
            stream.linger.cancel()
        if stream.peer is not None:
            stream.peer.on_lost()

    def _flush(self) -> None:
        self._flush_due = False
        if self._transport is None or self._paused:
            return
        dirty, self._dirty = self._dirty, {}
        for stream in dirty.values():
            try:
                self._send(stream)
            except h2.exceptions.ProtocolError:  # closed by the client while we were at it
                self._lose(stream)
        self._write_out()

    def _send(self, stream: Stream) -> None:
        if not stream.responded:
            return  # `respond` makes it dirty again
        while stream.unsent:
            room = min(self._h2.local_flow_control_window(stream.id), self._h2.max_outbound_frame_size)
            if room <= 0:
                return  # WINDOW_UPDATE makes it dirty again
            chunk = bytes(stream.unsent[:room])
            self._h2.send_data(stream.id, chunk)
            stream.sent(len(chunk))
        if stream.wants_end:
            self._h2.end_stream(stream.id)
            stream.close()
            if stream.remote_ended:
                self._forget(stream.id)
            else:
                stream.linger = self._loop.call_later(_LINGER_S, self._give_up, stream)

    def _give_up(self, stream: Stream) -> None:
        # RFC 9113, 8.1: the response is complete, the rest of the request is not wanted.
        self.send_reset(stream.id, h2.errors.ErrorCodes.NO_ERROR)

    def _write_out(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def _acknowledge_quickly(self) -> None:
        # The AWS client leaves Nagle's algorithm on: a delayed ACK would cost it 40 ms per event.
        if _QUICKACK is not None and self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
