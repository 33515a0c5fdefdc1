"""How texts are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sonicrtc.local.knowledge_base.passages import MAX_CHARACTERS, cut_markdown, cut_text

LONG = "This is a sentence of some length. " * 100


def test_a_passage_begins_with_its_headings() -> None:
    passages = cut_markdown("# House\nIntro.\n## Kitchen\n### Oven ##\nHot.\n## Hall\nCold.")
    assert [passage.text for passage in passages] == [
        "# House\n\nIntro.",
        "# House\n## Kitchen\n### Oven\n\nHot.",
        "# House\n## Hall\n\nCold.",
    ]


def test_what_is_searched_leaves_out_the_title_of_the_document_and_code() -> None:
    (passage,) = cut_markdown('# House\n## Oven\nIts topic.\n\n```json\n{"a": 1}\n```\n')
    assert passage.search_text == "Oven\nIts topic."
    assert passage.text.endswith("```")


def test_code_without_prose_is_searched() -> None:
    (passage,) = cut_markdown("# House\n```\nrun me\n```")
    assert passage.search_text == "House\n```\nrun me\n```"


def test_a_hash_inside_code_is_no_heading() -> None:
    (passage,) = cut_markdown("# House\n```sh\n# a comment\n\nls\n```\n")
    assert passage.headings == ("House",)
    assert "# a comment\n\nls" in passage.body


def test_long_prose_is_cut_at_sentences() -> None:
    passages = cut_text(LONG)
    assert len(passages) > 3
    assert all(passage.body.startswith("This is") and passage.body.endswith("length.") for passage in passages)


def test_a_long_table_is_cut_at_rows_with_its_header_over_each_part() -> None:
    rows = "\n".join(f"| device {n} | what it does, in many words, so that the row is long |" for n in range(50))
    passages = cut_markdown(f"# Devices\n| name | what |\n|---|---|\n{rows}")
    assert len(passages) > 2
    assert all(passage.body.startswith("| name | what |\n|---|---|\n| device ") for passage in passages)
    assert sum(passage.body.count("| device ") for passage in passages) == 50


def test_a_long_list_is_cut_between_its_items() -> None:
    items = "\n".join(f"- item {n} of a list that goes on and on and on" for n in range(60))
    assert all(passage.body.startswith("- item ") for passage in cut_text(items))


def test_short_paragraphs_share_a_passage() -> None:
    assert [passage.body for passage in cut_text("One.\n\nTwo.\n\n\nThree.")] == ["One.\n\nTwo.\n\nThree."]


@given(st.text(alphabet="ab .#|-`\n", max_size=400), st.integers(1, 40))
def test_any_text_is_cut_into_passages_of_bounded_size_and_no_letter_is_lost(text: str, times: int) -> None:
    whole = text * times
    for passages in (cut_text(whole), cut_markdown(whole)):
        assert all(passage.body.strip() for passage in passages)
    assert all(len(passage.body) <= MAX_CHARACTERS * 4 for passage in cut_text(whole))
    letters = [letter for passage in cut_text(whole) for letter in passage.body if letter in "ab"]
    assert len(letters) >= sum(whole.count(letter) for letter in "ab")
