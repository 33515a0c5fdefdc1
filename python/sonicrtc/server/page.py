"""The web client: the files in the package's ``page`` directory, or words when it was not built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

#: Where ``make page`` puts the built client, and where the wheel has it.
PAGE_DIRECTORY = Path(__file__).parent.parent / "page"

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>SonicRTC</title>
<h1>SonicRTC is running, but its page was not built</h1>
<p>In a checkout, <code>make demo</code> builds it; load this page again afterwards. The wheel contains it.</p>
<p>Without it, <code>sonicrtc call --url &lt;this address&gt; --wav question.wav</code> talks to this server.</p>
</html>
"""


def add_page(app: web.Application, directory: Path = PAGE_DIRECTORY) -> None:
    """Serve `directory`, its ``index.html`` at ``/``; registered last, behind all other routes."""
    index = directory / "index.html"

    async def handle_index(request: web.Request) -> web.StreamResponse:
        if not index.is_file():
            return web.Response(status=503, text=_NOT_BUILT, content_type="text/html")
        return web.FileResponse(index, headers={"Cache-Control": "no-cache"})

    app.router.add_get("/", handle_index)
    # A route for each file, so that what is not there gets this server's own answer.
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            app.router.add_get(f"/{file.relative_to(directory).as_posix()}", _file(file))


def _file(path: Path) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    # The names of assets change with their content.
    caching = "public, max-age=31536000, immutable" if path.parent.name == "assets" else "no-cache"

    async def handle(request: web.Request) -> web.FileResponse:
        return web.FileResponse(path, headers={"Cache-Control": caching})

    return handle
