"""A local service in its own process, which ends when this process does."""

from __future__ import annotations

import asyncio
import shlex
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from sonicrtc.errors import SonicRtcError

_START_S = 120.0
_STOP_S = 3.0


class LocalService:
    """A running ``sonicrtc local ...``; made by :func:`local_service`."""

    def __init__(self, kind: str, process: Process) -> None:
        self._kind = kind
        self._process = process

    @property
    def process_id(self) -> int:
        """Id of the process."""
        return self._process.pid

    async def ready(self) -> Mapping[str, str]:
        """Wait for the service to say that it is ready; return the variables that it exports.

        Raises
        ------
        SonicRtcError
            It ended instead, or took too long.
        """
        assert self._process.stdout is not None
        variables: dict[str, str] = {}
        try:
            async with asyncio.timeout(_START_S):
                async for line in self._process.stdout:
                    words = shlex.split(line.decode())
                    if words == ["ready"]:
                        return variables
                    if words[:1] == ["export"]:
                        variables.update(word.split("=", 1) for word in words[1:])
        except TimeoutError as exc:
            raise SonicRtcError(f"'sonicrtc local {self._kind}' was not ready after {_START_S:g} s") from exc
        raise self._ended(await self._process.wait())

    async def watch(self) -> None:
        """Raise SonicRtcError when the service ends: it should not."""
        raise self._ended(await self._process.wait())

    def _ended(self, status: int) -> SonicRtcError:
        return SonicRtcError(f"'sonicrtc local {self._kind}' ended with status {status}; its messages are above")

    async def stop(self) -> None:
        """End the process: by closing its standard input, then by signals."""
        process = self._process
        assert process.stdin is not None
        process.stdin.close()
        for end_now in (lambda: None, process.terminate, process.kill):
            with suppress(ProcessLookupError):
                end_now()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
                    return


@asynccontextmanager
async def local_service(kind: str, *arguments: str, environment: Mapping[str, str]) -> AsyncIterator[LocalService]:
    """Start ``sonicrtc local kind arguments``; stop it at the end.

    Parameters
    ----------
    kind : {"sonic", "kvs"}
        Which service.
    arguments : str
        Further arguments.
    environment : mapping
        The whole environment of the process.
    """
    # -P: the directory that the demo is started in must not shadow modules.
    command = (sys.executable, "-P", "-m", "sonicrtc", "local", kind, "--exit-with-stdin", *arguments)
    # A session of its own: Ctrl-C in the terminal reaches this process only, which then stops the others.
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=dict(environment), start_new_session=True
    )
    service = LocalService(kind, process)
    try:
        yield service
    finally:
        await asyncio.shield(service.stop())
