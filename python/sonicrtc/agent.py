"""`Agent`: what a service imports."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

from sonicrtc.call import Call
from sonicrtc.calls import Calls, OnCall
from sonicrtc.config import Config, KnowledgeBaseConfig, load
from sonicrtc.credentials import BotocoreCredentials, CredentialsProvider
from sonicrtc.devices import DeviceSource, show_devices
from sonicrtc.errors import ConfigError, SonicRtcError
from sonicrtc.tools.builtin import BUILTIN
from sonicrtc.tools.registry import Tool, ToolRegistry

if TYPE_CHECKING:
    from sonicrtc.tools.openapi import Api

Lifespan = Callable[[], AbstractAsyncContextManager[object]]


class Agent:
    """A voice agent: instructions, a voice and tools, answering any number of calls.

    Either :meth:`run` it, which is ``sonicrtc serve`` with this agent, or call :meth:`answer` inside
    an application of your own and :meth:`aclose` when that ends.

    Parameters
    ----------
    instructions : str, optional
        The system prompt, instead of the one in `config`.
    voice : str, optional
        One of :data:`sonicrtc.config.SONIC_VOICES`, instead of the one in `config`.
    language : str, optional
        What is spoken, e.g. ``"fr-FR"``, instead of what `config` says; the voice must speak it.
    greeting : str, optional
        What the agent says first, before anybody has spoken, instead of the one in `config`.
    config : Config, optional
        All other settings. :meth:`run` reads the environment when there is none.
    credentials : CredentialsProvider, optional
        AWS keys; the AWS SDK's own chain unless told otherwise.

    Examples
    --------
    ::

        agent = Agent(instructions="You are brief and kind.", voice="matthew")

        @agent.tool
        async def weather(city: str) -> dict:
            "Tell the weather in a city."
            return {"city": city, "sky": "clear"}

        agent.run()
    """

    def __init__(
        self,
        *,
        instructions: str | None = None,
        voice: str | None = None,
        language: str | None = None,
        greeting: str | None = None,
        config: Config | None = None,
        credentials: CredentialsProvider | None = None,
    ) -> None:
        own = {"instructions": instructions, "voice": voice, "language": language, "greeting": greeting}
        self._own: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
        self._given = config
        self.config = self._settings(config or Config())
        self._credentials = credentials or BotocoreCredentials()
        self._tools = ToolRegistry()
        self._add_builtin(self.config)
        self._mcp_files: list[Path] = []
        self._apis: list[Api] = []
        self._knowledge_bases: list[dict[str, Any]] = []
        #: What the page shows beside the conversation; None for nothing.
        self.devices: DeviceSource | None = None
        self._on_call: list[OnCall] = []
        self._lifespans: list[Lifespan] = []
        self._root: asyncio.Task[None] | None = None
        self._calls: asyncio.Future[Calls] | None = None
        self._stop = asyncio.Event()

    def _settings(self, config: Config) -> Config:
        return replace(config, sonic=replace(config.sonic, **self._own))

    def _add_builtin(self, config: Config) -> None:
        for name in config.tools.builtin:
            if name not in self._tools:
                self._tools.add(BUILTIN[name])

    @overload
    def tool[F: Callable[..., Any]](self, fn: F) -> F: ...
    @overload
    def tool[F: Callable[..., Any]](
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        schema: dict[str, Any] | None = None,
        timeout_s: float | None = None,
        confirm: bool | str = False,
        filler: str | None = None,
    ) -> Callable[[F], F]: ...
    def tool(self, fn: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Let the model call a function; its type hints and docstring tell the model how.

        Used as ``@agent.tool`` or ``@agent.tool(confirm="Unlock the {door}?", timeout_s=5)``. The function may be
        async; it is returned unchanged. See :meth:`sonicrtc.tools.registry.ToolRegistry.add` for the options.
        """
        if fn is None:
            return lambda later: self.tool(later, **options)
        self._tools.add(fn, **options)
        return fn

    def use_mcp(self, file: str | Path) -> None:
        """Let the model call the tools of the MCP servers that `file` names, from when calls begin to be taken.

        Parameters
        ----------
        file : str or Path
            JSON with ``mcpServers``, see docs/tools.md; one more than ``tools.mcp`` of the settings. It is read when
            the agent is entered (``async with agent``), the first call comes or :meth:`serve` begins.
        """
        self._mcp_files.append(Path(file))

    def use_openapi(
        self,
        file: str | Path,
        *,
        base_url: str | None = None,
        write: Collection[str] | Mapping[str, str] = (),
        headers: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        """Let the model call the operations of an HTTP service that an OpenAPI 3 file describes.

        Parameters
        ----------
        file : str or Path
            JSON, or YAML with the extra ``openapi``; read as by :meth:`use_mcp`.
        base_url : str, optional
            Instead of the file's first server.
        write : collection of str, or mapping of str to str
            Operations other than GET that the model may ask for, as patterns of their ids; the user is asked first,
            with the question that a mapping gives.
        headers : mapping, optional
            What each request carries; ``${NAME}`` in a value is an environment variable.
        prefix : str
            What the tools' names begin with.
        """
        from sonicrtc.tools.openapi import Api

        self._apis.append(Api(file=Path(file), base_url=base_url, write=write, headers=headers or {}, prefix=prefix))

    def use_knowledge_base(self, id: str | None = None, **options: Any) -> None:
        """Let the model search a Bedrock knowledge base; an agent that names none has that of the settings, if any.

        Parameters
        ----------
        id : str, optional
            Of the knowledge base; ``knowledge_base.id`` of the settings when None.
        **options
            As :func:`sonicrtc.tools.knowledge_base.knowledge_base_tool` takes them: ``filter``, ``name``,
            ``description`` and, in place of what the settings say, ``number_of_results``, ``min_score``, ``region``,
            ``endpoint_url``. For more than one knowledge base give each a `name`.
        """
        self._knowledge_bases.append({"id": id, **options} if id else options)

    def on_call[F: OnCall](self, fn: F) -> F:
        """Run an async function beside every call; it gets the :class:`sonicrtc.call.Call`."""
        self._on_call.append(fn)
        return fn

    def lifespan[F: Lifespan](self, fn: F) -> F:
        """Enter an async context manager before the first call and leave it after the last, e.g. of a connection.

        Given is the function that makes it, most often one with ``@asynccontextmanager``. An error in it ends all.
        """
        self._lifespans.append(fn)
        return fn

    # -- inside somebody else's application ---------------------------------------------------------

    async def answer(self, offer: Mapping[str, Any], client_id: str | None = None) -> Call:
        """Begin a call; send the page ``call.answer`` in reply.

        Parameters
        ----------
        offer : mapping
            ``{"sdp": ..., "type": "offer"}`` from the page; it may carry ``settings``, see
            :class:`sonicrtc.events.Settings`.
        client_id : str, optional
            Who calls; an earlier call of the same client ends.

        Raises
        ------
        SdpError
            The offer is not usable.
        BusyError
            There are as many calls as ``config.server.max_calls``.
        """
        calls = await self._begun()
        return await calls.answer(offer, client_id)

    async def _begun(self) -> Calls:
        if self._root is None or self._calls is None:
            self._stop = asyncio.Event()
            self._calls = asyncio.get_running_loop().create_future()
            # The one task outside a group: it owns the group in which all calls of this agent live.
            self._root = asyncio.create_task(self._own_calls(self._calls), name="sonicrtc agent")
        root, calls = self._root, self._calls
        either: set[asyncio.Future[Any]] = {root, calls}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not calls.done():  # nobody's call: it is for whoever wants one answered, and the next one tries again
            if self._root is root:
                self._root = self._calls = None
            await root
        return calls.result()

    async def _own_calls(self, ready: asyncio.Future[Calls]) -> None:
        async with self._open(self.config, self._credentials) as calls:
            ready.set_result(calls)
            await self._stop.wait()

    @asynccontextmanager
    async def _open(self, config: Config, credentials: CredentialsProvider) -> AsyncIterator[Calls]:
        async with self.tools_at_work(config, credentials=credentials) as tools:
            on_call = list(self._on_call)
            if self.devices is not None:
                on_call.append(partial(show_devices, self.devices))
            async with Calls(config, credentials=credentials, tools=tools, on_call=on_call) as calls:
                yield calls

    @asynccontextmanager
    async def tools_at_work(
        self,
        config: Config | None = None,
        *,
        credentials: CredentialsProvider | None = None,
        show_errors: bool = False,
    ) -> AsyncIterator[ToolRegistry]:
        """Give all that the model may call, those of MCP servers among them, which run meanwhile, as lifespans do.

        Parameters
        ----------
        config : Config, optional
            Settings instead of the agent's own.
        credentials : CredentialsProvider, optional
            AWS keys instead of the agent's own.
        show_errors : bool
            Let what those servers write to standard error be seen.

        Raises
        ------
        ConfigError
            A file of MCP servers cannot be used, or a knowledge base has no id.
        """
        settings = config or self.config
        self._add_builtin(settings)
        files = [*self._mcp_files, *([settings.tools.mcp] if settings.tools.mcp else [])]
        async with AsyncExitStack() as stack:
            for lifespan in self._lifespans:
                await stack.enter_async_context(lifespan())
            searches = list(self._knowledge_base_tools(settings.knowledge_base, credentials or self._credentials))
            self._tools.replace((), searches)
            stack.callback(self._tools.replace, searches, ())
            for api in self._apis:
                from sonicrtc.tools.openapi import api_at_work

                await stack.enter_async_context(api_at_work(api, self._tools, os.environ))
            if files:
                from sonicrtc.tools.mcp import McpServers
                from sonicrtc.tools.mcp_file import read_mcp_file

                servers = [server for file in files for server in read_mcp_file(file, os.environ)]
                await stack.enter_async_context(McpServers(servers, self._tools, show_errors=show_errors))
            yield self._tools

    def _knowledge_base_tools(self, config: KnowledgeBaseConfig, credentials: CredentialsProvider) -> Iterator[Tool]:
        for options in self._knowledge_bases or ([{}] if config.id else []):
            from sonicrtc.tools.knowledge_base import knowledge_base_tool

            settings = {
                "id": config.id, "region": config.region, "endpoint_url": config.endpoint,
                "number_of_results": config.number_of_results, "min_score": config.min_score,
                "credentials": credentials,
            } | options  # fmt: skip
            if settings["id"] is None:
                raise ConfigError("use_knowledge_base: expected an id, here or in the setting knowledge_base.id")
            yield knowledge_base_tool(**settings)

    async def aclose(self) -> None:
        """End all calls of :meth:`answer`; the agent may be used again."""
        root, self._root, self._calls = self._root, None, None
        if root is not None:
            self._stop.set()
            await root

    async def __aenter__(self) -> Self:
        if self._mcp_files or self._apis or self.config.tools.mcp:
            try:
                await self._begun()  # so that the first caller does not wait for the servers
            except BaseException:
                await self.aclose()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- as a server --------------------------------------------------------------------------------

    def run(self, config: Config | None = None) -> None:
        """Serve until SIGINT or SIGTERM, then let the calls end; blocks.

        Parameters
        ----------
        config : Config, optional
            Settings instead of the agent's own; without any, those of the environment.
        """
        settings = config or self._given or load(environment=os.environ)
        try:
            asyncio.run(self.serve(settings, on_ready=lambda url: print(f"{url}\nready", flush=True)))
        except SonicRtcError as exc:
            raise SystemExit(f"sonicrtc: {exc}") from exc

    async def serve(
        self,
        config: Config | None = None,
        *,
        credentials: CredentialsProvider | None = None,
        on_ready: Callable[[str], object] = lambda url: None,
        stop: asyncio.Event | None = None,
    ) -> None:
        """Serve the page and the agent's calls.

        Parameters
        ----------
        config : Config, optional
            Settings instead of the agent's own.
        credentials : CredentialsProvider, optional
            AWS keys instead of the agent's own.
        on_ready : callable
            Called with the page's address once it can be opened.
        stop : asyncio.Event, optional
            Ends serving when set; without it SIGINT and SIGTERM do.

        Raises
        ------
        CredentialsError
            There are no AWS credentials; better told now than to the first caller.
        """
        from sonicrtc.server import Server

        settings = self._settings(config or self.config)
        keys = credentials or self._credentials
        if not settings.server.loopback:
            await keys.frozen()
        async with (
            _stopping(stop) as stopped,
            self._open(settings, keys) as calls,
            Server(settings, calls, credentials=keys) as server,
        ):
            on_ready(server.url)
            await server.run_until(stopped)


@asynccontextmanager
async def _stopping(stop: asyncio.Event | None) -> AsyncIterator[asyncio.Event]:
    """Give the event that ends serving; the signals set it when nobody else does."""
    if stop is not None:
        yield stop
        return
    event, loop, installed = asyncio.Event(), asyncio.get_running_loop(), []
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread
            loop.add_signal_handler(number, event.set)
            installed.append(number)
    try:
        yield event
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
