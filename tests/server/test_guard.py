"""Host, Origin and content type: the table of who is served."""

from __future__ import annotations

import pytest

from sonicrtc.server.guard import Guard, RequestFacts, content_security_policy, host_name

LOCAL = Guard(bound_host="127.0.0.1")
WILDCARD = Guard(bound_host="0.0.0.0", allowed_hosts=("voice.example",), allowed_origins=("https://app.example",))


def facts(method: str = "GET", host: str = "127.0.0.1:8080", **more: str | None) -> RequestFacts:
    return RequestFacts(method=method, scheme=more.pop("scheme", None) or "http", host=host, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]:8080"])
def test_this_machine_is_served_under_its_own_names(host: str) -> None:
    assert LOCAL.refuse(facts(host=host)) is None


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example",
     "127.0.0.1/evil", "127.0.0.1:port", "[::1", "192.168.1.7", "0.0.0.0"],
)  # fmt: skip
def test_a_rebound_or_broken_host_is_refused(host: str) -> None:
    refusal = LOCAL.refuse(facts(host=host))
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "host_not_allowed")


def test_a_wildcard_server_answers_for_the_address_that_the_connection_came_in_on() -> None:
    assert WILDCARD.refuse(facts(host="192.168.1.7:8080", local_address="192.168.1.7")) is None
    assert WILDCARD.refuse(facts(host="192.168.1.8:8080", local_address="192.168.1.7")) is not None
    assert WILDCARD.refuse(facts(host="evil.example:8080", local_address="192.168.1.7")) is not None


def test_a_listed_name_is_served() -> None:
    assert WILDCARD.refuse(facts(host="voice.example")) is None
    assert WILDCARD.refuse(facts(host="Voice.Example:443")) is None


@pytest.mark.parametrize(
    ("scheme", "origin", "served"),
    [
        ("http", "http://127.0.0.1:8080", True),
        ("https", "https://127.0.0.1:8080", True),
        ("https", "http://127.0.0.1:8080", False),
        ("http", "http://127.0.0.1:8081", False),
        ("http", "http://localhost:8080", False),
        ("http", "https://evil.example", False),
        ("http", "null", False),
        ("http", "https://app.example", True),
    ],
)
def test_only_the_own_and_listed_origins_are_served(scheme: str, origin: str, served: bool) -> None:
    refusal = WILDCARD.refuse(facts(scheme=scheme, origin=origin))
    assert (refusal is None) is served
    assert refusal is None or (refusal.status, refusal.code) == (403, "origin_not_allowed")


@pytest.mark.parametrize(
    ("content_type", "served"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        (None, False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data", False),
        ("text/plain; application/json", False),
    ],
)
def test_a_post_must_say_that_it_is_json(content_type: str | None, served: bool) -> None:
    refusal = LOCAL.refuse(facts(method="POST", content_type=content_type))
    assert (refusal is None) is served
    assert refusal is None or (refusal.status, refusal.code) == (415, "content_type")


def test_host_name_takes_the_port_off() -> None:
    assert host_name("[fe80::1]:80") == "fe80::1"
    assert host_name("a.example:80") == "a.example"


def test_the_policy_allows_no_foreign_script_and_names_the_signaling_origin() -> None:
    policy = content_security_policy(("ws://127.0.0.1:9",))
    assert "connect-src 'self' ws://127.0.0.1:9;" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
