"""All calls of one agent: who gets in, whose tasks they are, how they end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sonicrtc.audio import Uplink, VadConfig
from sonicrtc.call import Call
from sonicrtc.errors import BusyError, MissingExtraError, SdpError
from sonicrtc.rtc.media import media_path
from sonicrtc.rtc.peer import Description
from sonicrtc.sonic.session import SonicSession
from sonicrtc.tools.runtime import ToolRunner
from sonicrtc.tools.threads import ThreadPool
from sonicrtc.tuning import tool_specs

if TYPE_CHECKING:
    from sonicrtc.call import IceServers, OpenSession
    from sonicrtc.config import Config, SonicConfig
    from sonicrtc.credentials import CredentialsProvider
    from sonicrtc.sonic.protocol import SonicEvent
    from sonicrtc.tools.registry import ToolRegistry

OnCall = Callable[[Call], Awaitable[None]]

_log = logging.getLogger(__name__)

#: How long calls that were told to end may take for it.
_GOODBYE_S = 10.0
#: How long functions of tools that nobody waits for any more may take to return.
_THREADS_S = 2.0


def _require_detector(vad: VadConfig) -> None:
    """Fail when calls begin to be taken, not at each call."""
    try:
        Uplink(vad=vad)
    except ImportError as exc:
        raise MissingExtraError(str(exc)) from exc


class Calls:
    """Owner of calls: an async context manager in which all of them live.

    Parameters
    ----------
    config : Config
        Settings of every call; ``config.server.loopback`` makes them loopbacks.
    credentials : CredentialsProvider
        Keys of the model's sessions.
    tools : ToolRegistry
        What the model may call.
    on_call : sequence of async callable
        Each runs beside every call; an exception in one ends that one only.
    open_session : callable, optional
        Makes a model's session; :class:`sonicrtc.sonic.session.SonicSession` unless told otherwise.

    Raises
    ------
    MissingExtraError
        The detector of ``config.vad`` is not installed.
    ConfigError
        The libopus of ``config.media`` cannot be used.

    Attributes
    ----------
    opened, closed : int
        Calls so far; equal when none is active.
    """

    def __init__(
        self,
        config: Config,
        *,
        credentials: CredentialsProvider,
        tools: ToolRegistry,
        on_call: Sequence[OnCall] = (),
        open_session: OpenSession | None = None,
    ) -> None:
        self._config = config
        self._credentials = credentials
        self._tools = tools
        self._on_call = tuple(on_call)
        self._threads = ThreadPool(config.tools.max_threads)
        self._open_session = None if config.server.loopback else open_session or self._open_sonic
        media_path(config.media)  # a libopus that cannot be used stops the start, not each call
        if self._open_session:
            _require_detector(config.vad)
        self._group = asyncio.TaskGroup()
        self._beside: set[asyncio.Task[None]] = set()
        self._calls: dict[Call, str | None] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self.opened = self.closed = 0

    @property
    def active(self) -> int:
        """Calls that are going on, those still being answered among them."""
        return len(self._calls)

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drain(0)
        for task in self._beside:
            task.cancel()
        await self._threads.close(_THREADS_S)
        # Nothing is left that could fail; the body's own error goes its way outside of the group.
        await self._group.__aexit__(None, None, None)

    async def answer(
        self, offer: Mapping[str, Any], client_id: str | None = None, *, ice_servers: IceServers | None = None
    ) -> Call:
        """Begin a call.

        Parameters
        ----------
        offer : mapping
            ``{"sdp": ..., "type": "offer"}``; what the page wishes of the model may stand in ``settings``, an
            `events.Settings`. A wish that cannot be granted is told to the page, and the call begins without it.
        client_id : str, optional
            Who calls; an earlier call of the same client ends.
        ice_servers : sequence of str or IceServer, optional
            STUN and TURN servers instead of the configured ones.

        Raises
        ------
        BusyError
            There are as many calls as ``config.server.max_calls``, or this is stopping.
        SdpError
            The offer is not usable.
        """
        description = _description(offer)
        await self._admit(client_id)
        call = Call(
            self._config,
            open_session=self._open_session,
            open_tools=partial(ToolRunner, self._tools, self._config.tools, self._threads),
            settings=offer.get("settings"),
            ice_servers=self._config.server.ice_servers if ice_servers is None else ice_servers,
        )
        self._enter(call, client_id)
        try:
            await call.accept(description)
        except BaseException:
            await call.close()
            self._leave(call)
            raise
        self._group.create_task(self._live(call), name=f"call {call.id}")
        for notify in self._on_call:
            self._start_beside(self._notify(notify, call))
        return call

    async def drain(self, deadline_s: float) -> None:
        """Take no more calls, let those going on end until the deadline, then end them."""
        self._draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._idle.wait()
        for call in self._calls:
            await call.hang_up("drained")
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("calls did not end in time", extra={"calls": self.active})

    async def _admit(self, client_id: str | None) -> None:
        replaced = [call for call, owner in self._calls.items() if client_id is not None and owner == client_id]
        for call in replaced:
            await call.hang_up("peer_left")
        limit = self._config.server.max_calls
        if self._draining:
            raise BusyError("this server is stopping; try again later")
        if self.active - len(replaced) >= limit:
            raise BusyError(f"all {limit} calls of this server are taken; try again later")

    def _enter(self, call: Call, client_id: str | None) -> None:
        self._calls[call] = client_id
        self.opened += 1
        self._idle.clear()

    def _leave(self, call: Call) -> None:
        del self._calls[call]
        self.closed += 1
        if not self._calls:
            self._idle.set()

    async def _live(self, call: Call) -> None:
        try:
            await call.run()
        finally:
            self._leave(call)

    def _start_beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _notify(self, notify: OnCall, call: Call) -> None:
        try:
            await notify(call)
        except Exception:  # the application's own code: its mistake ends neither the call nor the server
            _log.exception("a function given to on_call failed", extra={"call": call.id})

    def _open_sonic(self, config: SonicConfig, on_event: Callable[[SonicEvent], None]) -> SonicSession:
        return SonicSession(
            config,
            credentials=self._credentials,
            on_event=on_event,
            tools=tool_specs(self._tools),
            continuity=self._config.continuity,
        )


def _description(offer: Mapping[str, Any]) -> Description:
    if not isinstance(offer, Mapping) or not {"sdp", "type"} <= offer.keys():
        raise SdpError('offer: expected {"sdp": "...", "type": "offer"}')
    return Description(offer["sdp"], offer["type"])
