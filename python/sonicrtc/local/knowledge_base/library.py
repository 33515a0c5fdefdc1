"""A folder and its index: read once, and again when something in it has changed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sonicrtc.errors import ConfigError
from sonicrtc.local.knowledge_base.documents import Document, Part, UnreadableError, files_in, read, stamp
from sonicrtc.local.knowledge_base.embedding import Vector
from sonicrtc.local.knowledge_base.index import Entry, Index

#: How often a long indexing tells how far it is, in s.
_PROGRESS_S = 2.0
_PREFIX = "x-amz-bedrock-kb-"


class Library:
    """The files of one folder; belongs to one thread at a time.

    Parameters
    ----------
    folder : Path
    embed : callable
        Returns the unit vector of a text.
    say : callable
        Takes lines for a person: what was indexed, what was left out, how far it is.
    """

    def __init__(self, folder: Path, embed: Callable[[str], Vector], say: Callable[[str], object]) -> None:
        if not folder.is_dir():
            raise ConfigError(f"knowledge base: expected a folder, got {folder}")
        self._folder = folder
        self._embed = embed
        self._say = say
        self._documents: dict[Path, tuple[object, Document | str]] = {}
        self._vectors: dict[str, Vector] = {}

    def index(self, stop: threading.Event) -> Index | None:
        """Read what is new or has changed and return the index of all; None when stopped before the end."""
        documents = self._read()
        entries = [_entry(document, i, part) for document in documents for i, part in enumerate(document.parts)]
        missing = list(dict.fromkeys(entry.search_text for entry in entries if entry.search_text not in self._vectors))
        told_s = time.monotonic()
        for done, text in enumerate(missing):
            if stop.is_set():
                return None
            if time.monotonic() - told_s > _PROGRESS_S:
                told_s = time.monotonic()
                self._say(f"indexing: {done} of {len(missing)} passages")
            self._vectors[text] = self._embed(text)
        self._vectors = {entry.search_text: self._vectors[entry.search_text] for entry in entries}
        index = Index(entries, [self._vectors[entry.search_text] for entry in entries], len(documents))
        self._say(str(index))
        return index

    def _read(self) -> list[Document]:
        """Return the files that can be read, those that did not change as they were."""
        read_before, self._documents = self._documents, {}
        for path in files_in(self._folder):
            now = stamp(path)
            before = read_before.get(path)
            if before is None or before[0] != now:
                before = (now, self._try(path))
            self._documents[path] = before
        return [found for _, found in self._documents.values() if isinstance(found, Document)]

    def _try(self, path: Path) -> Document | str:
        try:
            return read(path, self._folder)
        except UnreadableError as exc:
            self._say(f"left out {path.relative_to(self._folder)}: {exc}")
            return str(exc)


def _entry(document: Document, number: int, part: Part) -> Entry:
    uri = source_uri(document.name)
    # The service's own attributes (user guide, page kb-metadata).
    own: dict[str, Any] = {
        f"{_PREFIX}source-uri": uri,
        f"{_PREFIX}chunk-id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{uri}#{number}")),
    }
    if part.page is not None:
        own[f"{_PREFIX}document-page-number"] = float(part.page)
    return Entry(
        name=document.name,
        text=part.passage.text,
        search_text=part.passage.search_text,
        metadata={**document.metadata, **own},
    )


def source_uri(name: str) -> str:
    """Return where a file would lie if the folder were a bucket."""
    return f"s3://local/{name}"
