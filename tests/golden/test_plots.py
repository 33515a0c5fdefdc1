"""The picture of the filters is drawn from measurements, and the documentation shows it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.golden import draw

DOCS = Path(__file__).parents[2] / "docs"


def curves(svg: Path) -> set[str]:
    """Return which designs are drawn in which part."""
    parts = {f"{design}-{part}" for design in draw.DESIGNS for part in ("whole", "flat", "delay", "up")}
    return parts & {element.get("id", "") for element in ElementTree.parse(svg).iter()}


def test_every_design_is_drawn_in_every_part(tmp_path: Path) -> None:
    draw.draw(tmp_path / "filters.svg")
    assert len(curves(tmp_path / "filters.svg")) == 4 * len(draw.DESIGNS)


@pytest.mark.checkout
def test_the_documentation_shows_all_of_them() -> None:
    assert len(curves(DOCS / "filters.svg")) == 4 * len(draw.DESIGNS)
    assert "(filters.svg)" in (DOCS / "audio-core.md").read_text("utf-8")
