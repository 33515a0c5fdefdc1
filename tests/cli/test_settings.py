"""``sonicrtc serve``: flags over environment over file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonicrtc.cli import _parser
from sonicrtc.cli.serve import config_of
from sonicrtc.config import Config
from sonicrtc.errors import ConfigError


def config(*argv: str, **environment: str) -> Config:
    return config_of(_parser().parse_args(["serve", *argv]), environment)


def test_without_flags_the_defaults_hold() -> None:
    assert config() == Config()


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('[sonic]\nvoice = "amy"\nregion = "us-west-2"\n[server]\nport = 1\nmax_calls = 3\n')
    found = config("--config", str(file), "--port", "3", SONICRTC_SONIC_VOICE="tiffany", SONICRTC_SERVER_PORT="2")
    assert (found.server.port, found.server.max_calls) == (3, 3)
    assert (found.sonic.voice, found.sonic.region) == ("tiffany", "us-west-2")


def test_region_and_authority_hold_for_model_and_signaling() -> None:
    found = config("--region", "eu-north-1", "--ca", "ca.pem", "--channel", "c")
    assert (found.sonic.region, found.signaling.region) == ("eu-north-1", "eu-north-1")
    assert (found.sonic.ca_file, found.signaling.ca_file) == (Path("ca.pem"), Path("ca.pem"))


def test_a_signaling_address_without_a_channel_gets_one() -> None:
    assert config("--kvs-endpoint", "http://127.0.0.1:9").signaling.channel == "sonicrtc"
    assert config("--kvs-endpoint", "http://127.0.0.1:9", "--channel", "mine").signaling.channel == "mine"


def test_flags_that_may_be_repeated_add_up() -> None:
    found = config("--ice-server", "stun:a", "--ice-server", "turn:b", "--allowed-host", "voice.example")
    assert found.server.ice_servers == ("stun:a", "turn:b")
    assert found.server.allowed_hosts == ("voice.example",)


def test_greeting_and_language_are_flags() -> None:
    found = config("--greeting", "Hello, I am Joe.", "--voice", "ambre", "--language", "fr-FR").sonic
    assert (found.greeting, found.voice, found.language) == ("Hello, I am Joe.", "ambre", "fr-FR")


def test_what_a_page_may_change_is_the_servers_to_say() -> None:
    assert config(SONICRTC_SERVER_ALLOW_SETTINGS="voice,temperature").server.allow_settings == ("voice", "temperature")
    with pytest.raises(ConfigError, match="allow_settings: expected some of voice, language"):
        config(SONICRTC_SERVER_ALLOW_SETTINGS="voice,endpoint")


def test_an_unknown_variable_of_ours_is_told() -> None:
    with pytest.raises(ConfigError, match="SONICRTC_SONIC_VOISE"):
        config(SONICRTC_SONIC_VOISE="amy")


def test_what_local_exports_is_what_serve_reads() -> None:
    found = config(SONICRTC_SONIC_ENDPOINT="https://127.0.0.1:1", SONICRTC_SONIC_CA_FILE="/s/ca.pem",
                   SONICRTC_SIGNALING_ENDPOINT="http://127.0.0.1:2")  # fmt: skip
    assert (found.sonic.endpoint, found.sonic.ca_file) == ("https://127.0.0.1:1", Path("/s/ca.pem"))
    assert found.signaling.endpoint == "http://127.0.0.1:2"


def test_a_knowledge_base_comes_from_flags_or_the_environment() -> None:
    found = config("--knowledge-base", "ABCDEFGHIJ", "--region", "eu-north-1").knowledge_base
    assert (found.id, found.region, found.endpoint) == ("ABCDEFGHIJ", "eu-north-1", None)
    address = {"SONICRTC_KNOWLEDGE_BASE_ENDPOINT": "http://127.0.0.1:9", "SONICRTC_KNOWLEDGE_BASE_MIN_SCORE": "0.4"}
    found = config(**address).knowledge_base
    assert (found.endpoint, found.min_score) == ("http://127.0.0.1:9", 0.4)
