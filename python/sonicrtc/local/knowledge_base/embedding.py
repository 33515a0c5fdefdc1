"""What a text means, as a vector: all-MiniLM-L6-v2 with int8 weights, by ONNX Runtime."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from sonicrtc.local.models import MINILM, MINILM_TOKENIZER, model_files, require

Vector = npt.NDArray[np.float32]

#: What the model reads at once; the rest of a longer text is not seen (its model card).
_MAX_TOKENS = 256


class Embedder:
    """The model; any thread may use it. Make one with :func:`embedder`."""

    def __init__(self) -> None:
        ort, tokenizers = require("onnxruntime", "kb"), require("tokenizers", "kb")
        (model,) = model_files(MINILM).values()
        (tokenizer,) = model_files(MINILM_TOKENIZER).values()
        options = ort.SessionOptions()
        # More threads than one spin at a barrier, and a call beside them is late.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)

    def __call__(self, text: str) -> Vector:
        """Return the unit vector of `text`, shape (384,): the mean over its tokens, as the model was trained.

        One text at a time: the scale of int8 activations is that of a whole batch, so that in company a text
        would get another vector than alone.
        """
        tokens = np.array([self._tokenizer.encode(text).ids], np.int64)
        feeds = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        mean: Vector = self._session.run(None, feeds)[0][0].mean(axis=0)
        return mean / np.float32(np.linalg.norm(mean))


@functools.cache
def embedder() -> Embedder:
    """Return the model, loaded once for the whole process.

    Raises
    ------
    MissingExtraError, ConfigError
        A package is missing, or a file is not the one that was checked.
    """
    return Embedder()
