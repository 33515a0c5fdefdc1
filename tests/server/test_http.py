"""The routes, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from sonicrtc.config import Config, ServerConfig, SonicConfig
from sonicrtc.errors import ConfigError
from sonicrtc.server.guard import MAX_BODY_BYTES, MAX_SDP_CHARS
from sonicrtc.server.page import add_page

from .fakes import JSON, FakeCalls, make_server, set_event


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(http: aiohttp.ClientSession, url: str, body: str, **headers: str) -> tuple[int, dict[str, Any]]:
    async with http.post(url, data=body, headers=JSON | headers) as response:
        return response.status, await response.json()


async def test_an_offer_is_answered(http: aiohttp.ClientSession) -> None:
    async with make_server() as server:
        status, answer = await post(http, server.url + "offer", '{"sdp": "v=0", "type": "offer", "more": 1}')
    assert (status, answer) == (200, {"sdp": "answer to v=0", "type": "answer"})


async def test_what_a_page_wishes_of_the_model_comes_with_its_offer(http: aiohttp.ClientSession) -> None:
    calls = FakeCalls()
    async with make_server(calls) as server:
        await post(http, server.url + "offer", '{"sdp": "v=0", "type": "offer", "settings": {"voice": "amy"}}')
    assert calls.calls[0].settings == {"voice": "amy"}


async def test_voices_and_languages_are_told_before_a_call(http: aiohttp.ClientSession) -> None:
    config = Config(server=ServerConfig(port=0, allow_settings=("voice",)), sonic=SonicConfig(voice="kiara"))
    async with make_server(config=config) as server, http.get(server.url + "voices") as response:
        told = await response.json()
    assert (told["voice"], told["language"], told["may_change"]) == ("kiara", "en-IN", ["voice"])
    assert {"name": "ambre", "languages": ["fr-FR"], "polyglot": False} in told["voices"]
    assert {"code": "fr-FR", "name": "French"} in told["languages"]


async def test_a_loopback_has_no_voices(http: aiohttp.ClientSession) -> None:
    async with make_server(loopback=True) as server, http.get(server.url + "voices") as response:
        assert await response.json() == {"voice": "", "language": "", "voices": [], "languages": [], "may_change": []}


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[]", "{}", '{"sdp": "v=0"}', '{"sdp": 1, "type": "offer"}', '{"sdp": "v=0", "type": "answer"}',
     '{"sdp": "not sdp", "type": "offer"}', "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")],
)  # fmt: skip
async def test_a_bad_offer_is_told_what_was_expected(http: aiohttp.ClientSession, body: str) -> None:
    async with make_server() as server:
        status, answer = await post(http, server.url + "offer", body)
    assert status == 400
    assert answer["error"]["code"] in ("bad_request", "sdp")
    assert "expected" in answer["error"]["message"]


@pytest.mark.parametrize("path", ["offer", "session"])
async def test_a_body_that_is_too_large_is_refused(http: aiohttp.ClientSession, path: str) -> None:
    async with make_server() as server:
        status, answer = await post(http, server.url + path, " " * (MAX_BODY_BYTES + 1))
    assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_an_sdp_that_is_too_large_is_refused(http: aiohttp.ClientSession) -> None:
    body = json.dumps({"sdp": "v=0" + " " * MAX_SDP_CHARS, "type": "offer"})
    async with make_server() as server:
        status, answer = await post(http, server.url + "offer", body)
    assert (status, answer["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 403, "host_not_allowed"),
        ({"Origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({"Content-Type": "text/plain"}, 415, "content_type"),
    ],
)
@pytest.mark.parametrize("path", ["offer", "session", "nowhere"])
async def test_every_post_is_guarded(
    http: aiohttp.ClientSession, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    calls = FakeCalls()
    async with make_server(calls) as server:
        got, answer = await post(http, server.url + path, '{"sdp": "v=0", "type": "offer"}', **headers)
    assert (got, answer["error"]["code"], calls.calls) == (status, code, [])


@pytest.mark.parametrize("path", ["", "healthz", "nowhere"])
async def test_a_rebound_name_reads_nothing(http: aiohttp.ClientSession, path: str) -> None:
    async with make_server() as server, http.get(server.url + path, headers={"Host": "evil.example"}) as response:
        assert response.status == 403


async def test_a_full_server_says_so(http: aiohttp.ClientSession) -> None:
    calls = FakeCalls()
    calls.active = 3
    async with make_server(calls, max_calls=3) as server:
        status, answer = await post(http, server.url + "offer", '{"sdp": "v=0", "type": "offer"}')
        session_status, _ = await post(http, server.url + "session", "{}")
    assert (status, session_status, answer["error"]["code"]) == (503, 503, "busy")
    assert "3 calls" in answer["error"]["message"]


async def test_without_a_channel_a_session_is_refused_with_the_way_out(http: aiohttp.ClientSession) -> None:
    async with make_server() as server:
        status, answer = await post(http, server.url + "session", "{}")
    assert (status, answer["error"]["code"]) == (503, "signaling")
    assert "--channel" in answer["error"]["message"]


async def test_health_tells_the_state(http: aiohttp.ClientSession) -> None:
    calls = FakeCalls()
    calls.active = 2
    async with make_server(calls, max_calls=4, loopback=True) as server, http.get(server.url + "healthz") as response:
        health = await response.json()
    version = health.pop("version")
    assert isinstance(version, str)
    assert health == {"status": "ok", "calls": 2, "max_calls": 4, "mode": "loopback", "signaling": None}


@pytest.mark.parametrize("path", ["", "healthz", "nowhere", "offer"])
async def test_every_response_carries_the_security_headers(http: aiohttp.ClientSession, path: str) -> None:
    async with make_server() as server, http.get(server.url + path) as response:
        headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Access-Control-Allow-Origin" not in headers


async def test_what_is_not_there_is_told_as_json(http: aiohttp.ClientSession) -> None:
    async with make_server() as server:
        async with http.get(server.url + "nowhere") as missing:
            assert (missing.status, (await missing.json())["error"]["code"]) == (404, "not_found")
        async with http.get(server.url + "offer") as wrong:
            assert (wrong.status, (await wrong.json())["error"]["code"]) == (405, "method_not_allowed")


async def test_no_preflight_is_answered(http: aiohttp.ClientSession) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with make_server() as server, http.options(server.url + "offer", headers=headers) as response:
        assert response.status == 403


async def test_a_port_in_use_is_told_in_words() -> None:
    async with make_server() as first:
        with pytest.raises(ConfigError, match=rf"port {first.port} on 127\.0\.0\.1 is in use; choose another"):
            await make_server(port=first.port).__aenter__()


async def test_the_port_is_free_again_after_the_end() -> None:
    async with make_server() as first:
        pass
    async with make_server(port=first.port) as second:
        assert second.port == first.port


async def test_an_address_of_another_machine_is_told_in_words() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:0"):
        await make_server(host="192.0.2.1").__aenter__()


async def test_a_broken_certificate_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="cannot use the certificate"):
        await make_server(tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "cert.pem").__aenter__()


async def test_stopping_lets_calls_finish() -> None:
    calls = FakeCalls()
    async with make_server(calls, drain_s=7.0) as server:
        await server.run_until(set_event())
        assert server.health().status == "draining"
    assert calls.drained_s == 7.0


async def test_a_stopping_server_takes_no_new_calls(http: aiohttp.ClientSession) -> None:
    async with make_server() as server:
        await server.run_until(set_event())
        status, answer = await post(http, server.url + "offer", '{"sdp": "v=0", "type": "offer"}')
    assert (status, answer["error"]["code"]) == (503, "busy")


async def test_the_certificate_of_a_local_authority_can_be_loaded(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    async with make_server(ca_download=tmp_path / "ca.pem") as server, http.get(server.url + "ca.pem") as response:
        assert response.content_type == "application/x-x509-ca-cert"
        assert await response.text() == "-----BEGIN CERTIFICATE-----"


async def test_without_an_authority_there_is_nothing_to_load(http: aiohttp.ClientSession) -> None:
    async with make_server() as server, http.get(server.url + "ca.pem") as response:
        assert response.status == 404


@pytest.mark.parametrize("built", [True, False])
async def test_the_page_is_served_or_its_absence_told(http: aiohttp.ClientSession, tmp_path: Path, built: bool) -> None:
    if built:
        (tmp_path / "assets").mkdir()
        (tmp_path / "index.html").write_text("<title>Page</title>")
        (tmp_path / "assets" / "app.js").write_text("go()")
    app = web.Application()
    add_page(app, tmp_path)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with http.get(base + "/") as index, http.get(base + "/assets/app.js") as script:
        assert (index.status, script.status) == ((200, 200) if built else (503, 404))
        assert ("<title>Page" if built else "was not built") in await index.text()
    async with http.get(base + "/../page.py") as outside, http.get(base + "/%2e%2e/page.py") as encoded:
        assert (outside.status, encoded.status) == (404, 404)
    await runner.cleanup()


async def test_half_a_request_does_not_hold_a_stopping_server() -> None:
    head = b"POST /offer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    async with make_server() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head)
        await writer.drain()
    assert await reader.read() == b""
    writer.close()
