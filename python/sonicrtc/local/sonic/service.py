"""The local Nova Sonic service: what answers at its address."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from sonicrtc.errors import ConfigError
from sonicrtc.local.sigv4 import EventChain, SignatureError, verify_header
from sonicrtc.local.sonic.brain import Brain
from sonicrtc.local.sonic.catalogue import MODELS, RETIRED_MODELS
from sonicrtc.local.sonic.exchange import Exchange, Sessions
from sonicrtc.local.sonic.faults import Fault, Faults, Opening, Refusal
from sonicrtc.local.sonic.h2server import WINDOW_BYTES, Connection, Stream
from sonicrtc.local.sonic.records import Record, Recorder, Records
from sonicrtc.local.sonic.referee import Limits, Referee
from sonicrtc.local.sonic.scenario import Scenario
from sonicrtc.local.sonic.scripted import ScriptedBrain
from sonicrtc.local.sonic.shapes import preload
from sonicrtc.local.state import LocalState

__all__ = ["LocalSonic"]

_log = logging.getLogger(__name__)
_PATH = re.compile(r"/model/([^/]+)/invoke-with-bidirectional-stream")
_MODEL_ID = re.compile(r"[a-z0-9-]+\.[a-z0-9.-]+(:\d+)?")
_CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STREAM_HASH = "STREAMING-AWS4-HMAC-SHA256-EVENTS"


class _Refused:
    """The peer of a stream that was answered with an error: swallows what still comes."""

    def on_data(self, data: bytes) -> None:
        return None

    def on_end(self) -> None:
        return None

    def on_lost(self) -> None:
        return None


class LocalSonic:
    """Nova Sonic on this machine, at the protocol of ``InvokeModelWithBidirectionalStream``.

    ::

        with LocalState.open(None) as state:
            async with LocalSonic(state=state, brain=EchoBrain) as sonic:
                ...  # point any AWS SDK at sonic.endpoint, with state's authority and keys

    Parameters
    ----------
    state : LocalState
        Certificate and the only keys that are accepted.
    brain : callable, optional
        Makes a brain for each session that the scenario gives no steps.
    scenario : Scenario, optional
        What happens in each session. What it sets of the service takes the place of the arguments here,
        but for `limits`.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    region : str
        Region that signatures must name.
    limits : Limits
        Session length and idle time.
    max_streams : int
        MAX_CONCURRENT_STREAMS of one connection.
    max_sessions : int, optional
        More sessions at once are throttled (20 is the quota of a new account).
    window_bytes : int
        What a client may send on one stream before it needs more room; the fault ``starve`` gives none.
    record : bool
        Keep everything that clients send in `records`.
    clock : callable
        Monotonic time in seconds, for `limits`.
    wall_clock : callable
        Aware time of day, for signatures.

    Attributes
    ----------
    sessions : Sessions
        Counters.
    faults : Faults
        What shall go wrong.
    records : Records
        What the sessions were told, while `record` is true.
    """

    def __init__(
        self,
        *,
        state: LocalState,
        brain: Callable[[], Brain] | None = None,
        scenario: Scenario | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        region: str = "us-east-1",
        limits: Limits | None = None,
        max_streams: int = 100,
        max_sessions: int | None = None,
        window_bytes: int = WINDOW_BYTES,
        record: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        if brain is None and (scenario is None or not scenario.complete):
            raise ConfigError("a local Sonic needs a brain, or a scenario with steps for every session")
        chosen = scenario.options if scenario is not None else {}
        self.sessions = Sessions()
        self.faults = Faults(self._strike)
        self.record = record
        self.records = Records()
        self._state = state
        self._brain = brain
        self._host = host
        self._port = port
        self._region = region
        self._scenario = scenario
        self._limits = limits or (scenario.limits if scenario is not None else Limits())
        self._max_streams = chosen.get("max_streams", max_streams)
        self._max_sessions = chosen.get("max_sessions", max_sessions)
        self._window_bytes = chosen.get("window_bytes", window_bytes)
        self._clock = clock
        self._wall_clock = wall_clock
        self._connections: set[Connection] = set()
        self._exchanges: dict[Exchange, int] = {}
        self._asked = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._tasks = asyncio.TaskGroup()
        self._idle = asyncio.Event()

    @property
    def endpoint(self) -> str:
        """``https://host:port`` to point a client at."""
        return f"https://{self._host}:{self._port}"

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that point any AWS SDK, and this package, at the service.

        The throw-away keys are among them, so that nobody's real ones are sent here.
        """
        keys = self._state.keys
        return {
            **self._state.environment(),
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.endpoint,
            "AWS_REGION": self._region,
            "SONICRTC_SONIC_ENDPOINT": self.endpoint,
            "SONICRTC_SONIC_CA_FILE": str(self._state.ca_file),
        }

    def look_at_the_clock(self) -> None:
        """End the sessions whose time is over: for tests that move `clock` themselves."""
        for exchange in tuple(self._exchanges):
            exchange.look_at_the_clock()

    async def __aenter__(self) -> Self:
        preload()
        loop = self._loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connect,
            self._host,
            self._port,
            ssl=self._state.server_context(("h2",)),
            ssl_handshake_timeout=5.0,
            ssl_shutdown_timeout=0.5,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for exchange in tuple(self._exchanges):
            exchange.cancel()
        # Before the sessions have ended: one may be waiting for a client that does not read.
        for connection in tuple(self._connections):
            connection.close()
        # The body's own exception is not the group's: it must come out as it is.
        await self._tasks.__aexit__(None, None, None)
        if self._connections:
            self._idle.clear()
            await self._idle.wait()
        await self._server.wait_closed()

    # -- connections ------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        return Connection(
            on_stream=self._on_stream,
            on_open=self._connections.add,
            on_lost=self._on_connection_lost,
            max_streams=self._max_streams,
            window_bytes=self._window_bytes,
        )

    def _on_connection_lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._idle.set()

    # -- requests ---------------------------------------------------------------------------------

    def _on_stream(self, stream: Stream) -> None:
        request_id = str(uuid.uuid4())
        try:
            exchange = self._accept(stream, request_id)
        except Refusal as refusal:
            _log.info("request refused", extra={"request_id": request_id, "kind": refusal.kind})
            self._tasks.create_task(_refuse(stream, refusal, request_id))
            return
        stream.peer = exchange
        exchange.start()
        self._tasks.create_task(self._serve(exchange))

    async def _serve(self, exchange: Exchange) -> None:
        try:
            await exchange.run()
        finally:
            self._exchanges.pop(exchange, None)

    def _accept(self, stream: Stream, request_id: str) -> Exchange:
        model_id = _route(stream.headers)
        chain = self._authenticate(stream.headers)
        _check_model(model_id)
        index, self._asked = self._asked, self._asked + 1
        recorder = self._recorder(index, model_id)
        fault = self.faults.take(Opening(index=index, model_id=model_id, active=len(self._exchanges)))
        fault = fault or (self._scenario.script(index).fault if self._scenario is not None else Fault())
        refusal = self._refusal(fault)
        if refusal is not None:
            if recorder is not None:
                recorder.ended(refusal.kind)
            raise refusal
        exchange = Exchange(
            stream,
            headers={
                "content-type": _CONTENT_TYPE,
                "x-amzn-requestid": request_id,
                "x-amzn-bedrock-content-type": "application/json",
            },
            chain=chain,
            referee=Referee(model_id=model_id, now_s=self._clock(), limits=_limits(self._limits, fault)),
            brain=lambda: self._make_brain(index),
            sessions=self.sessions,
            session_id=request_id,
            clock=self._clock,
            fault=fault,
            recorder=recorder,
        )
        self._exchanges[exchange] = index
        return exchange

    def _make_brain(self, index: int) -> Brain:
        if self._scenario is not None and self._scenario.script(index).steps is not None:
            return ScriptedBrain(self._scenario, index)
        assert self._brain is not None
        return self._brain()

    def _refusal(self, fault: Fault) -> Refusal | None:
        if fault.refuse:
            return Refusal(fault.http_status, fault.refuse, fault.message)
        if self._max_sessions is not None and len(self._exchanges) >= self._max_sessions:
            message = "Too many concurrent requests, please wait before trying again."
            return Refusal(429, "ThrottlingException", message)
        return None

    def _recorder(self, index: int, model_id: str) -> Recorder | None:
        if not self.record:
            return None
        record = Record(index=index, model_id=model_id)
        self.records.add(record)
        return Recorder(self.records, record)

    def _strike(self, fault: Fault, session: int | None) -> None:
        """Let a fault happen to open sessions; called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._strike_here, fault, session)

    def _strike_here(self, fault: Fault, session: int | None) -> None:
        for exchange, index in tuple(self._exchanges.items()):
            if session is None or session == index:
                exchange.suffer(fault)

    def _authenticate(self, headers: Mapping[str, str]) -> EventChain:
        path, _, query = headers[":path"].partition("?")
        if headers.get("x-amz-content-sha256") != _STREAM_HASH:
            raise Refusal(403, "InvalidSignatureException", f"x-amz-content-sha256 must be {_STREAM_HASH}")
        try:
            scope, seed = verify_header(
                method=headers[":method"],
                path=path,
                query=query,
                headers={**headers, "host": headers.get(":authority", headers.get("host", ""))},
                payload_hash=_STREAM_HASH,
                keys=self._state.keys,
                region=self._region,
                service="bedrock",
                now=self._wall_clock(),
            )
        except SignatureError as exc:
            raise Refusal(403, exc.code, exc.message) from exc
        return EventChain(keys=self._state.keys, scope=scope, seed=seed)


def _route(headers: Mapping[str, str]) -> str:
    """Return the model id of the path."""
    match = _PATH.fullmatch(headers.get(":path", "").partition("?")[0])
    if match is None or headers.get(":method") != "POST":
        raise Refusal(404, "UnknownOperationException", "expected POST /model/{id}/invoke-with-bidirectional-stream")
    if headers.get("content-type") != _CONTENT_TYPE:
        raise Refusal(415, "ValidationException", f"content-type must be {_CONTENT_TYPE}")
    return unquote(match[1])


def _check_model(model_id: str) -> None:
    if model_id in MODELS:
        return
    if model_id in RETIRED_MODELS:
        raise Refusal(404, "ResourceNotFoundException", "This model version has reached the end of its life.")
    if _MODEL_ID.fullmatch(model_id) is None:
        raise Refusal(400, "ValidationException", "The provided model identifier is invalid.")
    raise Refusal(
        404, "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."
    )


def _limits(limits: Limits, fault: Fault) -> Limits:
    return replace(
        limits,
        session_s=limits.session_s if fault.session_s is None else fault.session_s,
        idle_s=limits.idle_s if fault.idle_s is None else fault.idle_s,
    )


async def _refuse(stream: Stream, refusal: Refusal, request_id: str) -> None:
    stream.peer = _Refused()
    body = refusal.body()
    stream.respond(
        refusal.status,
        {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-amzn-requestid": request_id,
            "x-amzn-errortype": refusal.kind,
        },
    )
    stream.write(body)
    await stream.end()
