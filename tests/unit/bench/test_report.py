"""A run as a document, as text and as a picture; and two runs beside each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sonicrtc.bench import budgets, plot, report
from sonicrtc.bench.against import Drift
from sonicrtc.bench.call_case import Answered, ConversationReport
from sonicrtc.bench.harness import Ratio
from sonicrtc.bench.hops import hop
from sonicrtc.errors import ConfigError, MissingExtraError


@pytest.fixture
def run(make_core_report: Callable[..., Any]) -> report.Document:
    core = make_core_report(uplink=2.0, soxr=14.0)
    call = ConversationReport(
        answered=(Answered(question="What time is it?", response_ms=230.0, number=4000.0),),
        problems=("Who are you?  nothing was heard",),
        hops=(hop("text to first audio", "ms", [20.0, 30.0]),),
    )
    against = "v1", Drift(ratios={"uplink": Ratio.exact(1.0)}, skipped=("uplink_hq",), version="0.0.9")
    gates = list(budgets.of_core(core, budgets.load()))
    return report.document(core=core, call=call, against=against, gates=gates)


def test_a_document_is_json_and_reads_back(run: report.Document, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run), "utf-8")
    again = report.read(path)
    assert again["core"]["rows"][1]["number"] == {"median": 0.28, "low": 0.28, "high": 0.28}
    assert again["gates"][0] == {
        "name": "soxr / uplink", "goal": ">= 6.5", "found": {"median": 7.0, "low": 7.0, "high": 7.0}, "verdict": "ok",
        "reason": budgets.load()["ratios"]["soxr / uplink"].reason,
    }  # fmt: skip
    assert again["machine"].keys() == {"cpu", "cores", "system", "python", "numpy"}
    assert "times" not in again["core"]


@pytest.mark.parametrize(
    "words", ["soxr", "FAILED     Who are you?", "230 ms  What time", "this build over v1 (version 0.0.9)",
              "skipped: uplink_hq", "text to first audio", "1 ok, 15 skipped"],
)  # fmt: skip
def test_the_tables_say(run: report.Document, words: str) -> None:
    assert words in "\n".join(report.lines(run))


def test_a_run_compared_with_itself_has_not_drifted_and_peers_are_left_out(run: report.Document) -> None:
    assert {key: found.median for key, found in report.compare(run, run).items()} == {"uplink": 1.0, "call": 1.0}


def test_two_runs_are_compared_by_the_far_ends_of_their_intervals(run: report.Document) -> None:
    earlier = json.loads(json.dumps(run))
    earlier["core"]["rows"][0]["number"] = {"median": 0.02, "low": 0.01, "high": 0.04}
    found = report.compare(run, earlier)["uplink"]
    assert (found.median, found.low, found.high) == pytest.approx((2.0, 1.0, 4.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", r"expected a file of 'sonicrtc bench --json' in format 1"),
        ('{"format": 2}', r"expected a file of 'sonicrtc bench --json' in format 1"),
        ('{"format": 1, "reference": "0"}', r"measured with reference '0', this suite has '1': the numbers do not"),
        ("{", r"cannot read .*run\.json: "),
    ],
)
def test_a_file_that_does_not_compare_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message):
        report.read(path)


@pytest.mark.parametrize("core", [{"rows": [{"key": "uplink"}]}, [], {"rows": 3}])
def test_a_run_that_lacks_its_numbers_is_told(run: report.Document, core: Any) -> None:
    with pytest.raises(ConfigError, match=r"the earlier run is not complete: .*; measure it again"):
        report.compare(run, {**run, "core": core})


def test_a_picture_is_svg_and_the_same_each_time(run: report.Document, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot.plot(run, tmp_path / name)
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("left_out", ["core", "call"])
def test_a_run_of_one_case_has_a_picture_too(run: report.Document, tmp_path: Path, left_out: str) -> None:
    del run[left_out]
    plot.plot(run, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 1000


def test_a_picture_without_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingExtraError, match=r"--plot needs the extra 'bench': pip install 'sonicrtc\[bench\]'"):
        plot.require()
