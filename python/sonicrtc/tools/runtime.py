"""The tools of one call at work: limits, timeouts, the filler, and asking before acting."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Literal

from msgspec.structs import replace

from sonicrtc.config import ToolsConfig
from sonicrtc.errors import ToolError
from sonicrtc.events import HandOverEvent, ToolEvent
from sonicrtc.tools.confirmation import Confirmations
from sonicrtc.tools.in_call import Farewell, Floor, InCall, this_call
from sonicrtc.tools.progress import still_working
from sonicrtc.tools.registry import CONFIRMATION, Tool, ToolRegistry
from sonicrtc.tools.results import as_json, error_as_json
from sonicrtc.tools.threads import ThreadPool, pool_of_call

_log = logging.getLogger(__name__)

#: However often a tool reports progress, it ends after so many times its time.
_LONGEST = 10


def new_token() -> str:
    """Return a text that cannot be guessed and never comes twice."""
    return secrets.token_urlsafe(9)


class ToolRunner:
    """Runs what the model asks for in one call; every request gets a result or an error that can be talked about.

    The caller makes a task of each :meth:`run`, so that the conversation goes on meanwhile.

    Parameters
    ----------
    tools : ToolRegistry
        What may be called.
    config : ToolsConfig
        Limits, and the filler of tools that have none of their own.
    threads : ThreadPool
        Where functions run that are not async.
    tell : callable
        ``tell(event)`` takes each `ToolEvent`.
    announce : callable
        ``announce(text)`` makes the agent say the filler.
    floor : Floor
        Who speaks.
    end : callable
        ``end("hangup")`` ends the call.
    new_token : callable
        Makes the tokens of confirmations.
    """

    def __init__(
        self,
        tools: ToolRegistry,
        config: ToolsConfig,
        threads: ThreadPool,
        *,
        tell: Callable[[ToolEvent | HandOverEvent], None],
        announce: Callable[[str], None],
        floor: Floor,
        end: Callable[[Literal["hangup"]], None] = lambda reason: None,
        new_token: Callable[[], str] = new_token,
    ) -> None:
        self._agents = self._tools = tools
        self._config = config
        self._threads = threads
        self._tell = tell
        self._announce = announce
        self._floor = floor
        self._end = end
        self._parting: Farewell | None = None
        self._in_call = InCall(tell=tell, notes={}, part=self._part)
        self._confirmations = Confirmations(new_token)
        self._running: set[asyncio.Task[Any]] = set()
        self._filled: set[asyncio.Task[Any]] = set()
        self._of_turn = 0
        self._typed: list[str] = []
        self._fillers: set[str] = set()
        self._over = False

    def choose(self, names: Collection[str] | None) -> ToolRegistry | None:
        """Return these of the agent's tools, none when there is no choice; ConfigError when it has no such tool."""
        return None if names is None else self._agents.only(names)

    def offer(self, tools: ToolRegistry | None) -> None:
        """Run only these from now on, whatever a model that was offered more still asks for; None changes nothing."""
        self._tools = self._tools if tools is None else tools

    def user_said(self, text: str) -> None:
        """Take a final text of the user: another turn begins, and what was asked before may have been answered.

        A text that the service only repeats, because it was typed or is a filler, is not counted.
        """
        if text in self._typed:
            self._typed.remove(text)
        elif not any(filler in text for filler in self._fillers):
            self._begin_turn()

    def user_typed(self, text: str) -> None:
        """Take what the user typed; it counts as said now, and not when the service repeats it."""
        self._begin_turn()
        self._typed.append(text)

    def _begin_turn(self) -> None:
        self._typed.clear()
        self._of_turn = 0
        self._confirmations.user_said()
        self._stay()

    def _part(self) -> None:
        self._stay()
        self._parting = Farewell(self._floor, lambda: self._end("hangup"))

    def _stay(self) -> None:
        if self._parting is not None:
            self._parting.cancel()

    def cancel(self) -> None:
        """Cancel what is running and take no more: the call is over."""
        self._over = True
        self._stay()
        for task in self._running:
            task.cancel()

    async def run(self, tool_use_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """Return what the model is to be told: the tool's result as plain JSON values, or ``{"error": ...}``.

        Raises only cancellation.
        """
        if self._over:
            return {"error": "the call is over"}
        clock = asyncio.get_running_loop().time
        started_s = clock()
        this_call.set(self._in_call)
        event = ToolEvent(tool_use_id=tool_use_id, name=name, status="started", arguments=arguments)
        self._tell(event)
        try:
            event = await self._attempt(event)
        except ToolError as exc:
            event = self._failed(event, str(exc))
        except asyncio.CancelledError:
            event = replace(event, status="cancelled")
            raise
        except Exception as exc:  # the tool boundary: whatever a tool does, the call goes on
            _log.warning("a tool failed", extra={"tool": name, "error": type(exc).__name__})
            event = self._failed(event, f"{name} failed: {type(exc).__name__}{f': {exc}' if str(exc) else ''}")
        finally:
            self._tell(replace(event, duration_ms=(clock() - started_s) * 1000))
        return event.result

    def _failed(self, event: ToolEvent, why: str) -> ToolEvent:
        return replace(event, status="failed", result=error_as_json(why, self._config.max_result_bytes))

    async def _attempt(self, event: ToolEvent) -> ToolEvent:
        """Return how `event` ended; an exception says why it failed."""
        limits = self._config
        self._of_turn += 1
        if self._of_turn > limits.max_per_turn:
            raise ToolError(
                f"too many calls since the user last said something, the limit is {limits.max_per_turn};"
                " tell the user what you have and ask how to go on"
            )
        tool = self._tools.find(event.name)
        arguments = dict(event.arguments)
        token = arguments.pop(CONFIRMATION, None) if tool.confirm else None
        arguments = tool.check(arguments)
        if tool.confirm and not token:
            return replace(event, status="confirming", result=self._confirmations.ask(tool, arguments))
        if len(self._running) >= limits.max_running:
            raise ToolError(f"too many tools are running, the limit is {limits.max_running}; wait until one has ended")
        if tool.confirm:
            self._confirmations.redeem(tool, arguments, token)
        result = as_json(tool.name, await self._use(tool, arguments), limits.max_result_bytes)
        return replace(event, status="succeeded", result=result)

    async def _use(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        """Return what the function of `tool` returns, within its time."""
        task = asyncio.current_task()
        assert task is not None
        timeout_s = self._config.timeout_s if tool.timeout_s is None else tool.timeout_s
        self._running.add(task)
        filler = _Filler(self._config.filler_after_s, functools.partial(self._fill, tool, task))
        try:
            async with asyncio.timeout(timeout_s) as deadline:
                still_working.set(_again(deadline, timeout_s))
                return await self._invoke(tool.fn, arguments)
        except TimeoutError as exc:
            if not deadline.expired():
                raise  # the tool's own
            raise ToolError(f"{tool.name} took longer than {timeout_s:g} s") from exc
        except asyncio.CancelledError as exc:
            if task.cancelling():
                raise
            raise ToolError(f"{tool.name} failed: it was cancelled from within") from exc
        finally:
            filler.cancel()
            self._running.discard(task)
            self._filled.discard(task)

    async def _invoke(self, fn: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        pool_of_call.set(self._threads)
        if inspect.iscoroutinefunction(fn):
            return await fn(**arguments)
        result = await self._threads.run(functools.partial(fn, **arguments))
        return await result if inspect.isawaitable(result) else result

    def _fill(self, tool: Tool, task: asyncio.Task[Any]) -> bool:
        """Say the filler; False when somebody speaks, or another tool's filler has been said for both."""
        text = self._config.filler if tool.filler is None else tool.filler
        if text and (self._filled or not self._floor.is_free):
            return False
        if text:
            self._filled.add(task)
            self._fillers.add(text)
            self._announce(text)
        return True


def _again(deadline: asyncio.Timeout, timeout_s: float) -> Callable[[], None]:
    """Return a function that gives a call its whole time again, up to `_LONGEST` times."""
    clock = asyncio.get_running_loop().time
    latest_s = clock() + _LONGEST * timeout_s

    def again() -> None:
        with suppress(RuntimeError):  # the call has ended, or its time has
            deadline.reschedule(min(clock() + timeout_s, latest_s))

    return again


class _Filler:
    """The timer of one tool's filler: after so long, and again after as long until it could be said."""

    def __init__(self, after_s: float, say: Callable[[], bool]) -> None:
        self._after_s, self._say = after_s, say
        self._arm()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._after_s, self._due)

    def _due(self) -> None:
        if not self._say():
            self._arm()

    def cancel(self) -> None:
        """Say nothing any more."""
        self._timer.cancel()
