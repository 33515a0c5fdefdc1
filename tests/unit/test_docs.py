from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path

import pytest

from sonicrtc.config import Config

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.checkout
GUIDES = [f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))]
TABLES = typing.get_type_hints(Config)


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_is_documented_under_its_table(table: str) -> None:
    section = (ROOT / "docs" / "configuration.md").read_text("utf-8").split(f"## `[{table}]`")[1].split("\n## ")[0]
    assert not [f.name for f in dataclasses.fields(TABLES[table]) if f"`{f.name}`" not in section]


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", "THIRD_PARTY.md", "examples/smart_home/README.md", *GUIDES]
)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert not [link for link in local if not ((ROOT / page).parent / link).exists()]


@pytest.mark.parametrize("extra", ["demo", "dev"])
def test_the_lock_file_pins_every_package_with_a_hash(extra: str) -> None:
    lines = (ROOT / "requirements" / f"{extra}.lock").read_text("utf-8").replace("\\\n", " ").splitlines()
    packages = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(packages) > 50
    assert not [line for line in packages if "==" not in line or "--hash=sha256:" not in line]
