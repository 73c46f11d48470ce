"""The data of a report's sections: what a build, a comparison or an exploration has to show, as plain values.

A section is a mapping that the template `page.html.j2` draws: `kind`, `title`, `anchor` and what that kind has.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from nc.compiler.builds import Build
from nc.compiler.comparing.figures import LABELS, Figure
from nc.compiler.driver.opened import Opened
from nc.compiler.report import drawing
from nc.compiler.report.graphs import boxes, layer_costs
from nc.compiler.report.pulses import pulse_plot
from nc.compiler.shown import shown

Section = dict[str, Any]
COMMANDS = ("eval", "simulate", "verify", "synth")
_HIDDEN = {"links", "ok", "first_mismatch", "cell_types", "variants", "layers", "mapping", "cell_counts", "cells",
           "area_by_layer_cm2", "jj", "budgets_met", "adc", "violations", "metrics", "accuracy_by_ticks"}  # fmt: skip
"""Fields with a place of their own on the page, or for machines."""


def build_section(folder: Path, anchor: str) -> Section:
    """Everything about one build: verified when it is opened."""
    opened = Opened.of(folder)
    manifest, reports = opened.build.manifest, opened.build.reports()
    found = {name: _mapping(reports.get(name)) for name in COMMANDS}
    estimate = manifest.estimate
    return {
        "kind": "build",
        "title": f"{manifest.source['name']} on {manifest.target}",
        "anchor": anchor,
        "target": manifest.target,
        "summary": _summary(opened.build, found),
        "graph": drawing.graph(boxes(opened.integer)),
        "bars": _bars(estimate, opened.integer),
        "pictures": [*_pictures(opened.build), *_mesh(estimate), *pulse_plot(folder)],
        "links": found["verify"].get("links"),
        "mismatch": _mismatch(found["simulate"].get("first_mismatch")),
        "figures": [(name, _rows(values)) for name, values in (("estimate", estimate), *found.items()) if values],
        "missing": [name for name in COMMANDS if not found[name]],
        "versions": {"nc": manifest.tool, **manifest.libraries},
        "reproduce": _reproduce(opened.build),
        "options": yaml.safe_dump(dict(manifest.options), sort_keys=False, allow_unicode=True),
    }


def comparison_section(found: Mapping[str, Any], anchor: str, anchors: Mapping[str, str]) -> Section:
    """The table of a comparison; a column links to the build's own section."""
    targets = found["targets"]
    rows = []
    for name, words in LABELS.items():
        if any(name in t["figures"] for t in targets):
            rows.append((words, [_cell(t["figures"].get(name)) for t in targets]))
    return {
        "kind": "comparison",
        "title": f"{found['model']['name']} on {sum(t['supported'] for t in targets)} technologies",
        "anchor": anchor,
        "data": found["data"],
        "calibration": found["calibration"],
        "targets": [
            {
                "target": str(t["target"]),
                "supported": t["supported"],
                "reason": t["reason"],
                "mismatch": _mismatch(t.get("first_mismatch")),
                "anchor": anchors.get(t["target"], ""),
                "verdict": _verdict(t),
            }
            for t in targets
        ],
        "rows": rows,
        "versions": {"nc": found.get("tool", ""), **found.get("libraries", {})},
    }


def exploration_section(found: Mapping[str, Any], anchor: str) -> Section:
    """Every measured point, the front among them, and the options as they were."""
    front = [_point(p, "front") for p in found["front"]]
    on_front = [json.dumps(p["options"], sort_keys=True) for p in found["front"]]
    others = [_point(p, "other") for p in found["points"]
              if p.get("metrics") and json.dumps(p["options"], sort_keys=True) not in on_front]  # fmt: skip
    base = found["baseline"]
    points = [*front, *others]
    if base.get("metrics"):
        points.append(_point({"options": {}, **base}, "baseline"))
    x, y = _axes(found, points)
    far = [p for p in points if x in p["metrics"] and y in p["metrics"]]
    drawn = [
        (p["metrics"][x], p["metrics"][y], f"{p['name']}: {x} {shown(p['metrics'][x])}, {y} {shown(p['metrics'][y])}",
         p["class"])
        for p in far
    ]  # fmt: skip
    names = sorted(set.intersection(*(set(p["metrics"]) for p in far))) if far else []
    refused = [p for p in found["points"] if p.get("error")]
    return {
        "kind": "exploration",
        "title": f"Exploration of {_asked(found)}: {found['trials']} points, {len(front)} of them best",
        "anchor": anchor,
        "plot": drawing.pareto(drawn, x, y) if drawn else "",
        "points": far,
        "stopped": len(points) - len(far),
        "judged": _judged(found),
        "metrics": names,
        "x": x,
        "y": y,
        "columns": _columns(points),
        "options": list(dict.fromkeys(k for p in points for k in p["options"])),
        "refused": [(_words(p["options"]), p["error"]) for p in refused],
    }


def _summary(build: Build, found: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    evaluation, simulation, links = found["eval"], found["simulate"], found["verify"].get("links") or []
    rows = [("target", build.target), ("model", str(build.manifest.source["name"]))]
    if calibration := build.manifest.calibration:
        rows.append(("calibrated with", str(calibration["name"])))
    for name, words in (("accuracy", "accuracy"), ("float_accuracy", "accuracy of the float model"),
                        ("agreement", "agreement with the float model")):  # fmt: skip
        if evaluation.get(name) is not None:
            rows.append((words, f"{shown(evaluation[name])} on {evaluation['samples']:,} samples"))
    if simulation:
        rows.append(("hardware", f"{simulation['vectors']:,} vectors in {simulation['engine']}, "
                     f"{simulation['mismatches']} mismatches"))  # fmt: skip
    if links:
        rows.append(("verification", _verdict({"links": links, "supported": True})))
    return rows


def _verdict(target: Mapping[str, Any]) -> str:
    if not target["supported"]:
        return "not taken"
    checked = [k["verdict"] for k in target["links"] if k["verdict"] in ("equal", "different")]
    broken = checked.count("different")
    return f"{broken} of {len(checked)} links broken" if broken else f"all {len(checked)} links equal"


def _bars(estimate: Mapping[str, Any], model: Any) -> list[tuple[str, list[tuple[str, float, str]]]]:
    """Costs by layer or kind: (title, rows of (name, share of the largest, words))."""
    found = []
    layers = estimate.get("layers")
    if isinstance(layers, list) and layers and "cycles" in layers[0]:
        found.append(("Cycles by layer", [(str(r["layer"]), float(r["cycles"])) for r in layers]))
        if "energy_nj" in layers[0]:
            found.append(("Energy by layer, nJ", [(str(r["layer"]), float(r["energy_nj"])) for r in layers]))
    if area := _mapping(estimate.get("area_by_layer_cm2")):
        found.append(("Area by layer, cm²", [(k, float(v)) for k, v in area.items()]))
    if junctions := _mapping(estimate.get("jj")):
        rows = [(k, float(v)) for k, v in junctions.items() if k != "total" and v]
        found.append((f"Josephson junctions by purpose ({shown(junctions.get('total', 0))})", rows))
    memory = estimate.get("memory_bits")
    if isinstance(memory, Mapping):
        found.append(("Memory by purpose, bits", [(k, float(v)) for k, v in memory.items()]))
    if costs := layer_costs(model):
        found.append(("Constants by layer", [(name, float(size)) for name, size, _ in costs]))
        found.append(("Non-zero signed digits of the constants by layer: adders before anything is shared",
                      [(name, float(digits)) for name, _, digits in costs]))  # fmt: skip
    return [(title, _shares(rows)) for title, rows in found if rows]


def _shares(rows: Sequence[tuple[str, float]]) -> list[tuple[str, float, str]]:
    most = max((v for _, v in rows), default=0.0) or 1.0
    return [(name, 100 * value / most, shown(int(value) if value.is_integer() else value)) for name, value in rows]


def _pictures(build: Build) -> list[tuple[str, str]]:
    """Drawings that the build holds (schedules, area), as images: files of a build are shown, never run."""
    names = sorted(n for n in build.manifest.files if n.endswith(".svg"))
    found = []
    for name in names:
        data = base64.b64encode((build.folder / name).read_bytes()).decode()
        title = "Schedule of a node: neurons over cycles" if name.startswith("schedule/") else "Drawing"
        found.append((f"{title} ({name})", f'<img alt="{title}" src="data:image/svg+xml;base64,{data}">'))
    return found


def _mesh(estimate: Mapping[str, Any]) -> list[tuple[str, str]]:
    mapping = _mapping(estimate.get("mapping"))
    if not mapping:
        return []
    title = f"Mesh of {mapping['cores']} cores, neurons each; {shown(mapping['mean_hops'])} hops a spike"
    return [(title, drawing.mesh(mapping["cells"], mapping["mesh"]))]


def _mismatch(first: object) -> str:
    if not isinstance(first, Mapping):
        return ""
    return str(first.get("text") or ", ".join(f"{k} {v}" for k, v in first.items() if v is not None))


def _rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    kept = {k: v for k, v in values.items() if k not in _HIDDEN and v is not None and v != {} and v != []}
    return [(name.replace("_", " "), shown(value)) for name, value in kept.items()]


def _reproduce(build: Build) -> list[str]:
    source, calibration = build.manifest.source, build.manifest.calibration
    data = f" --calib {calibration['name']}" if calibration else ""
    lines = [f"nc compile {source['name']} -o build --target {build.target}{data} --config nc.yaml",
             "nc verify build", f"# {source['name']}: SHA-256 {source['sha256']}"]  # fmt: skip
    if calibration:
        lines.append(f"# {calibration['name']}: SHA-256 {calibration['sha256']}")
    return lines


def _cell(found: Mapping[str, Any] | None) -> dict[str, str]:
    if found is None:
        return {"text": "", "basis": "", "link": "", "verdict": ""}
    figure = Figure(found["value"], found["unit"], found["basis"], found["link"])
    return {"text": str(figure), "basis": figure.basis, "link": figure.link, "verdict": found.get("verdict") or ""}


def _point(found: Mapping[str, Any], kind: str) -> dict[str, Any]:
    words = _words(found["options"]) if found["options"] else "default options"
    test = {f"test_{k}": v for k, v in found.get("test", {}).items() if k != "samples" and v is not None}
    return {"name": words, "class": kind, "options": found["options"], "metrics": {**found["metrics"], **test}}


def _asked(found: Mapping[str, Any]) -> str:
    return f"{found.get('model', 'a model')} on {found.get('target', 'a target')}"


def _judged(found: Mapping[str, Any]) -> str:
    """On what data, by what rules and how far the points were measured."""
    said = [f"Judged on {found['data']}"] if found.get("data") else []
    said += [f"the result on {found['test']} when the search was over"] if found.get("test") else []
    said += [" and ".join(found["constraints"])] if found.get("constraints") else []
    said += [f"measured by {found['fidelity']}"] if found.get("fidelity") else []
    return "; ".join(said)


def _words(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {shown(v)}" for k, v in options.items())


def _axes(found: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The cost across and the quality up: the exploration's objectives where it names two."""
    wanted = list(found.get("objectives", {}))
    metrics = [k for k in (points[0]["metrics"] if points else {}) if all(k in p["metrics"] for p in points[:1])]
    quality = next((k for k in ("accuracy", "agreement") if k in metrics), next(iter(metrics), ""))
    if len(wanted) >= 2:
        quality = next((k for k, d in found["objectives"].items() if d == "max"), wanted[0])
        return next(k for k in wanted if k != quality), quality
    cost = next((k for k in ("luts", "area_cm2", "adder_bits") if k in metrics), quality)
    return cost, quality


def _columns(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Figures that differ between points, the common ones first."""
    quality = ["accuracy", "agreement", "test_accuracy", "test_standard_error"]
    common = [*quality, "luts", "ffs", "fmax_mhz", "area_cm2", "latency_cycles", "adder_bits"]
    return [k for k in common if len({p["metrics"].get(k) for p in points}) > 1]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
