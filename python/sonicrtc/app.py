"""An application from a file or folder: what ``--app`` of ``sonicrtc serve``, ``demo`` and ``tools`` takes."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sonicrtc.agent import Agent
from sonicrtc.errors import ConfigError

#: Starts ``sonicrtc local KIND ARGUMENTS`` and gives the variables that it exports.
StartLocal = Callable[..., AbstractAsyncContextManager[Mapping[str, str]]]
Demo = Callable[[StartLocal], AbstractAsyncContextManager[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What an application's module holds.

    Attributes
    ----------
    agent : Agent
        Its variable ``agent``.
    demo : callable, optional
        Its function ``demo``, which makes the async context manager that ``sonicrtc demo`` enters before the agent
        serves: the services that the application needs, on this machine.
    """

    agent: Agent
    demo: Demo | None = None


def load_app(path: Path) -> App:
    """Import an application.

    Parameters
    ----------
    path : Path
        A Python file; or a folder, a package whose module ``app`` is the one.

    Raises
    ------
    ConfigError
        There is no such file, it needs a package that is not installed, or it holds no agent.
    """
    file = (path / "app.py" if path.is_dir() else path).resolve()
    if not file.is_file():
        raise ConfigError(f"--app: expected a Python file, or a folder with an app.py, got {path}")
    try:
        module = _package_module(file.parent) if path.is_dir() else _file_module(file)
    except ModuleNotFoundError as exc:
        raise ConfigError(f"--app: {file} needs {exc.name}, which is not installed") from exc
    agent = getattr(module, "agent", None)
    if not isinstance(agent, Agent):
        raise ConfigError(f"--app: {file} has no variable agent that is an Agent")
    return App(agent=agent, demo=getattr(module, "demo", None))


def _package_module(folder: Path) -> ModuleType:
    sys.path.insert(0, str(folder.parent))
    return importlib.import_module(f"{folder.name}.app")


def _file_module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"--app: expected a Python file, got {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # as an import would: dataclasses and annotations look there
    spec.loader.exec_module(module)
    return module
