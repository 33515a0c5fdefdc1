"""Where the broker is: a file, the environment, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.smart_home.broker import Broker

pytestmark = pytest.mark.checkout


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('protocol = "4"', "protocol: expected 5 or 3.1.1, got '4'"),
        ("port = 70000", "port: expected 1 to 65535, got 70000"),
        ('hots = "x"', "unknown hots; there are "),
        ('ca_file = "none.pem"', "there is no file .*none.pem"),
        ('cert_file = "aws.toml"', "cert_file and key_file: expected both or none"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, settings: str, words: str) -> None:
    file = tmp_path / "aws.toml"
    file.write_text(f"[broker]\n{settings}\n", "utf-8")
    with pytest.raises(ValueError, match=words):
        Broker.load({}, file)


def test_a_file_that_is_no_certificate_is_refused_before_anything_connects(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("nonsense", "utf-8")
    with pytest.raises(OSError, match="PEM"):
        Broker(cert_file=tmp_path / "own.pem", key_file=tmp_path / "own.pem")


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "home.toml"
    file.write_text('[broker]\nhost = "house.example"\nport = 1884\nprotocol = "3.1.1"\n', "utf-8")
    assert Broker.load({"MQTT_PORT": "1885"}, file) == Broker(host="house.example", port=1885, protocol="3.1.1")


def test_on_the_port_of_https_aws_is_told_that_it_is_mqtt(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("ssl.SSLContext.set_alpn_protocols", lambda _, names: told.extend(names))
    Broker(host="x-ats.iot.us-east-1.amazonaws.com", port=443)
    assert told == ["x-amzn-mqtt-ca"]
