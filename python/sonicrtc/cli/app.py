"""The agent of somebody's program."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sonicrtc.errors import ConfigError

if TYPE_CHECKING:
    from sonicrtc.agent import Agent


def agent_of(app: str) -> Agent:
    """Return the agent that `app` names: ``module`` or ``module:name``, where the name is ``agent`` unless given.

    Raises
    ------
    ConfigError
        There is no such module, or no agent of that name in it.
    """
    from sonicrtc.agent import Agent

    module_name, _, name = app.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
            raise  # it is there, and misses something itself
        raise ConfigError(f"--app: there is no module {module_name!r} here") from exc
    agent = getattr(module, name or "agent", None)
    if not isinstance(agent, Agent):
        raise ConfigError(f"--app: expected an Agent called {name or 'agent'!r} in {module_name}, got {agent!r}")
    return agent
