// The Gantt of a report: a roll-up over all runs whose rows open to their parts, down to the work of the typical run.
const gantt = (() => {
  const { make, element, dateTicks, dated, number, tone } = charts, HIGH = 22;
  let place, plan, open = new Set(), patterns = 0;
  const mixed = (share) => {  // grey to red, as in the picture
    const [a, b] = share < 0.5 ? [plan.shades[0], plan.shades[1]] : [plan.shades[1], plan.shades[2]], t = share < 0.5 ? 2 * share : 2 * share - 1;
    const part = (colour, k) => parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16);
    return `rgb(${[0, 1, 2].map((k) => Math.round(part(a, k) + (part(b, k) - part(a, k)) * t)).join(" ")})`;
  };
  const day = (value) => dated(plan.start, value);
  const track = (width, label) => {
    const svg = make("svg", { viewBox: `0 0 ${width} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
    const sx = (v) => (v - plan.range[0]) / (plan.range[1] - plan.range[0]) * width;
    for (const [at] of dateTicks(plan.start, ...plan.range, width)) { svg.append(make("line", { class: "grid", x1: sx(at), x2: sx(at), y1: 0, y2: HIGH })); }
    if (plan.target !== null) { svg.append(make("line", { class: "today", x1: sx(plan.target), x2: sx(plan.target), y1: 0, y2: HIGH, "stroke-dasharray": "5 3" })); }
    return [svg, sx];
  };
  const words = (row) => `${row.name}: P50 from ${day(row.begin)} to ${day(row.end)}, P80 of its end ${day(row.p80)}, critical in ${number(100 * row.critical)} % of runs${row.plan ? `; expected plan ${day(row.plan[0])} to ${day(row.plan[1])}` : ""}`;
  function drawn(row, width) {
    const [svg, sx] = track(width, words(row));
    svg.append(make("title", {}, words(row)));
    if (row.milestone) {
      const x = sx(row.end), far = sx(row.p80);
      svg.append(make("line", { class: "whisker", x1: x, x2: far, y1: 11, y2: 11 }), make("path", { d: `M${x - 6} 11L${x} 5L${x + 6} 11L${x} 17Z`, fill: tone("ink") }));
      if (row.plan) { svg.append(make("path", { d: `M${sx(row.plan[1])} 3V19`, stroke: tone("ink"), "stroke-width": 2 })); }
      return svg;
    }
    if (row.plan) { svg.append(make("rect", { x: sx(row.plan[0]), y: 2, width: Math.max(sx(row.plan[1]) - sx(row.plan[0]), 1), height: 3, fill: tone("ink") })); }
    svg.append(make("rect", { x: sx(row.begin), y: 7, width: Math.max(sx(row.end) - sx(row.begin), 1), height: row.level ? 10 : 6, fill: mixed(row.critical), stroke: tone("muted"), "stroke-width": 0.6 }));
    if (row.p80 > row.end) { svg.append(make("path", { class: "whisker", d: `M${sx(row.end)} 12H${sx(row.p80)}M${sx(row.p80)} 9v6` })); }
    return svg;
  }
  function worked(unit, width) {
    const [name, works, waits] = unit, [svg, sx] = track(width, `${name}: ${works.length} pieces of work in the typical run`);
    for (const [begin, end, cause, what] of waits) {
      const id = `hatch-${patterns += 1}`, defs = make("defs"), hatch = make("pattern", { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
      hatch.append(make("rect", { width: 2, height: 5, fill: tone(`cause-${cause}`) })); defs.append(hatch);
      const bar = make("rect", { x: sx(begin), y: 7, width: Math.max(sx(end) - sx(begin), 0.5), height: 8, fill: `url(#${id})` });
      bar.append(make("title", {}, `waits for ${what}, ${day(begin)} to ${day(end)}`)); svg.append(defs, bar);
    }
    for (const [begin, end, cause, what] of works) {
      const bar = make("rect", { x: sx(begin), y: 5, width: Math.max(sx(end) - sx(begin), 0.8), height: 12, fill: tone(`cause-${cause}`) });
      bar.append(make("title", {}, `${what}, ${day(begin)} to ${day(end)}`)); svg.append(bar);
    }
    return svg;
  }
  const line = (level, label, svg, toggle) => {
    const row = element("div", { className: `gantt-row l${level}` });
    let head = element("span", {}, label);
    if (toggle) {
      head = element("button", { type: "button" }, `${open.has(label) ? "▾" : "▸"} ${label}`);
      head.setAttribute("aria-expanded", String(open.has(label)));
      head.addEventListener("click", () => { if (!open.delete(label)) { open.add(label); } draw(); [...place.querySelectorAll("button")].find((one) => one.textContent.slice(2) === label).focus(); });
    }
    head.title = label;
    row.append(head, svg);
    return row;
  };
  function axis(width) {
    const svg = make("svg", { viewBox: `0 0 ${width} 46`, "aria-hidden": "true" });
    const sx = (v) => (v - plan.range[0]) / (plan.range[1] - plan.range[0]) * width;
    for (const [at, month, year] of dateTicks(plan.start, ...plan.range, width)) {
      const x = Math.min(Math.max(sx(at), 14), width - 14);
      svg.append(make("text", { x, y: 28, "text-anchor": "middle" }, month), make("text", { x, y: 42, "text-anchor": "middle" }, year));
    }
    if (plan.target !== null) {
      const late = sx(plan.target) > width * 0.6;
      svg.append(make("text", { x: sx(plan.target) + (late ? -4 : 4), y: 12, "text-anchor": late ? "end" : "start", class: "mark" }, `target ${plan.target_text}`), make("line", { class: "today", x1: sx(plan.target), x2: sx(plan.target), y1: 0, y2: 46, "stroke-dasharray": "5 3" }));
    }
    return svg;
  }
  function legend() {
    const list = element("ul", { className: "legend" });
    const item = (text, ...parts) => { const one = element("li", { className: "fixed" }), key = make("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" }); key.append(...parts); one.append(key, text); list.append(one); };
    item("expected plan", make("rect", { x: 1, y: 5, width: 20, height: 3, fill: tone("ink") }));
    item("P50 of begin to P50 of end", make("rect", { x: 1, y: 1, width: 20, height: 10, fill: mixed(0), stroke: tone("muted") }));
    item("critical in half of the runs", make("rect", { x: 1, y: 1, width: 20, height: 10, fill: mixed(0.5), stroke: tone("muted") }));
    item("critical in all runs", make("rect", { x: 1, y: 1, width: 20, height: 10, fill: mixed(1), stroke: tone("muted") }));
    item("until P80 of end", make("path", { class: "whisker", d: "M1 6H20M20 2v8" }));
    item("milestone, P50", make("path", { d: "M5 6L11 0L17 6L11 12Z", fill: tone("ink") }));
    if (plan.target !== null) { item("target", make("path", { d: "M11 0V12", class: "today", "stroke-dasharray": "4 2" })); }
    return list;
  }
  function tools() {
    const box = element("div", { className: "gantt-tools" });
    const button = (text, change) => { const one = element("button", { type: "button" }, text); one.addEventListener("click", () => { change(); draw(); }); box.append(one); };
    button("Halls and blocks", () => { plan.rows.forEach((row) => { if (row.level < 2) { open.add(row.name); } }); });
    button("Roll-up only", () => open.clear());
    return box;
  }
  function draw(room = 0) {
    const width = room || Math.max(160, place.clientWidth - (innerWidth < 640 ? 110 : 208)), rows = [line(0, "", axis(width))];
    rows[0].classList.add("gantt-axis");
    let parent = "";
    for (const row of plan.rows) {
      if (row.level === 2 && !open.has(parent)) { continue; }
      if (row.level === 1) { parent = row.name; }
      const units = plan.works[row.name], parts = plan.rows.some((one) => one.parent === row.name);
      rows.push(line(row.level, row.name, drawn(row, width), Boolean(units) || parts));
      if (units && open.has(row.name)) { for (const unit of units) { rows.push(line(3, unit[0], worked(unit, width))); } }
    }
    place.replaceChildren(legend(), tools(), ...rows);
  }
  const start = (holder, found) => { place = holder; plan = found; draw(); };
  return { start, draw };
})();
