"""Reads a folder: Markdown, text and PDF, each with its metadata as Bedrock keeps them.

``<file>.metadata.json`` beside a file holds ``{"metadataAttributes": {...}}`` (user guide, page ``kb-metadata``);
its attributes are strings, numbers, booleans or lists of strings.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sonicrtc.local.knowledge_base.passages import Passage, cut_markdown, cut_text
from sonicrtc.local.models import require

SUFFIXES = frozenset({".md", ".markdown", ".txt", ".pdf"})
_METADATA_SUFFIX = ".metadata.json"
#: The service's own limits (user guide, page ``knowledge-base-ds``).
_MAX_FILE_BYTES = 50 * 1024 * 1024
_MAX_METADATA_BYTES = 10 * 1024


class UnreadableError(Exception):
    """A file is not what its name says; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A passage and the page that it begins on, in files that have pages (counted from 1)."""

    passage: Passage
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file.

    Parameters
    ----------
    name : str
        Path inside the folder, with ``/``.
    metadata : mapping
        Its attributes.
    parts : tuple of Part
        In the order of the text.
    """

    name: str
    metadata: Mapping[str, Any]
    parts: tuple[Part, ...]


def files_in(folder: Path) -> list[Path]:
    """Return the files that can be read, sorted; hidden ones and those in hidden folders are left out."""
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    return sorted(found)


def stamp(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Return what changes when the file or its metadata do."""
    return tuple(_stamp(each) for each in (path, _metadata_file(path)))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def read(path: Path, folder: Path) -> Document:
    """Read one file.

    Raises
    ------
    UnreadableError
        It, or its metadata, cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > _MAX_FILE_BYTES:
            raise UnreadableError(f"expected at most {_MAX_FILE_BYTES} bytes, got {size}")
        suffix = path.suffix.lower()
        if suffix == ".pdf":
            parts = tuple(_pdf_parts(path))
        else:
            cut = cut_text if suffix == ".txt" else cut_markdown
            parts = tuple(Part(passage=passage) for passage in cut(path.read_text("utf-8-sig")))
        return Document(name=path.relative_to(folder).as_posix(), metadata=_metadata(path), parts=parts)
    except OSError as exc:
        raise UnreadableError(exc.strerror or type(exc).__name__) from exc
    except UnicodeDecodeError as exc:
        raise UnreadableError("it is not UTF-8 text") from exc


def _pdf_parts(path: Path) -> Iterator[Part]:
    pypdf = require("pypdf", "kb")
    # It has a word on every small flaw of a file; what matters is raised.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        with pypdf.PdfReader(path) as reader:
            for number, page in enumerate(reader.pages, 1):
                for passage in cut_text(page.extract_text()):
                    yield Part(passage=passage, page=number)
    except (pypdf.errors.PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        # A broken file makes the library fail in more ways than it has errors for.
        raise UnreadableError(f"it is no PDF that can be read ({type(exc).__name__})") from exc


def _metadata_file(path: Path) -> Path:
    return path.with_name(path.name + _METADATA_SUFFIX)


def _metadata(path: Path) -> Mapping[str, Any]:
    file = _metadata_file(path)
    if not file.exists():
        return {}
    data = file.read_bytes()
    if len(data) > _MAX_METADATA_BYTES:
        raise UnreadableError(f"{file.name}: expected at most {_MAX_METADATA_BYTES} bytes, got {len(data)}")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise UnreadableError(f"{file.name} is not JSON") from exc
    attributes = document.get("metadataAttributes") if isinstance(document, dict) else None
    if not isinstance(attributes, dict):
        raise UnreadableError(f'{file.name}: expected {{"metadataAttributes": {{...}}}}')
    return {name: _value(file, name, value) for name, value in attributes.items()}


def _value(file: Path, name: str, value: object) -> object:
    """Return a value of an attribute; the long form says its type, too: ``{"value": {"type", "stringValue"}}``."""
    if isinstance(value, dict) and isinstance(value.get("value"), dict):
        inner = {key: each for key, each in value["value"].items() if key != "type"}
        value = next(iter(inner.values()), None)
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise UnreadableError(f"{file.name}: {name}: expected a string, number, boolean or list of strings")
