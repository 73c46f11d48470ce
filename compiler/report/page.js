// The Pareto plots: other axes, and a point's options in words. Everything else on the page works without a script.
"use strict";
for (const form of document.querySelectorAll("form.axes")) {
  const id = form.dataset.plot;
  const points = JSON.parse(document.getElementById(id + "-points").textContent);
  const svg = document.querySelector("#" + id + "-plot svg");
  const shown = document.getElementById(id + "-shown");
  const marks = [...svg.querySelectorAll(".point")];
  const box = {left: 72, right: 624, top: 16, bottom: 308};
  const number = (value) => Number(value.toPrecision(4)).toLocaleString("en-US", {maximumSignificantDigits: 4});

  const axis = (name) => {
    const values = points.map((p) => p.metrics[name]);
    const low = Math.min(...values), high = Math.max(...values);
    return high > low ? [low, high] : [low - 0.5, high + 0.5];
  };

  const choose = (index) => {
    marks.forEach((mark, k) => mark.classList.toggle("chosen", k === index));
    const point = points[index];
    const figures = [form.x.value, form.y.value].map((name) => name + " " + number(point.metrics[name]));
    shown.textContent = [point.name, ...figures].join(" · ");
  };

  const draw = () => {
    const x = form.x.value, y = form.y.value;
    const across = axis(x), up = axis(y);
    const place = (value, [low, high], from, to) => from + (to - from) * (value - low) / (high - low);
    marks.forEach((mark, k) => {
      const point = points[k];
      mark.setAttribute("cx", place(point.metrics[x], across, box.left, box.right));
      mark.setAttribute("cy", place(point.metrics[y], up, box.bottom, box.top));
      const words = point.name + ": " + x + " " + number(point.metrics[x]) + ", " + y + " " + number(point.metrics[y]);
      mark.setAttribute("aria-label", words);
      mark.querySelector("title").textContent = words;
    });
    svg.querySelectorAll(".tick-x").forEach((t, k) => { t.textContent = number(across[0] + (across[1] - across[0]) * k / 4); });
    svg.querySelectorAll(".tick-y").forEach((t, k) => { t.textContent = number(up[0] + (up[1] - up[0]) * k / 4); });
    svg.querySelector(".label-x").textContent = x;
    svg.querySelector(".label-y").textContent = y;
  };

  form.addEventListener("change", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  marks.forEach((mark, k) => {
    mark.addEventListener("focus", () => choose(k));
    mark.addEventListener("pointerenter", () => choose(k));
    mark.addEventListener("keydown", (event) => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      if (step) {
        event.preventDefault();
        marks[(k + step + marks.length) % marks.length].focus();
      }
    });
  });
}
