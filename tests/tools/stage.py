"""The tools of one call without the call: what the model, the page and the user get of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from sonicrtc.config import ToolsConfig
from sonicrtc.tools.registry import ToolRegistry
from sonicrtc.tools.runtime import ToolRunner
from sonicrtc.tools.threads import ThreadPool


class Stage:
    """A runner with one tool, whose options are `options`; the limits are those of `config`."""

    def __init__(self, fn: Callable[..., Any], config: ToolsConfig | None = None, **options: Any) -> None:
        self.tools = ToolRegistry()
        self.name = self.tools.add(fn, **options).name
        self.told: list[Any] = []
        self.announced: list[str] = []
        self.is_free = True
        self.waiting_ms = 0.0
        self.ended: list[str] = []
        config = config or ToolsConfig()
        self.threads = ThreadPool(config.max_threads)
        numbers = count(1)
        self.runner = ToolRunner(
            self.tools, config, self.threads,
            tell=self.told.append, announce=self.announced.append, floor=self,
            end=self.ended.append,
            new_token=lambda: f"token {next(numbers)}",
        )  # fmt: skip

    async def call(self, **arguments: Any) -> Any:
        """Call the tool as the model does."""
        return await self.runner.run(f"use {len(self.told)}", self.name, arguments)

    @property
    def statuses(self) -> list[str]:
        return [event.status for event in self.told]
