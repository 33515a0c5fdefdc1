from __future__ import annotations

from collections.abc import Iterator

import pytest

from sonicrtc import errors
from sonicrtc.errors import SonicError, SonicRtcError


def every(kind: type[SonicRtcError] = SonicRtcError) -> Iterator[type[SonicRtcError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:  # and not one that a test made for itself
            yield from every(below)


KINDS = list(every())


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", KINDS)
def test_the_module_docstring_shows_every_error(kind: type[SonicRtcError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert getattr(errors, kind.__name__) is kind


@pytest.mark.parametrize("kind", [kind for kind in list(KINDS) if not issubclass(kind, SonicError)])
def test_retryable_can_be_said_for_one_error(kind: type[SonicRtcError]) -> None:
    assert kind("x").retryable is kind.retryable
    assert kind("x", retryable=not kind.retryable).retryable is not kind.retryable
    assert str(kind("what happened")) == "what happened"


@pytest.mark.parametrize("kind", list(every(SonicError)))
def test_a_remedy_can_be_said_for_one_error_of_the_model(kind: type[SonicError]) -> None:
    assert kind("x").retryable is (kind.remedy != "fatal")
    assert kind("x", remedy="fatal").retryable is False
    assert kind("x", remedy="swap").retryable is True
