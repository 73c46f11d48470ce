"""The page as a document: whole, well formed, without requests, every link leading somewhere, every kind shown."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nc.compiler.cli.main import run
from nc.compiler.report.report import report
from nc.ir.diagnostics import NcError

VOID = {"meta", "link", "img", "br", "input"}


class Document(HTMLParser):
    """What a page holds: ids, links, sources, text; a stack that must end empty."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if found.get("id") else []
        self.links += [found["href"]] if tag == "a" else []
        self.sources += [
            v for k, v in attrs if v and (k in ("src", "srcset", "data") or (tag == "link" and k == "href"))
        ]
        assert tag != "img" or found.get("alt"), "a picture must have words"
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-3:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def document(page: Path) -> Document:
    return Document(page.read_text(encoding="utf-8"))


def test_it_is_whole_and_asks_for_nothing(page: Path, document: Document) -> None:
    assert all(source.startswith("data:") for source in document.sources)
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    outside = re.findall(r"""(?:url\(|@import|(?:src|href)=["'])\s*["']?(https?:|//)""", text)
    assert not outside and len(text) < 1_000_000


def test_links_and_ids(document: Document) -> None:
    assert len(set(document.ids)) == len(document.ids)
    assert len(document.links) >= 8
    assert {link.removeprefix("#") for link in document.links} <= set(document.ids)


@pytest.mark.parametrize(
    "words",
    [
        "tiny.onnx on 1 technologies",  # comparison
        "threshold does not take this network. NC711: activations on the array must have at most 31 steps "
        "(5 bits), not 192 (r)",
        "all 4 links equal",
        "logic ≡ SFQ netlist (SAT proof by ABC, balancing as wires)",
        "Exploration of tiny.onnx on fpga: 4 points",
        "Judged on data.npz; measured by estimate.",
        "Josephson junctions by purpose",
        "Pulses of 4 vectors, one a period of",
        "Mesh of 2 cores, neurons each",
        "Schedule of a node: neurons over cycles (schedule/node_",
        "Cycles by layer",
        "Non-zero signed digits of the constants by layer",
        "Nothing was verified yet: run nc verify BUILD .",
        "Not run yet: nc eval , nc simulate , nc verify , nc synth .",
        "nc compile tiny.onnx -o build --target sfq --calib data.npz --config nc.yaml",
        "2 bits, 0…3",  # the input with its range
    ],
)
def test_every_kind_is_shown(document: Document, words: str) -> None:
    assert words in document.text


def test_the_exploration_can_be_redrawn(page: Path) -> None:
    found = re.search(r'type="application/json" id="s1-points">(.*?)</script>', page.read_text(encoding="utf-8"), re.S)
    assert found is not None
    points = json.loads(found[1])
    assert len(points) == page.read_text().count('class="point ') and points[-1]["class"] == "baseline"
    assert {p["class"] for p in points} == {"front", "other", "baseline"}


def test_names_from_outside_are_text(results: Path, tmp_path: Path) -> None:
    """A result file is data: what it holds cannot become markup or script."""
    found = json.loads((results / "search" / "results.json").read_text())
    found["front"][0]["options"] = {"x</script><script>alert(1)</script>": "<img src=x onerror=alert(2)>"}
    (tmp_path / "results.json").write_text(json.dumps(found))
    text = report(tmp_path, tmp_path / "page.html").page.read_text()
    assert "<script>alert" not in text and "<img src=x" not in text
    Document(text)


def test_a_broken_link_is_seen(results: Path, tmp_path: Path) -> None:
    found = json.loads((results / "comparison" / "comparison.json").read_text())
    found["targets"][0]["links"][1]["verdict"] = "different"
    found["targets"][0]["first_mismatch"] = {"text": "vector 3 (y[1]): expected 5, got 4"}
    (tmp_path / "comparison.json").write_text(json.dumps(found))
    text = Document(report(tmp_path, tmp_path / "page.html").page.read_text()).text
    assert "1 of 4 links broken" in text and "sfq, first mismatch: vector 3 (y[1]): expected 5, got 4" in text


def test_command(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(results / "mesh"), "-o", str(tmp_path / "r.html"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sections"] == ["tiny.onnx on neuromorphic"]
    assert found["bytes"] == (tmp_path / "r.html").stat().st_size


def test_folders_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(NcError) as caught:
        report(tmp_path / "none", tmp_path / "page.html")
    assert str(caught.value) == (
        "error[NC423]: nc report must be given builds, comparisons or explorations, not missing\n"
        f"  --> {tmp_path / 'none'}\n  help: nc compile, nc compare and nc explore write them"
    )
    for name, text in (("results.json", "{}"), ("comparison.json", "[1]"), ("results.json", "nonsense")):
        (tmp_path / name).write_text(text)
        with pytest.raises(NcError, match="NC424"):
            report(tmp_path, tmp_path / "page.html")
        (tmp_path / name).unlink()
    assert not (tmp_path / "page.html").exists()


def test_results_in_a_notebook(results: Path) -> None:
    from nc.compiler import Build
    from nc.compiler.exploring.results import Exploration

    found = json.loads((results / "search" / "results.json").read_text())
    fields = {k: found.pop(k) for k in ("trials", "front", "baseline", "points", "seconds")}
    for shown in (Build.open(results / "array"), Exploration(**fields, asked=found)):
        frame = shown._repr_html_()
        assert frame.startswith('<iframe title="nc report" sandbox="allow-scripts"')
        Document(html.unescape(frame.partition('srcdoc="')[2].removesuffix('"></iframe>')))
