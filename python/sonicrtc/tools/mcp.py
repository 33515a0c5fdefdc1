"""MCP servers as tools: the one file that knows the MCP SDK.

One task per server starts it or connects to it, asks for its tools, watches it, and begins again with growing pauses
when it has gone. All of them live in the task group of :class:`McpServers`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar, copy_context
from types import TracebackType
from typing import Any, Self

import msgspec

from sonicrtc.errors import ConfigError, MissingExtraError, ToolError
from sonicrtc.tools.child import Child, child
from sonicrtc.tools.mcp_file import McpServer
from sonicrtc.tools.progress import still_working
from sonicrtc.tools.registry import Tool, ToolRegistry, make_tool
from sonicrtc.tools.schema import without_references

try:
    import anyio
    import httpcore2 as httpcore2  # so that its loggers are there, below
    import httpx2
    import mcp_types as mcp
    from mcp.client import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared.exceptions import MCPError
    from mcp.shared.message import SessionMessage
except ModuleNotFoundError as exc:  # pragma: no cover - seen by the base-install test
    raise MissingExtraError("MCP servers need the extra: pip install 'sonicrtc[mcp]'") from exc

_log = logging.getLogger(__name__)

#: How long the start of the service waits for the servers; who comes later is taken then.
_START_S = 10.0
#: How long one attempt may take: a package runner may have to download the server first.
_CONNECT_S = 60.0
#: How long a server may take for its list of tools when it is suspected of hanging.
_SIGN_OF_LIFE_S = 5.0
#: The list of tools is not asked for more often than this.
_LISTING_S = 0.2
#: Pauses between attempts double up to this.
_LONGEST_PAUSE_S = 30.0
_LISTEN_AGAIN_S = 1.0
#: A message may be so long, in bytes; a result comes twice in it, as text and as structure.
_MESSAGE_BYTES = 32 * 1024 * 1024
#: Messages from one server: so many at once, and so many each second. What is more waits, at the server's end.
_BURST, _PER_SECOND = 1000, 1000
_MOST_PAGES = 50


class McpServers:
    """MCP servers, whose tools are in a registry while this context is entered.

    A server that cannot be started or dies is tried again with pauses of `first_pause_s`, then twice that, up to
    30 s; its tools stay and answer with an error meanwhile.

    Parameters
    ----------
    servers : sequence of McpServer
        From :func:`sonicrtc.tools.mcp_file.read_mcp_file`.
    tools : ToolRegistry
        Where the tools are put. A name that is taken gets the server's name in front.
    show_errors : bool
        Let what the servers' processes write to standard error be seen, for looking for a mistake.
    first_pause_s : float
        See above.

    Raises
    ------
    ConfigError
        Two servers have the same name.
    """

    def __init__(
        self,
        servers: Sequence[McpServer],
        tools: ToolRegistry,
        *,
        show_errors: bool = False,
        first_pause_s: float = 0.5,
    ) -> None:
        names = [server.name for server in servers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"MCP servers: expected each name once, got {', '.join(twice)} more than once")
        self._registry = tools
        self._published: list[Tool] = []
        self._group = asyncio.TaskGroup()
        self._servers = [
            _Connection(server, self._group, self._publish, show_errors=show_errors, first_pause_s=first_pause_s)
            for server in servers
        ]

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._tasks = [self._group.create_task(s.run(), name=f"MCP {s.server.name}") for s in self._servers]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_S):
                    for server in self._servers:
                        await server.tried.wait()
        except BaseException as exc:
            await self.__aexit__(type(exc), exc, exc.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._registry.replace(self._published, ())
        for server, task in zip(self._servers, self._tasks, strict=True):
            server.stopping = True
            task.cancel()
        await self._group.__aexit__(None, None, None)

    def _publish(self) -> None:
        """Put all servers' tools into the registry anew: which names clash may have changed."""
        taken = {tool.name for tool in self._registry} - {tool.name for tool in self._published}
        tools: list[Tool] = []
        for server in self._servers:
            for tool in server.as_tools(taken):
                taken.add(tool.name)
                tools.append(tool)
        self._registry.replace(self._published, tools)
        self._published = tools


class _Gone(Exception):
    """The connection has ended; the text says how, and is ours."""


class _Connection:
    """One server: its connection as long as there is one, and its tools."""

    def __init__(
        self,
        server: McpServer,
        group: asyncio.TaskGroup,
        changed: Callable[[], None],
        *,
        show_errors: bool,
        first_pause_s: float,
    ) -> None:
        self.server = server
        self.tried = asyncio.Event()
        #: The SDK's cancel scopes take a cancellation for theirs when the connection breaks at the same time.
        self.stopping = False
        self._group = group
        self._changed = changed
        self._show_errors = show_errors
        self._first_pause_s = first_pause_s
        self._client: Client | None = None
        self._listed: list[mcp.Tool] = []
        self._why = "it has not started yet"
        self._look = asyncio.Event()
        self._ended = asyncio.Event()

    # -- its tools ----------------------------------------------------------------------------------

    def as_tools(self, taken: Iterable[str]) -> Iterator[Tool]:
        """Yield the server's tools as the model is told of them, by names that are not in `taken`."""
        for listed in self._listed:
            name = _name(self.server.prefix, listed.name)
            if name in taken:
                name = _name(self.server.name, listed.name)
            try:
                if name in taken:
                    raise ConfigError(f"tool {name!r} is registered already")
                yield make_tool(
                    functools.partial(self.call, listed.name),
                    name=name,
                    description=listed.description or listed.title or listed.name,
                    schema=_schema(listed.input_schema),
                    timeout_s=self.server.timeout_s,
                    confirm=self.server.asks_first(listed.name),
                )
            except (ConfigError, LookupError, ValueError, RecursionError) as exc:
                _log.warning("MCP server %s: a tool is left out: %s", self.server.name, exc)

    async def call(self, tool: str, /, **arguments: Any) -> Any:
        """Return what the server's `tool` answers.

        Raises
        ------
        ToolError
            The server says that it failed, or is not there, or goes away meanwhile.
        """
        client = self._client
        if client is None:
            raise ToolError(f"the MCP server {self.server.name} is not there: {self._why}; it is tried again")
        context = copy_context()
        context.run(_ours.set, True)
        request = self._request(client, tool, arguments, still_working.get())
        task = self._group.create_task(request, context=context)
        try:
            # Not awaited as it is: the SDK tells the server of a cancellation before it gives way, which may take
            # seconds with one that hangs.
            answer = await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            self._look.set()
            raise
        match answer:
            case mcp.CallToolResult():
                return _value(answer, self.server)
            case MCPError(code=mcp.CONNECTION_CLOSED):
                raise ToolError(f"the MCP server {self.server.name} went away before it had answered") from answer
            case MCPError(message=message):
                self._look.set()
                raise ToolError(self.server.secrets.hidden(message)) from answer
            case _:
                self._look.set()
                raise ToolError(f"the MCP server {self.server.name} answered with what is no result") from answer

    async def _request(
        self, client: Client, tool: str, arguments: dict[str, Any], again: Callable[[], None]
    ) -> mcp.CallToolResult | Exception:
        """Return an exception rather than raise it: it would end the task group."""

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            again()

        params = mcp.CallToolRequestParams(name=tool, arguments=arguments)
        try:
            # Not client.call_tool: it also checks the result against the server's schema for it, in Python, which
            # holds up every call of the process when the result is large.
            return await client.session.send_request(
                mcp.CallToolRequest(params=params), mcp.CallToolResult, progress_callback=progressed
            )
        except Exception as exc:
            return exc

    # -- its life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the server going until `stopping`, and cancelled."""
        _ours.set(True)
        loop = asyncio.get_running_loop()
        pause_s = self._first_pause_s
        while True:
            begun_s = loop.time()
            try:
                await self._live()
            except Exception as exc:  # whatever one server does, the service and the others go on
                self._why = _reason(exc)
            self._client = None
            if self.stopping:
                return
            if loop.time() - begun_s > _LONGEST_PAUSE_S:
                pause_s = self._first_pause_s
            _log.warning(
                "MCP server %s: %s; next attempt in %g s", self.server.name, self._why, pause_s,
                extra={"server": self.server.name},
            )  # fmt: skip
            self.tried.set()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _live(self) -> None:
        """Connect, and serve until the connection ends, which raises."""
        self._ended.clear()
        self._look.clear()
        async with asyncio.timeout(_CONNECT_S) as connecting:
            async with Client(self._transport(), cache=None, message_handler=self._notified) as client:
                await self._list(client)
                self._client = client
                connecting.reschedule(None)
                _log.info("MCP server %s: %d tools", self.server.name, len(self._listed))
                self.tried.set()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(client))
                    await self._attend(client)

    async def _attend(self, client: Client) -> None:
        """Ask for the tools again when they have changed, and when the server may be hanging."""
        while True:
            await self._look.wait()
            if self._ended.is_set():
                raise _Gone(self._why)
            self._look.clear()
            try:
                async with asyncio.timeout(_SIGN_OF_LIFE_S):
                    await self._list(client)
            except TimeoutError as exc:
                raise _Gone("it hangs") from exc
            await asyncio.sleep(_LISTING_S)

    async def _list(self, client: Client) -> None:
        listed: list[mcp.Tool] = []
        page = await client.list_tools()
        for _ in range(_MOST_PAGES):
            listed += page.tools
            if not page.next_cursor:
                break
            page = await client.list_tools(cursor=page.next_cursor)
        unfit = self.server.without_match(tool.name for tool in listed)
        offered = [tool for tool in listed if self.server.offers(tool.name)]
        if offered == self._listed and self._client is not None:
            return
        if unfit:
            _log.warning("MCP server %s: no tool is called %s", self.server.name, ", ".join(unfit))
        self._listed = offered
        self._changed()

    async def _listen(self, client: Client) -> None:
        """Follow changes of the list where the protocol has a stream for it; before 2026-07-28 they just come."""
        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed or client.session.discover_result is None:
            return
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    self._look.set()  # they may have changed just before
                    async for _ in changes:
                        self._look.set()
            except MCPError:
                return  # not offered after all
            except RuntimeError:
                pass  # a stream that was lost, as the SDK tells it
            self._look.set()
            await asyncio.sleep(_LISTEN_AGAIN_S)

    async def _notified(self, message: Any) -> None:
        if isinstance(message, mcp.ToolListChangedNotification):
            self._look.set()

    def _transport(self) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        return self._http() if self.server.url else self._stdio()

    @asynccontextmanager
    async def _stdio(self) -> AsyncIterator[tuple[_Inbox, _Outbox]]:
        # Not the SDK's: it keeps a line of any length, and waits for a server that does not read.
        async with child(
            self.server.command, environment=self.server.environment, directory=self.server.directory,
            longest_bytes=_MESSAGE_BYTES, show_errors=self._show_errors,
        ) as process:  # fmt: skip
            yield _Inbox(functools.partial(_read, process), self._has_ended), _Outbox(process)

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[tuple[_Inbox, Any]]:
        here = httpx2.URL(self.server.url)

        async def only_here(request: httpx2.Request) -> None:
            if (request.url.scheme, request.url.netloc) != (here.scheme, here.netloc):
                raise _Gone("it redirects to another server, which must not get the headers")

        async def bounded(response: httpx2.Response) -> None:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            if response.status_code in (401, 403):
                raise _Gone(f"it answers with HTTP status {response.status_code}: are its headers right?")
            if "content-encoding" in response.headers:
                raise _Gone("it compresses, which it was not asked to")  # a little may become a lot
            response.stream = _Bounded(response.stream)

        async with (
            httpx2.AsyncClient(
                headers={"Accept-Encoding": "identity", **self.server.headers},
                follow_redirects=True, timeout=httpx2.Timeout(30, read=300),
                event_hooks={"request": [only_here], "response": [bounded]},
            ) as http,
            streamable_http_client(self.server.url, http_client=http) as (inbound, outbound),
        ):  # fmt: skip
            yield _Inbox(inbound.receive, self._has_ended), outbound

    def _has_ended(self) -> None:
        self._client, self._why = None, "it has ended"
        self._ended.set()
        self._look.set()


# --- what lies between a transport and the SDK ------------------------------------------------------


async def _read(process: Child) -> SessionMessage | Exception:
    try:
        line = await process.read_line()
    except ValueError as exc:
        raise anyio.EndOfStream from exc  # longer than allowed: the end of this server
    if line is None:
        raise anyio.EndOfStream
    try:
        return SessionMessage(mcp.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as exc:
        return exc


class _Inbox:
    """Messages of a server, no faster than is good for the process."""

    def __init__(self, receive: Callable[[], Awaitable[Any]], ended: Callable[[], None]) -> None:
        self._receive, self._ended = receive, ended
        self._budget, self._at_s = float(_BURST), asyncio.get_running_loop().time()

    async def receive(self) -> Any:
        now_s = asyncio.get_running_loop().time()
        self._budget = min(_BURST, self._budget + (now_s - self._at_s) * _PER_SECOND) - 1
        self._at_s = now_s
        # At least once round the loop: what a server has sent in a heap is there without waiting.
        await asyncio.sleep(max(0.0, -self._budget / _PER_SECOND))
        try:
            return await self._receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._ended()
            raise

    async def aclose(self) -> None:
        """Nothing to do: the transport closes what is below."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Outbox:
    """Messages to a server's process; never waits for it."""

    def __init__(self, process: Child) -> None:
        self._process = process

    async def send(self, item: SessionMessage) -> None:
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        try:
            self._process.write(f"{text}\n".encode())
        except BrokenPipeError as exc:
            raise anyio.BrokenResourceError from exc

    async def aclose(self) -> None:
        """Nothing to do: the end of its input is part of the process's end."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """A response whose lines are no longer than a message may be; the SDK reads a line of any length."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        line_bytes = 0
        async for part in self._stream:
            after = part.rfind(b"\n")
            line_bytes = line_bytes + len(part) if after < 0 else len(part) - after - 1
            if line_bytes > _MESSAGE_BYTES:
                raise _Gone("it sends a message without end")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


# --- from the SDK's words into ours -----------------------------------------------------------------


def _name(prefix: str, name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", f"{prefix}_{name}" if prefix else name)[:64]


def _schema(given: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in given.items() if key not in ("$schema", "$defs", "definitions", "title")}
    plain: dict[str, Any] = without_references(shown, given, cycles=True)
    return plain


def _value(result: mcp.CallToolResult, server: McpServer) -> Any:
    """Return what the model is told of `result`: the structure, or the JSON in the text, or the text."""
    text = "\n".join(map(_text, result.content))
    if result.is_error:
        raise ToolError(server.secrets.hidden(text) or f"the MCP server {server.name} says that it failed, and not why")
    if result.structured_content is not None:
        return result.structured_content
    if text.startswith(("{", "[")):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(text)
    return text


def _text(block: mcp.ContentBlock) -> str:
    match block:
        case mcp.TextContent(text=text):
            return text
        case mcp.EmbeddedResource(resource=mcp.TextResourceContents(text=text)):
            return text
        case mcp.ResourceLink(uri=uri, name=name):
            return f"{name}: {uri}"
        case _:
            return f"[{block.type}, which cannot be told in words]"


def _reason(error: BaseException) -> str:
    """Return why a connection failed; never an error's own text, which may quote commands, headers and addresses."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case _Gone():
            return str(error)
        case FileNotFoundError():
            return "its program or directory was not found"
        case TimeoutError():
            return f"it did not answer within {_CONNECT_S:g} s"
        case httpx2.ConnectError():
            return "nothing answers at its address"
        case MCPError(code=mcp.CONNECTION_CLOSED):
            return "it ended before it had answered"
        case MCPError(code=code):
            return f"it answers with error {code}"
        case _:
            return f"it failed with {type(error).__name__}"


# --- logs -------------------------------------------------------------------------------------------

_ours: ContextVar[bool] = ContextVar("_ours", default=False)


def _is_not_ours(record: logging.LogRecord) -> bool:
    return not _ours.get()


# The SDK and its HTTP client log messages, addresses and headers: not those of our servers.
for _logger in [name for name in logging.root.manager.loggerDict if re.match(r"(client|mcp|httpx2|httpcore2)\b", name)]:
    logging.getLogger(_logger).addFilter(_is_not_ours)
