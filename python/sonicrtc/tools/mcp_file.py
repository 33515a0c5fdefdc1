"""The file that names MCP servers, in the shape that other programs read, too. No I/O but the file's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sonicrtc.errors import ConfigError
from sonicrtc.tools.variables import Secrets, Variables

#: What a server's process gets of our environment; the rest, cloud credentials above all, only by the file.
_INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")


class _Entry(msgspec.Struct, kw_only=True):
    type: str | None = None
    command: str | None = None
    args: list[str] = []
    env: dict[str, str] = {}
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] = {}
    disabled: bool = False
    prefix: bool | str = False
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    timeout_s: float | None = None


class _File(msgspec.Struct, rename="camel"):
    mcp_servers: dict[str, _Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """One server of the file; its secrets have no repr.

    Attributes
    ----------
    name : str
        Its key in the file.
    command : tuple of str
        Program and arguments; empty when it is reached by `url`.
    environment : mapping
        The whole environment of its process.
    directory : Path
        Where its process runs.
    url, headers : str, mapping
        Address for streamable HTTP, and what each request carries.
    prefix : str
        What its tools' names begin with; empty for nothing.
    allow, deny, confirm : tuple of str
        Patterns (``*``, ``?``, ``[...]``) of its own names for its tools.
    timeout_s : float, optional
        How long a call may take, in s; None is the setting of all tools.
    secrets : Secrets
        What must not be told to anybody.
    """

    name: str
    command: tuple[str, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    directory: Path = Path()
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    prefix: str = ""
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    timeout_s: float | None = None
    secrets: Secrets = field(default_factory=Secrets, repr=False)

    def offers(self, tool: str) -> bool:
        """Whether the model may be told of the server's `tool`."""
        return _fits(tool, self.allow) and not _fits(tool, self.deny)

    def asks_first(self, tool: str) -> bool:
        """Whether the user is asked before the server's `tool` acts."""
        return _fits(tool, self.confirm)

    def without_match(self, tools: Iterable[str]) -> list[str]:
        """Return the patterns that fit none of `tools`: a slip of the pen, which may open or act unasked."""
        names = list(tools)
        patterns = [*self.allow, *self.deny, *self.confirm]
        return [pattern for pattern in patterns if pattern != "*" and not any(fnmatchcase(n, pattern) for n in names)]


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def read_mcp_file(file: Path, environment: Mapping[str, str]) -> list[McpServer]:
    """Return the servers of `file` but those that are ``disabled``, in its order.

    Parameters
    ----------
    file : Path
        ``{"mcpServers": {name: {"command", "args", "env", "cwd"} or {"url", "headers"}}}``, each with ``prefix``,
        ``allow``, ``deny``, ``confirm``, ``timeout_s`` when wanted. Members that are not known are left alone:
        other programs have theirs.
    environment : mapping
        What ``${NAME}`` and ``${NAME:-default}`` in a text stand for.

    Raises
    ------
    ConfigError
        The file cannot be read or is not of that shape, or a variable is not set. No value is in the message.
    """
    try:
        servers = msgspec.json.decode(file.read_bytes(), type=_File).mcp_servers
    except OSError as exc:
        raise ConfigError(f"cannot read the file of MCP servers {file}: {exc.strerror}") from exc
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ConfigError(f"file of MCP servers {file}: {exc}") from exc
    wanted = ((name, entry) for name, entry in servers.items() if not entry.disabled)
    return [_server(name, entry, file, environment) for name, entry in wanted]


def _server(name: str, entry: _Entry, file: Path, environment: Mapping[str, str]) -> McpServer:
    where = f"file of MCP servers {file}: {name}"
    if (entry.command is None) == (entry.url is None):
        raise ConfigError(f"{where}: expected either a command or a url")
    if entry.type not in (None, "stdio", "http", "streamable-http", "streamableHttp"):
        raise ConfigError(f"{where}: expected the type stdio or http, got {entry.type!r}")
    if entry.timeout_s is not None and not entry.timeout_s > 0:
        raise ConfigError(f"{where}: timeout_s: expected more than 0 s, got {entry.timeout_s!r}")
    variables = Variables(environment, where)
    filled = variables.fill
    env = {key: filled(value) for key, value in entry.env.items()}
    headers = {key: filled(value) for key, value in entry.headers.items()}
    url = filled(entry.url or "")
    if entry.url is not None and not _is_address(url):
        raise ConfigError(f"{where}: url: expected http(s)://host[:port]/path")
    return McpServer(
        name=name,
        command=tuple(filled(word) for word in (entry.command, *entry.args) if word is not None),
        environment=_environment(environment) | env,
        directory=file.parent / filled(entry.cwd or ""),
        url=url,
        headers=headers,
        prefix=name if entry.prefix is True else entry.prefix or "",
        allow=entry.allow,
        deny=entry.deny,
        confirm=entry.confirm,
        timeout_s=entry.timeout_s,
        secrets=Secrets.of([*variables.used, *env.values(), *headers.values()]),
    )  # fmt: skip


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    kept = {name: ours[name] for name in _INHERITED if name in ours}
    # Programs of the environment that SonicRTC is installed in, `python` among them, need not be on PATH.
    return kept | {"PATH": os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))}


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
