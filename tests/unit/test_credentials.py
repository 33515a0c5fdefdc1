from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sonicrtc.credentials import AwsKeys, BotocoreCredentials, StaticCredentials
from sonicrtc.errors import CredentialsError

FILE = """[default]
aws_access_key_id = AKIDONE
aws_secret_access_key = secret-one
[other]
aws_access_key_id = AKIDTWO
aws_secret_access_key = secret-two
aws_session_token = token-two
[half]
aws_access_key_id = AKIDTHREE
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    path.write_text(FILE, "utf-8")
    return path


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path) -> pytest.MonkeyPatch:
    """An AWS environment that holds the test's files and nothing else."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    return monkeypatch


def test_a_secret_never_shows() -> None:
    keys = AwsKeys(access_key_id="AKID", secret_access_key="hush", session_token="hush too")
    assert "hush" not in repr(keys) + repr(StaticCredentials(keys))
    assert "AKID" in repr(keys)


async def test_a_profile_of_a_file_is_read(file: Path) -> None:
    keys = await StaticCredentials.from_file(file, "other").frozen()
    assert keys == AwsKeys(access_key_id="AKIDTWO", secret_access_key="secret-two", session_token="token-two")
    assert (await StaticCredentials.from_file(file).frozen()).session_token is None


@pytest.mark.parametrize("profile", ["half", "nobody"])
def test_a_profile_without_keys_is_named(file: Path, profile: str) -> None:
    with pytest.raises(CredentialsError, match=f"no AWS keys for profile '{profile}'"):
        StaticCredentials.from_file(file, profile)


def test_a_file_that_is_not_there_or_not_ini_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("no section\n", "utf-8")
    for name in ("none", "bad"):
        with pytest.raises(CredentialsError):
            StaticCredentials.from_file(tmp_path / name)


@pytest.mark.usefixtures("aws")
async def test_the_aws_chain_finds_a_profile() -> None:
    assert (await BotocoreCredentials("other").frozen()).access_key_id == "AKIDTWO"
    assert (await BotocoreCredentials().frozen()).access_key_id == "AKIDONE"


@pytest.mark.usefixtures("aws")
async def test_an_unknown_profile_is_an_error() -> None:
    with pytest.raises(CredentialsError, match="nobody"):
        await BotocoreCredentials("nobody").frozen()


async def test_no_credentials_say_what_to_set(aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="AWS_PROFILE"):
        await BotocoreCredentials().frozen()


async def test_a_chain_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def wait(_: BotocoreCredentials) -> AwsKeys:
        over.wait()
        raise CredentialsError("late")

    monkeypatch.setattr(BotocoreCredentials, "_resolve", wait)
    with pytest.raises(CredentialsError, match=r"took longer than 0\.05 s"):
        await BotocoreCredentials(timeout_s=0.05).frozen()
    over.set()


#: Prints keys that expire in ten minutes, other ones each time.
PROCESS = """
import json, pathlib, time
count = pathlib.Path(__file__).with_suffix(".count")
count.write_text(count.read_text() + "I" if count.exists() else "I")
keys = {"AccessKeyId": "AKID" + count.read_text(), "SecretAccessKey": "secret", "SessionToken": "token"}
print(json.dumps(keys | {"Version": 1, "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(4e9))}))
"""


@pytest.mark.parametrize(("expires_at_s", "renewed"), [("4e9", False), ("time.time() + 600", True)])
async def test_temporary_keys_tell_when_they_expire_and_are_renewed_before(
    aws: pytest.MonkeyPatch, tmp_path: Path, expires_at_s: str, renewed: bool
) -> None:
    (tmp_path / "keys.py").write_text(PROCESS.replace("4e9", expires_at_s), "utf-8")
    (tmp_path / "config").write_text(f"[profile p]\ncredential_process = {sys.executable} {tmp_path}/keys.py\n")
    aws.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    credentials = BotocoreCredentials("p", timeout_s=60)
    first, second = await credentials.frozen(), await credentials.frozen()
    assert (first.access_key_id != second.access_key_id) is renewed
    assert second.session_token == "token"
    for keys in (first, second):
        assert keys.expires_at is not None
        assert (keys.expires_at > datetime.now(UTC) + timedelta(minutes=15)) is not renewed
