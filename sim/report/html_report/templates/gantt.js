// The Gantt of a report: a roll-up over all runs whose rows open to their parts, down to the work of the typical run.
const gantt = (() => {
  const { make, element, tone, number, dated, finished, dateTicks, fixedItem } = basics;
  const HIGH = 22, AXIS = 46, NAMES = { desk: 208, phone: 110 }, NARROWEST = 160;
  let place, plan, hatches = 0;
  const open = new Set();

  // --- what a row is made of ---
  // never: a P50 or P80, where too many runs stall
  const begun = (day) => day === null ? "never" : dated(plan.start, day);
  const ended = (day) => day === null ? "never" : finished(plan.start, day);
  const period = (begin, end) => `${begun(begin)} to ${ended(end)}`;
  function shade(share) {  // grey to red, as in the picture
    const k = share < 0.5 ? 0 : 1, t = 2 * share - k;
    const part = (colour, at) => parseInt(colour.slice(1 + 2 * at, 3 + 2 * at), 16);
    const [from, to] = [plan.shades[k], plan.shades[k + 1]];
    return `rgb(${[0, 1, 2].map((at) => Math.round(part(from, at) + (part(to, at) - part(from, at)) * t)).join(" ")})`;
  }
  const scaleOf = (width) => (value) => (value - plan.range[0]) / (plan.range[1] - plan.range[0]) * width;
  function box(sx, begin, end, y, height, has, narrowest = 1) {
    return make("rect", { x: sx(begin), y, width: Math.max(sx(end) - sx(begin), narrowest), height, ...has });
  }
  const targetLine = (sx, high) => make("line", {
    class: "today", x1: sx(plan.target), x2: sx(plan.target), y1: 0, y2: high, "stroke-dasharray": "5 3",
  });
  function emptyTrack(width, label) {
    const has = { viewBox: `0 0 ${width} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": label };
    const svg = make("svg", has), sx = scaleOf(width);
    for (const [at] of dateTicks(plan.start, ...plan.range, width)) {
      svg.append(make("line", { class: "grid", x1: sx(at), x2: sx(at), y1: 0, y2: HIGH }));
    }
    if (plan.target !== null) { svg.append(targetLine(sx, HIGH)); }
    if (plan.today !== null) { svg.append(make("line", { class: "today", x1: sx(plan.today), x2: sx(plan.today), y1: 0, y2: HIGH })); }
    return [svg, sx];
  }
  // of a project under way what is done is solid and what remains is hatched
  function split(sx, begin, end, y, height, look, narrowest = 1) {
    const today = plan.today;
    if (today === null) { return [box(sx, begin, end, y, height, look, narrowest)]; }
    const parts = [];
    if (begin < today) { parts.push(box(sx, begin, Math.min(end, today), y, height, { ...look, "data-done": "actual" }, narrowest)); }
    if (end > today) {
      const { defs, fill } = hatch(look.fill), has = { ...look, fill, "data-done": "remaining" };
      parts.push(defs, box(sx, Math.max(begin, today), end, y, height, has, narrowest));
    }
    return parts;
  }

  // --- a row over all runs ---
  function words(row) {
    const span = row.milestone ? `P50 ${ended(row.end)}` : `P50 from ${period(row.begin, row.end)}`;
    const critical = row.milestone ? "" : `, critical in ${number(100 * row.critical)} % of runs`;
    const planned = row.plan ? `; expected plan ${row.milestone ? ended(row.plan[1]) : period(...row.plan)}` : "";
    return `${row.name}: ${span}, P80 of its end ${ended(row.p80)}${critical}${planned}`;
  }
  function rolledUp(row, width) {
    const [svg, sx] = emptyTrack(width, words(row));
    svg.append(make("title", {}, words(row)), ...(row.milestone ? milestone(row, sx) : barOf(row, sx)));
    return svg;
  }
  function milestone(row, sx) {
    const x = sx(row.end ?? plan.range[1]), end = sx(row.p80 ?? plan.range[1]), parts = [];
    if (row.end !== null) {
      parts.push(make("line", { class: "whisker", x1: x, x2: end, y1: 11, y2: 11 }));
      parts.push(make("path", { d: `M${x - 6} 11L${x} 5L${x + 6} 11L${x} 17Z`, fill: tone("ink") }));
    }
    if (row.plan) { parts.push(make("path", { d: `M${sx(row.plan[1])} 3V19`, stroke: tone("ink"), "stroke-width": 2 })); }
    return parts;
  }
  function barOf(row, sx) {
    const look = { fill: shade(row.critical), stroke: tone("muted"), "stroke-width": 0.6 };
    const parts = row.plan ? [box(sx, ...row.plan, 2, 3, { fill: tone("ink") })] : [];
    parts.push(...split(sx, row.begin, row.end, 7, row.level ? 10 : 6, look));
    if (row.p80 > row.end) {
      parts.push(make("path", { class: "whisker", d: `M${sx(row.end)} 12H${sx(row.p80)}M${sx(row.p80)} 9v6` }));
    }
    return parts;
  }

  // --- a unit in the typical run: its work, and hatched what it waited for ---
  function worked([name, works, waits], width) {
    const [svg, sx] = emptyTrack(width, `${name}: ${works.length} pieces of work in the typical run`);
    for (const [begin, end, cause, what] of waits) {
      const { defs, fill } = hatch(tone(`cause-${cause}`)), bar = box(sx, begin, end, 7, 8, { fill }, 0.5);
      bar.append(make("title", {}, `waits for ${what}, ${period(begin, end)}`));
      svg.append(defs, bar);
    }
    for (const [begin, end, cause, what] of works) {
      for (const bar of split(sx, begin, end, 5, 12, { fill: tone(`cause-${cause}`) }, 0.8)) {
        if (bar.tagName === "rect") { bar.append(make("title", {}, `${what}, ${period(begin, end)}`)); }
        svg.append(bar);
      }
    }
    return svg;
  }
  function hatch(colour) {
    hatches += 1;
    const id = `hatch-${hatches}`, defs = make("defs");
    const has = { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
    const pattern = make("pattern", has);
    pattern.append(make("rect", { width: 2, height: 5, fill: colour }));
    defs.append(pattern);
    return { defs, fill: `url(#${id})` };
  }

  // --- rows of the page ---
  function line(level, label, svg, isOpening = false) {
    const row = element("div", { className: `gantt-row l${level}` });
    const head = isOpening ? opener(label) : element("span", {}, label);
    head.title = label;
    row.append(head, svg);
    return row;
  }
  function opener(label) {
    const button = element("button", { type: "button" }, `${open.has(label) ? "▾" : "▸"} ${label}`);
    button.setAttribute("aria-expanded", String(open.has(label)));
    button.addEventListener("click", () => {
      if (!open.delete(label)) { open.add(label); }
      draw();
      // drawn anew, so the focus goes to the button that took this one's place
      [...place.querySelectorAll("button")].find((one) => one.textContent.slice(2) === label).focus();
    });
    return button;
  }
  function axis(width) {
    const svg = make("svg", { viewBox: `0 0 ${width} ${AXIS}`, "aria-hidden": "true" }), sx = scaleOf(width);
    for (const [at, month, year] of dateTicks(plan.start, ...plan.range, width)) {
      const x = Math.min(Math.max(sx(at), 14), width - 14), middle = { x, "text-anchor": "middle" };
      svg.append(make("text", { ...middle, y: 28 }, month), make("text", { ...middle, y: 42 }, year));
    }
    if (plan.target !== null) {
      const isLate = sx(plan.target) > width * 0.6, x = sx(plan.target) + (isLate ? -4 : 4);
      const has = { x, y: 12, "text-anchor": isLate ? "end" : "start", class: "mark" };
      svg.append(make("text", has, `target ${plan.target_text}`), targetLine(sx, AXIS));
    }
    return line(0, "", svg);
  }
  function legend() {
    const bar = (share) => make("rect", { x: 1, y: 1, width: 20, height: 10, fill: shade(share), stroke: tone("muted") });
    const list = element("ul", { className: "legend" });
    list.append(
      fixedItem("expected plan", make("rect", { x: 1, y: 5, width: 20, height: 3, fill: tone("ink") })),
      fixedItem("P50 of begin to P50 of end", bar(0)),
      fixedItem("critical in half of the runs", bar(0.5)),
      fixedItem("critical in all runs", bar(1)),
      fixedItem("until P80 of end", make("path", { class: "whisker", d: "M1 6H20M20 2v8" })),
      fixedItem("milestone, P50", basics.diamond("ink")),
    );
    if (plan.target !== null) {
      list.append(fixedItem("target", make("path", { d: "M11 0V12", class: "today", "stroke-dasharray": "4 2" })));
    }
    if (plan.today !== null) {
      const { defs, fill } = hatch(tone("muted"));
      const half = { y: 1, width: 10, height: 10, stroke: tone("muted") };
      const solid = make("rect", { ...half, x: 1, fill: tone("muted") }), hatched = make("rect", { ...half, x: 11, fill });
      list.append(fixedItem("solid: actual, hatched: remaining", defs, solid, hatched));
      list.append(fixedItem(`data date ${begun(plan.today - 1)}`, make("path", { d: "M11 0V12", class: "today" })));
    }
    return list;
  }
  function tools() {
    const box = element("div", { className: "gantt-tools" });
    const add = (text, change) => {
      const button = element("button", { type: "button" }, text);
      button.addEventListener("click", () => { change(); draw(); });
      box.append(button);
    };
    add("Halls and blocks", () => plan.rows.filter((row) => row.level < 2).forEach((row) => open.add(row.name)));
    add("Roll-up only", () => open.clear());
    return box;
  }

  // --- all of it ---
  function* shownRows(width) {
    const parents = new Set(plan.rows.map((row) => row.parent));
    let parent = "";
    for (const row of plan.rows) {
      if (row.level === 2 && !open.has(parent)) { continue; }
      if (row.level === 1) { parent = row.name; }
      const units = plan.works[row.name];
      yield line(row.level, row.name, rolledUp(row, width), Boolean(units) || parents.has(row.name));
      if (!units || !open.has(row.name)) { continue; }
      for (const unit of units) { yield line(3, unit[0], worked(unit, width)); }
    }
  }
  function draw(room = 0) {
    const names = innerWidth < 640 ? NAMES.phone : NAMES.desk;
    const width = room || Math.max(NARROWEST, place.clientWidth - names), head = axis(width);
    head.classList.add("gantt-axis");
    place.replaceChildren(legend(), tools(), head, ...shownRows(width));
  }
  function start(holder, found) {
    place = holder;
    plan = found;
    draw();
  }
  return { start, draw };
})();
