"""Which libopus is taken, and what is said of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sonicrtc.errors import ConfigError
from sonicrtc.rtc import opus
from sonicrtc.rtc.opus import candidates, find_opus

IN_WHEEL = [name for name in candidates() if "av.libs" in name]


@pytest.fixture(autouse=True)
def look_anew() -> Iterator[None]:
    find_opus.cache_clear()
    yield
    find_opus.cache_clear()


def test_the_systems_comes_before_the_one_in_pyavs_wheel() -> None:
    names = list(candidates())
    assert names[0] == "libopus.so.0"
    assert names[1:] == IN_WHEEL
    assert len(IN_WHEEL) == 1


def test_macos_has_names_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert list(candidates())[:2] == ["libopus.0.dylib", "/opt/homebrew/lib/libopus.0.dylib"]


def test_one_that_cannot_be_loaded_is_passed_over_and_the_one_taken_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opus, "candidates", lambda: iter(["/no/such.so", *IN_WHEEL, "libm.so.6"]))
    with caplog.at_level(logging.INFO):
        found = find_opus()
    assert found is not None
    assert found.path.endswith(IN_WHEEL[0].rpartition("/")[2])
    assert caplog.messages == [f"Opus is coded by {found.version}, {found.path}"]


def test_it_is_looked_for_once() -> None:
    assert find_opus() is find_opus()


def test_without_any_none_is_returned_and_what_was_tried_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opus, "candidates", lambda: iter(["/no/such.so", "libm.so.6"]))
    assert find_opus() is None
    assert find_opus() is None
    (message,) = caplog.messages
    assert message.startswith("no libopus was found; tried: libopus: cannot load '/no/such.so': ")
    assert message.endswith("; libopus: 'libm.so.6' lacks the function opus_get_version_string")


def test_a_given_path_is_the_one_that_is_loaded() -> None:
    found = find_opus(IN_WHEEL[0])
    assert found is not None
    assert Path(found.path).samefile(IN_WHEEL[0])


@pytest.mark.parametrize("path", ["/no/such.so", "libm.so.6", ""])
def test_a_given_path_that_is_no_libopus_is_an_error_and_nothing_else_is_tried(path: str) -> None:
    with pytest.raises(ConfigError, match=f"opus library: expected the path of a libopus, got '{path}': libopus: "):
        find_opus(path)
