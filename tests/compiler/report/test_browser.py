"""The page in a real browser, headless: no error in its console, plots drawn, axes and points answering."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSER = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium (apt-get install chromium)")

# What a user does, done by a script at the end of the page; what they would see is written into its title.
HANDS = """<script>
const form = document.querySelector("form.axes"), point = document.querySelector("circle.point.baseline");
const before = point.getAttribute("cx") + "," + point.getAttribute("cy");
form.x.value = "nodes"; form.dispatchEvent(new Event("change"));
point.focus();
point.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", bubbles: true}));
const after = point.getAttribute("cx") + "," + point.getAttribute("cy");
const targets = [...document.querySelectorAll("a")].filter((a) => !document.querySelector(a.getAttribute("href")));
const drawn = [...document.querySelectorAll("svg")].filter((s) => s.getBBox().width > 40 && s.getBBox().height > 40);
const wide = document.documentElement.scrollWidth > window.innerWidth;
document.querySelectorAll("details").forEach((d) => { d.open = true; });
document.title = JSON.stringify({
  moved: before !== after, label: document.querySelector(".label-x").textContent,
  shown: document.querySelector(".shown").textContent, focus: document.activeElement.tagName,
  lost: targets.length, drawn: drawn.length, images: [...document.images].every((i) => i.naturalWidth > 0), wide,
  ink: getComputedStyle(document.body).color, paper: getComputedStyle(document.body).backgroundColor,
});
</script>"""


def browse(page: Path, *options: str) -> tuple[str, list[str]]:
    """The document after its scripts, and what went to the console."""
    done = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-extensions", "--no-first-run",
         f"--user-data-dir={page.parent / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=3000",
         *options, "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def handled(page: Path) -> Path:
    """The page with hands on it."""
    text = page.read_text(encoding="utf-8")
    changed = page.with_name("handled.html")
    changed.write_text(text.replace("</body>", HANDS + "</body>"), encoding="utf-8")
    return changed


def answers(dom: str) -> dict[str, object]:
    import html
    import json

    found = re.search(r"<title>(\{.*?\})</title>", dom)
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_on_a_desk(handled: Path) -> None:
    dom, console = browse(handled, "--window-size=1200,900")
    seen = answers(dom)
    assert console == []
    assert seen["moved"] and seen["label"] == "nodes" and seen["lost"] == 0
    assert "nodes" in str(seen["shown"]) and "agreement" in str(seen["shown"])
    assert seen["focus"] == "circle"
    assert int(str(seen["drawn"])) >= 5 and seen["images"]


@pytest.mark.parametrize(("scheme", "paper"), [("1", "rgb(255, 255, 255)"), ("0", "rgb(18, 22, 28)")])
def test_on_a_phone_in_light_and_dark(handled: Path, scheme: str, paper: str) -> None:
    dom, console = browse(handled, "--window-size=500,900", f"--blink-settings=preferredColorScheme={scheme}")
    seen = answers(dom)
    assert console == [] and not seen["wide"]
    assert seen["paper"] == paper and seen["ink"] != paper


def test_the_console_is_heard(page: Path, tmp_path: Path) -> None:
    """A page with an error is told apart from one without."""
    broken = tmp_path / "broken.html"
    broken.write_text(page.read_text(encoding="utf-8").replace("</body>", "<script>nothing()</script></body>"))
    assert any("nothing is not defined" in line for line in browse(broken)[1])
