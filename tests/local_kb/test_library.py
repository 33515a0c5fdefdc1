"""What is read from a folder, and that the service follows its changes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
from tests.local_kb.conftest import KEYS, Client, write

from sonicrtc.errors import ConfigError
from sonicrtc.local.knowledge_base import LocalKnowledgeBase, library
from sonicrtc.local.knowledge_base.embedding import Vector, embedder
from sonicrtc.local.knowledge_base.index import Index
from sonicrtc.local.knowledge_base.library import Library


def indexed(folder: Path, said: list[str]) -> Index:
    index = Library(folder, embedder(), said.append).index(threading.Event())
    assert index is not None
    return index


def write_pdf(file: Path, *pages: str) -> None:
    """Write a PDF with a line of text on each page."""
    writer = PdfWriter()
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    entry = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    for text in pages:
        page = writer.add_blank_page(300, 300)
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        fonts = DictionaryObject({NameObject("/F1"): entry})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page[NameObject("/Contents")] = writer._add_object(content)
    writer.write(file)


async def test_the_service_says_how_much_it_has_read(kb: LocalKnowledgeBase, said: list[str]) -> None:
    assert said == ["indexed 4 files, 4 passages"]


async def test_a_new_file_is_found_without_a_restart(kb: LocalKnowledgeBase, client: Client) -> None:
    write(kb.folder, "whale.txt", "Whales sing in the ocean.")
    await kb.until(lambda index: index.files == 5)
    assert await client.files("song of the sea", numberOfResults=1) == ["whale.txt"]


async def test_a_changed_file_is_read_anew_and_a_deleted_one_is_gone(kb: LocalKnowledgeBase, client: Client) -> None:
    write(kb.folder, "cat.md", "Cats are afraid of water.")
    (kb.folder / "camel.txt").unlink()
    await kb.until(lambda index: index.files == 3 and any("water" in entry.text for entry in index.entries))
    assert "camel.txt" not in await client.files("desert")


async def test_changed_metadata_are_read_anew(kb: LocalKnowledgeBase, client: Client) -> None:
    write(kb.folder, "cat.md", (kb.folder / "cat.md").read_text(), {"animal": "tiger"})
    await kb.until(lambda index: any(entry.metadata.get("animal") == "tiger" for entry in index.entries))
    assert await client.files("cat", filter={"equals": {"key": "animal", "value": "tiger"}}) == ["cat.md"]


def test_only_what_is_new_is_embedded_again(folder: Path) -> None:
    asked: list[str] = []

    def embed(text: str) -> Vector:
        asked.append(text)
        return embedder()(text)

    shelf = Library(folder, embed, lambda line: None)
    shelf.index(threading.Event())
    assert len(asked) == 4
    write(folder, "whale.txt", "Whales sing in the ocean.")
    shelf.index(threading.Event())
    assert asked[4:] == ["Whales sing in the ocean."]


def test_a_pdf_is_read_with_the_numbers_of_its_pages(tmp_path: Path, said: list[str]) -> None:
    write_pdf(tmp_path / "manual.pdf", "Press the red button.", "Then turn the wheel.")
    index = indexed(tmp_path, said)
    assert [entry.text for entry in index.entries] == ["Press the red button.", "Then turn the wheel."]
    assert [entry.metadata["x-amz-bedrock-kb-document-page-number"] for entry in index.entries] == [1.0, 2.0]


def test_what_cannot_be_read_is_left_out_and_said(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    (tmp_path / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    write(tmp_path, "odd.md", "Text.", {"when": {"year": None}})
    write(tmp_path, "good.md", "Text.")
    (tmp_path / "picture.png").write_bytes(b"")
    (tmp_path / ".hidden.md").write_text("Text.")
    assert indexed(tmp_path, said).files == 1
    assert [line.partition(":")[0] for line in said] == [
        "left out broken.pdf", "left out latin.txt", "left out odd.md", "indexed 1 file, 1 passage",
    ]  # fmt: skip


LONG_FORM = {"value": {"type": "NUMBER", "numberValue": 2026}, "includeForEmbedding": False}


def test_metadata_may_say_their_type_too(tmp_path: Path, said: list[str]) -> None:
    write(tmp_path, "a.md", "Text.", {"year": LONG_FORM, "tags": ["x", "y"]})
    (entry,) = indexed(tmp_path, said).entries
    assert (entry.metadata["year"], entry.metadata["tags"]) == (2026, ["x", "y"])


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ("{", "a.md.metadata.json is not JSON"),
        ("[]", "metadataAttributes"),
        ('{"metadataAttributes": {"year": [1]}}', "year: expected a string, number, boolean or list of strings"),
        (" " * 10_241, "expected at most 10240 bytes, got 10241"),
    ],
)
def test_wrong_metadata_leave_the_file_out_and_are_said(
    tmp_path: Path, said: list[str], metadata: str, says: str
) -> None:
    write(tmp_path, "a.md", "Text.")
    (tmp_path / "a.md.metadata.json").write_text(metadata)
    assert len(indexed(tmp_path, said)) == 0
    assert says in said[0]


def test_a_file_that_is_too_large_is_left_out(tmp_path: Path, said: list[str]) -> None:
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    assert indexed(tmp_path, said).files == 0
    assert said[0] == "left out large.txt: expected at most 52428800 bytes, got 52428801"


def test_a_long_indexing_says_how_far_it_is(folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_PROGRESS_S", 0)
    indexed(folder, said)
    assert said[0] == "indexing: 0 of 4 passages"


def test_a_file_with_the_mark_of_a_byte_order_is_read_without_it(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "a.md").write_text("# Title\n\nText.", "utf-8-sig")
    assert indexed(tmp_path, said).entries[0].text == "# Title\n\nText."


def test_folders_inside_the_folder_count(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    write(tmp_path / "a" / "b", "deep.md", "Deep down.")
    assert [entry.name for entry in indexed(tmp_path, said).entries] == ["a/b/deep.md"]


def test_an_empty_folder_is_an_empty_index(tmp_path: Path, said: list[str]) -> None:
    index = indexed(tmp_path, said)
    assert said == ["indexed 0 files, 0 passages"]
    assert index.nearest("cat", embedder()("cat"), limit=5) == []


def test_indexing_ends_when_it_is_stopped(folder: Path, said: list[str]) -> None:
    stop = threading.Event()
    stop.set()
    assert Library(folder, embedder(), said.append).index(stop) is None


async def test_a_test_without_a_loop_can_wait_for_the_index(kb: LocalKnowledgeBase) -> None:
    kb.wait(lambda index: index.files == 4)
    with pytest.raises(TimeoutError):
        kb.wait(lambda index: index.files == 5, timeout_s=0.01)


async def test_a_port_that_is_in_use_leaves_nothing_behind(kb: LocalKnowledgeBase, folder: Path) -> None:
    port = int(kb.endpoint.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with LocalKnowledgeBase(folder, keys=KEYS, port=port):
            pass


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a folder, got"):
        async with LocalKnowledgeBase(tmp_path / "nothing", keys=KEYS):
            pass


def test_an_id_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected 10 letters and digits"):
        LocalKnowledgeBase(tmp_path, keys=KEYS, id="kb")
