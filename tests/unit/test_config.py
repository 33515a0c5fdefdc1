from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sonicrtc import config
from sonicrtc.config import (
    Config,
    KnowledgeBaseConfig,
    ServerConfig,
    SignalingConfig,
    SonicConfig,
    ToolsConfig,
    VadConfig,
)
from sonicrtc.errors import ConfigError

TOML = """
[server]
port = 9000
allowed_hosts = ["a.example", "b.example"]
[sonic]
voice = "tina"
temperature = 1
[vad]
mode = 3
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "sonicrtc.toml"
    path.write_text(TOML, "utf-8")
    return path


def test_defaults_need_nothing() -> None:
    assert config.load() == Config()


def test_later_sources_win(toml: Path) -> None:
    environment = {"SONICRTC_SERVER_PORT": "9001", "SONICRTC_SONIC_VOICE": "amy", "HOME": "/ignored"}
    loaded = config.load(toml, environment, {"server": {"port": 9002, "host": None}})
    assert loaded.server.port == 9002
    assert loaded.server.host == "127.0.0.1"
    assert loaded.sonic.voice == "amy"
    assert loaded.vad.mode == 3
    assert loaded.server.allowed_hosts == ("a.example", "b.example")


def test_texts_of_the_environment_become_the_settings_type() -> None:
    environment = {
        "SONICRTC_SERVER_LOOPBACK": "true",
        "SONICRTC_SERVER_ALLOWED_HOSTS": "a.example, b.example",
        "SONICRTC_SONIC_CA_FILE": "/tmp/ca.pem",
        "SONICRTC_SONIC_TOP_P": "0.5",
        "SONICRTC_SIGNALING_CHANNEL": "front-door",
    }
    loaded = config.load(environment=environment)
    assert loaded.server.loopback is True
    assert loaded.server.allowed_hosts == ("a.example", "b.example")
    assert loaded.sonic.ca_file == Path("/tmp/ca.pem")
    assert loaded.sonic.top_p == 0.5
    assert loaded.signaling.channel == "front-door"


WRONG_SOURCES: list[tuple[dict[str, str], str]] = [
    ({"SONICRTC_SERVER_PORT": "many"}, "SONICRTC_SERVER_PORT: server.port: expected a whole number, got 'many'"),
    ({"SONICRTC_SERVER_LOOPBACK": "maybe"}, "expected true or false"),
    ({"SONICRTC_SERVER_PROT": "1"}, "unknown setting server.prot; known are"),
    ({"SONICRTC_SERVICE_PORT": "1"}, "unknown table 'service'"),
]


@pytest.mark.parametrize(("environment", "told"), WRONG_SOURCES)
def test_a_wrong_setting_is_named_with_where_it_came_from(environment: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        config.load(environment=environment)


WRONG_FILES = [
    ("[server", "is not TOML"),
    ("server = 1", r"expected a table \[server\]"),
    ("[server]\nport = 1.5", "server.port: expected a whole number"),
    ("[server]\nport = true", "server.port: expected"),
    ("[sonic]\nvoice = 5", "sonic.voice"),
    ("[sonic]\nvoice = 'nobody'", "voice: expected one of matthew"),
]


@pytest.mark.parametrize(("text", "told"), WRONG_FILES)
def test_a_wrong_file_says_what_was_expected(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=told):
        config.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read config file .*none\.toml"):
        config.load(tmp_path / "none.toml")


OUT_OF_RANGE: list[tuple[type, dict[str, Any], str]] = [
    (ToolsConfig, {"timeout_s": 0}, "tools.timeout_s: expected more than 0 seconds, got 0"),
    (ToolsConfig, {"timeout_s": float("nan")}, "tools.timeout_s"),
    (ToolsConfig, {"max_running": 0}, "tools.max_running: expected at least 1"),
    (ToolsConfig, {"max_per_turn": 0}, "tools.max_per_turn"),
    (ToolsConfig, {"max_threads": 0}, "tools.max_threads"),
    (ToolsConfig, {"max_result_bytes": 255}, "tools.max_result_bytes: expected 256 or more"),
    (ToolsConfig, {"filler_after_s": 0}, "tools.filler_after_s: expected 0.1 or more seconds"),
    (KnowledgeBaseConfig, {"id": "short"}, "knowledge_base.id: expected 10 letters and digits, or an ARN"),
    (KnowledgeBaseConfig, {"id": "a/ABCDEFGHIJ"}, "knowledge_base.id"),
    (KnowledgeBaseConfig, {"endpoint": "localhost:1"}, "knowledge_base.endpoint: expected http"),
    (KnowledgeBaseConfig, {"number_of_results": 0}, "knowledge_base.number_of_results: expected 1 to 100"),
    (KnowledgeBaseConfig, {"min_score": -0.1}, "knowledge_base.min_score: expected 0 or more"),
    (VadConfig, {"mode": 4}, "mode: expected 0, 1, 2 or 3, got 4"),
    (VadConfig, {"frame_ms": 15}, "frame_ms: expected 10, 20 or 30"),
    (VadConfig, {"start_k": 4}, r"start_k: expected 1 to start_n \(3\)"),
    (VadConfig, {"start_n": 51}, "start_n"),
    (VadConfig, {"hangover_ms": -1}, "hangover_ms"),
    (VadConfig, {"preroll_ms": 1001}, "preroll_ms"),
    (VadConfig, {"detector": "oracle"}, "detector: expected 'webrtcvad', 'energy' or 'silero', got 'oracle'"),
    (VadConfig, {"threshold": 1.01}, "threshold: expected 0 to 1"),
    (VadConfig, {"threshold": float("nan")}, "threshold"),
    (VadConfig, {"gate": "some"}, "gate: expected 'zeros', 'off' or 'withhold'"),
    (VadConfig, {"withhold_after_ms": -1}, "withhold_after_ms: expected 0 to 600000"),
    (VadConfig, {"withhold_after_ms": 600_001}, "withhold_after_ms"),
    (
        SonicConfig,
        {"model_id": "amazon.nova-3"},
        "model id: expected amazon.nova-2-sonic-v1:0 or amazon.nova-2-5-sonic",
    ),
    (SonicConfig, {"model_id": "amazon.nova-sonic-v1:0"}, "end of life"),
    (SonicConfig, {"endpointing": "SOME"}, "endpointing"),
    (SonicConfig, {"region": ""}, "region"),
    (SonicConfig, {"endpoint": "http://127.0.0.1"}, "expected https://host"),
    (SonicConfig, {"endpoint": "https://"}, "expected https://host"),
    (SonicConfig, {"endpoint": "https://host:port"}, "expected https://host"),
    (SonicConfig, {"max_tokens": 10_001}, "max_tokens"),
    (SonicConfig, {"temperature": 1.1}, "temperature"),
    (SonicConfig, {"top_p": -0.1}, "top_p"),
    (SonicConfig, {"tool_choice": " "}, "tool_choice: expected 'auto', 'any' or the name of a tool"),
    (SignalingConfig, {"channel": "no spaces"}, "channel"),
    (SignalingConfig, {"endpoint": "ws://x"}, "endpoint"),
    (ServerConfig, {"port": 65_536}, "port"),
    (ServerConfig, {"tls_cert": Path("c")}, "both or neither"),
    (ServerConfig, {"max_calls": 0}, "max_calls"),
    (ServerConfig, {"drain_s": -1}, "drain_s"),
]


@pytest.mark.parametrize(("kind", "setting", "told"), OUT_OF_RANGE)
def test_a_value_out_of_range_says_what_was_expected(kind: type, setting: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        kind(**setting)


@pytest.mark.parametrize(("endpointing", "pause_ms"), [("HIGH", 1500), ("MEDIUM", 1750), ("LOW", 2000)])
def test_the_documented_pause_follows_the_sensitivity(endpointing: Any, pause_ms: int) -> None:
    assert SonicConfig(endpointing=endpointing).endpoint_ms == pause_ms


def test_the_gate_stays_open_longer_than_any_pause() -> None:
    assert max(config.ENDPOINT_PAUSE_MS.values()) < VadConfig().hangover_ms


@pytest.mark.parametrize(("name", "value"), [("path", "rtp"), ("encoder", "best")])
def test_a_media_path_or_encoder_that_is_not_there_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"media.{name}: expected 'packets' or|media.{name}: expected 'default' or"):
        config.load(environment={f"SONICRTC_MEDIA_{name.upper()}": value})


def test_an_arn_of_a_knowledge_base_is_as_good_as_an_id() -> None:
    arn = "arn:aws:bedrock:us-east-1:111122223333:knowledge-base/ABCDEFGHIJ"
    assert KnowledgeBaseConfig(id=arn).id == arn
