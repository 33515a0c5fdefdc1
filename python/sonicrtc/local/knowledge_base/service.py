"""HTTP side of the local knowledge base; every request must be signed (Signature Version 4)."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

from sonicrtc.credentials import AwsKeys
from sonicrtc.errors import ConfigError
from sonicrtc.local.changes import Changes
from sonicrtc.local.knowledge_base.embedding import embedder
from sonicrtc.local.knowledge_base.index import Found, Index
from sonicrtc.local.knowledge_base.library import Library, source_uri
from sonicrtc.local.knowledge_base.request import Question, ServiceError, parse, parse_id
from sonicrtc.local.knowledge_base.watching import FolderWatch
from sonicrtc.local.sigv4 import SignatureError, verify_header

#: What the knowledge base is called unless told otherwise.
DEFAULT_ID = "LOCALKB001"

_SERVICE = "bedrock"
_PATH = re.compile(r"/knowledgebases/([^/]+)/retrieve")
_MAX_BODY_BYTES = 256 * 1024
_CLOSE_DEADLINE_S = 1.0


class LocalKnowledgeBase:
    """The service. Use it in ``async with``, which reads the whole folder first; unmodified boto3 can talk to it.

    Two threads belong to it: one reads the folder, again after every change; the other one embeds questions.

    Parameters
    ----------
    folder : Path
        Markdown, text and PDF files, each perhaps with its ``.metadata.json``; folders inside it count.
    keys : AwsKeys
        The only keys that are accepted.
    id : str
        What it is called, 10 letters and digits.
    region : str
        Region that signatures must name.
    host, port : str, int
        Where to listen; port 0 picks a free one.
    page_results : int
        Most results in one response; for more there is a ``nextToken``.
    say : callable
        Takes lines for a person, in either thread: what was indexed, what was left out, how far it is.
    clock : callable
        Seconds since the epoch, for signatures.

    Attributes
    ----------
    index : Index
        What is there to be found; another one after each change.
    refused : int
        Requests that were refused for their signature.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keys: AwsKeys,
        id: str = DEFAULT_ID,
        region: str = "us-east-1",
        host: str = "127.0.0.1",
        port: int = 0,
        page_results: int = 25,
        say: Callable[[str], object] = lambda line: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        try:
            self.id = parse_id(id)
        except ServiceError as exc:
            raise ConfigError(f"{exc.message}; got {id!r}") from exc
        self.folder = folder
        self.index = Index()
        self.refused = 0
        self._keys, self._region, self._host, self._port = keys, region, host, port
        self._page_results, self._say, self._clock = page_results, say, clock
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sonicrtc knowledge base")
        self._reading: Future[None] | None = None
        self._runner: web.AppRunner | None = None
        self._changes = Changes()

    @property
    def endpoint(self) -> str:
        """Address of the service, ``http://host:port``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that point any AWS client, and this package, at the service."""
        return {
            "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME": self.endpoint,
            "SONICRTC_KNOWLEDGE_BASE_ID": self.id,
            "SONICRTC_KNOWLEDGE_BASE_ENDPOINT": self.endpoint,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,  # boto3 reads this one only
        }

    async def __aenter__(self) -> Self:
        ready: Future[None] = Future()
        self._reading = self._threads.submit(self._read, ready)
        try:
            await asyncio.wrap_future(ready)
            await self._listen()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _listen(self) -> None:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._respond)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_DEADLINE_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        self._stop.set()
        try:
            if self._runner is not None:
                await self._runner.cleanup()
            if self._reading is not None:
                await asyncio.wrap_future(self._reading)
        finally:
            self._threads.shutdown()

    # -- the folder -------------------------------------------------------------------------------

    def _read(self, ready: Future[None]) -> None:
        """Read the folder, and again whenever it has changed; runs in a thread."""
        try:
            library = Library(self.folder, embedder(), self._say)
            with closing(FolderWatch(self.folder)) as watch:
                while (index := library.index(self._stop)) is not None:
                    self.index = index
                    if not ready.done():
                        ready.set_result(None)
                    self._changes.tell()
                    if not watch.wait(self._stop):
                        return
        except BaseException as exc:
            if not ready.done():
                ready.set_exception(exc)
            raise

    async def until(self, condition: Callable[[Index], bool], *, timeout_s: float = 10.0) -> None:
        """Wait until `condition` holds of the index; it is asked again after each indexing.

        Raises
        ------
        TimeoutError
            It did not come true in time.
        """
        await self._changes.until(lambda: condition(self.index), timeout_s)

    def wait(self, condition: Callable[[Index], bool], *, timeout_s: float = 10.0) -> None:
        """Wait as :meth:`until` does, for tests without an event loop."""
        self._changes.wait(lambda: condition(self.index), timeout_s)

    # -- requests ---------------------------------------------------------------------------------

    async def _respond(self, request: web.Request) -> web.Response:
        try:
            body = await self._verified_body(request)
            question = self._question(request, body)
            vector = await asyncio.wrap_future(self._threads.submit(embedder(), question.text))
        except SignatureError as exc:
            self.refused += 1
            return _error(ServiceError(exc.code, exc.message, 403))
        except ServiceError as exc:
            return _error(exc)
        found = self.index.nearest(
            question.text, vector, limit=question.limit, condition=question.condition, use_words=question.use_words
        )
        return web.json_response(self._page(question, found))

    async def _verified_body(self, request: web.Request) -> bytes:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge as exc:
            raise ServiceError("ValidationException", f"expected at most {_MAX_BODY_BYTES} bytes") from exc
        path, _, query = request.raw_path.partition("?")
        verify_header(
            method=request.method,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            payload_hash=hashlib.sha256(body).hexdigest(),
            keys=self._keys,
            region=self._region,
            service=_SERVICE,
            now=dt.datetime.fromtimestamp(self._clock(), dt.UTC),
        )
        return body

    def _question(self, request: web.Request, body: bytes) -> Question:
        path = _PATH.fullmatch(request.raw_path.partition("?")[0])
        if path is None or request.method != "POST":
            raise ServiceError("UnknownOperationException", "only Retrieve is served here", 404)
        identifier = parse_id(unquote(path[1]))
        question = parse(body)
        if identifier != self.id:
            raise ServiceError("ResourceNotFoundException", f"Knowledge Base with id {identifier} does not exist", 404)
        return question

    def _page(self, question: Question, found: list[Found]) -> dict[str, Any]:
        end = question.offset + self._page_results
        reply: dict[str, Any] = {"retrievalResults": [_result(each) for each in found[question.offset : end]]}
        if end < len(found):
            reply["nextToken"] = question.token(end)
        return reply


def _result(found: Found) -> dict[str, Any]:
    return {
        "content": {"type": "TEXT", "text": found.entry.text},
        "location": {"type": "S3", "s3Location": {"uri": source_uri(found.entry.name)}},
        "score": found.score,
        "metadata": dict(found.entry.metadata),
    }


def _error(exc: ServiceError) -> web.Response:
    return web.json_response(
        {"message": exc.message},
        status=exc.status,
        headers={"x-amzn-ErrorType": f"{exc.code}:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    )
