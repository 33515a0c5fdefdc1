"""What is said about the models, and what happens when one is missing or changed."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from sonicrtc.errors import ConfigError, MissingExtraError
from sonicrtc.local.models import MODELS, Model, model_files, require


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """An installed package that carries a model of five bytes."""
    folder = tmp_path / "pretended_voice" / "data"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "model.onnx").write_bytes(b"model")
    monkeypatch.syspath_prepend(tmp_path)
    return Model(
        name="Pretended",
        purpose="test",
        package="pretended-voice",
        version="1.2",
        module="pretended_voice",
        licence="MIT",
        origin="here",
        sha256={"data/model.onnx": hashlib.sha256(b"model").hexdigest()},
    )


def test_the_files_of_an_untouched_model_are_found(package: Model) -> None:
    assert model_files(package)["data/model.onnx"].read_bytes() == b"model"


def test_a_changed_model_is_refused_with_both_checksums(package: Model) -> None:
    with pytest.raises(ConfigError, match=r"has sha256 [0-9a-f]{64}, expected 0{64}; .*pretended-voice==1\.2"):
        model_files(dataclasses.replace(package, sha256={"data/model.onnx": "0" * 64}))


def test_a_version_without_its_model_names_the_right_version(package: Model) -> None:
    with pytest.raises(MissingExtraError, match=r"does not hold data/other.*pretended-voice==1\.2"):
        model_files(dataclasses.replace(package, sha256={"data/other": "0" * 64}))


def test_a_missing_package_names_the_extra(package: Model) -> None:
    with pytest.raises(MissingExtraError, match=r"sonicrtc\[local\]"):
        model_files(dataclasses.replace(package, module="not_installed_at_all"))
    with pytest.raises(MissingExtraError, match=r"sonicrtc\[local\]"):
        require("not_installed_at_all")


def test_each_model_tells_its_licence_origin_and_checksums() -> None:
    for model in MODELS:
        assert model.licence
        assert model.origin
        assert all(len(checksum) == 64 for checksum in model.sha256.values())
        assert model.sha256


def test_the_doubt_about_the_voice_is_told() -> None:
    (voice,) = [model for model in MODELS if "joe" in model.name]
    assert "lessac" in voice.remark
    assert "doubtful" in voice.remark
