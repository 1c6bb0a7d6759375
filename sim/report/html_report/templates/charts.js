"use strict";
// Draws the charts of a report as SVG: each from a description in the page's data, as wide as there is room.
const charts = (() => {
  const NS = "http://www.w3.org/2000/svg", DAY = 86400000, MINUS = "\u2212";
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const make = (tag, has = {}, text) => {
    const one = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(has)) { one.setAttribute(name, value); }
    if (text !== undefined) { one.textContent = text; }
    return one;
  };
  const element = (tag, has = {}, text) => {
    const one = Object.assign(document.createElement(tag), has);
    if (text !== undefined) { one.textContent = text; }
    return one;
  };
  const measure = document.createElement("canvas").getContext("2d");
  const widthOf = (text, size = 12, weight = "") => {
    measure.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
    return measure.measureText(text).width;
  };

  // --- numbers and dates ---
  const number = (value, digits = 0) => {
    const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return (value < 0 && /[1-9]/.test(text) ? MINUS : "") + text;
  };
  const written = (axis, value) => {
    const text = number(value, axis.digits || 0);
    return text.startsWith(MINUS) ? MINUS + (axis.prefix || "") + text.slice(1) + (axis.suffix || "") : (axis.prefix || "") + text + (axis.suffix || "");
  };
  const civil = (start, day) => new Date(Date.parse(`${start}T00:00:00Z`) + Math.floor(day) * DAY);
  const dated = (start, day) => { const d = civil(start, day); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`; };
  const nice = (low, high, most) => {
    const rough = Math.max((high - low) / most, 1e-12), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((s) => s >= rough - 1e-12);
    const ticks = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) { ticks.push(k * step); }
    return { step, ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (String(step / power).includes("2.5") ? 1 : 0)) };
  };
  const dateTicks = (start, low, high, room) => {
    const first = civil(start, low), last = civil(start, high), most = Math.max(2, Math.floor(room / 58));
    const months = (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth();
    const origin = Date.parse(`${start}T00:00:00Z`), found = [];
    if (months < 3) {
      const every = [1, 2, 7, 14, 28].find((d) => (high - low) / d <= most) || 28;
      for (let day = Math.ceil(low); day <= high; day += every) { const d = civil(start, day); found.push([day, `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`, d.getUTCFullYear()]); }
    } else {
      const every = [1, 2, 3, 6, 12, 24, 60, 120].find((m) => months / m <= most) || 240;
      const begin = first.getUTCFullYear() * 12;
      for (let m = begin; m <= last.getUTCFullYear() * 12 + 11; m += every) {
        const day = (Date.UTC(Math.floor(m / 12), m % 12, 1) - origin) / DAY;
        if (day >= low && day <= high) { found.push([day, MONTHS[m % 12], Math.floor(m / 12)]); }
      }
    }
    let year = null;
    return found.map(([day, text, of]) => { const line = of === year ? "" : String(of); year = of; return [day, text, line]; });
  };

  // --- lines with dates or numbers along the bottom ---
  const HEIGHT = 340, SMALL = 230, SIZE = 12;
  const steps = (x, y) => { const at = [[x[0], y[0]]]; for (let k = 1; k < x.length; k += 1) { at.push([x[k], y[k - 1]], [x[k], y[k]]); } return at; };
  const points = (x, y, stepped) => stepped ? steps(x, y) : x.map((value, k) => [value, y[k]]);
  const path = (found, sx, sy) => found.map(([x, y], k) => `${k ? "L" : "M"}${sx(x).toFixed(1)} ${sy(y).toFixed(1)}`).join("");
  const extent = (chart, axis) => {
    let low = 0, high = 0;
    for (const one of chart.series) {
      if ((one.axis || 1) !== axis) { continue; }
      for (const y of [...one.y, ...(one.y0 || [])]) { low = Math.min(low, y); high = Math.max(high, y); }
    }
    for (const mark of chart.marks) { if (mark.axis === "y" && axis === 1) { high = Math.max(high, mark.at); low = Math.min(low, mark.at); } }
    return [low, high * 1.04 || 1];
  };
  const groupOf = (one) => one.group || one.name;
  const tone = (name) => `var(--c-${name || "ink"})`;

  function lines(holder, chart, small, width, high) {
    const height = high || (small ? SMALL : HEIGHT), hidden = holder.hiddenNames || (holder.hiddenNames = new Set());
    const upright = chart.marks.filter((mark) => mark.axis === "x" && mark.label);
    const y = { ...chart.y }, y2 = chart.y2 ? { ...chart.y2 } : null;
    [y.low, y.high] = chart.y.range || extent(chart, 1);
    if (y2) { [y2.low, y2.high] = chart.y2.range || extent(chart, 2); }
    const named = chart.y.label ? 18 : 0, top = 12 + 16 * upright.length + named, bottom = chart.x.label ? 58 : 44;
    const yTicks = nice(y.low, y.high, small ? 4 : 6);
    y.digits = Math.max(y.digits || 0, yTicks.digits);
    const left = 12 + Math.max(...yTicks.ticks.map((t) => widthOf(written({ ...y, digits: yTicks.digits, suffix: y.suffix === " %" ? " %" : "" }, t))), 18);
    const ticks2 = y2 ? nice(y2.low, y2.high, 5) : null;
    const right = y2 ? 12 + Math.max(...ticks2.ticks.map((t) => widthOf(written({ ...y2, digits: ticks2.digits }, t)))) : 14;
    const [x0, x1] = chart.x.range, plot = { left, right: width - right, top, bottom: height - bottom };
    const sx = (v) => plot.left + (v - x0) / (x1 - x0 || 1) * (plot.right - plot.left);
    const scale = (axis) => (v) => plot.bottom - (v - axis.low) / (axis.high - axis.low || 1) * (plot.bottom - plot.top);
    const sy = scale(y), sy2 = y2 ? scale(y2) : sy;
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.alt, tabindex: 0 });
    const clip = `clip-${holder.id || Math.random().toString(36).slice(2)}`;
    const defs = make("defs"), cut = make("clipPath", { id: clip });
    cut.append(make("rect", { x: plot.left, y: plot.top - 1, width: Math.max(plot.right - plot.left, 1), height: Math.max(plot.bottom - plot.top + 2, 1) }));
    defs.append(cut); svg.append(defs);
    for (const t of yTicks.ticks) {
      svg.append(make("line", { class: "grid", x1: plot.left, x2: plot.right, y1: sy(t), y2: sy(t) }));
      svg.append(make("text", { x: plot.left - 6, y: sy(t) + 4, "text-anchor": "end" }, written({ ...y, digits: yTicks.digits, suffix: y.suffix === " %" ? " %" : "" }, t)));
    }
    if (y2) { for (const t of ticks2.ticks) { svg.append(make("text", { x: plot.right + 6, y: sy2(t) + 4 }, written({ ...y2, digits: ticks2.digits }, t))); } }
    if (named) { axisNames(svg, chart, plot, width, small); }
    bottomAxis(svg, chart, plot, x0, x1, sx, height);
    const inside = make("g", { "clip-path": `url(#${clip})` });
    svg.append(inside);
    for (const one of chart.series) { if (!hidden.has(groupOf(one))) { drawSeries(inside, one, sx, (one.axis || 1) === 2 ? sy2 : sy, plot); } }
    marks(svg, inside, chart, upright, plot, sx, sy, sy2, width, small);
    const hair = make("line", { class: "hair", y1: plot.top, y2: plot.bottom, visibility: "hidden" });
    svg.append(hair);
    holder.replaceChildren(svg);
    if (!small) { holder.append(legend(holder, chart, hidden)); }
    readout(holder, svg, hair, chart, hidden, { plot, x0, x1, sx, y, y2 });
  }
  // what the axes count, above them: the second one where there is room beside the first
  function axisNames(svg, chart, plot, width, small) {
    const y = plot.top - 10, own = fitted(chart.y.label, width - 4), other = chart.y2 && !small ? chart.y2.label : "";
    svg.append(make("text", { x: 2, y }, own));
    if (other && widthOf(own) + widthOf(other) + 24 < width) { svg.append(make("text", { x: width - 2, y, "text-anchor": "end" }, other)); }
  }
  function bottomAxis(svg, chart, plot, x0, x1, sx, height) {
    svg.append(make("line", { class: "axis", x1: plot.left, x2: plot.right, y1: plot.bottom, y2: plot.bottom }));
    const text = (x, y, words) => { if (words && x > plot.left + 8 && x < plot.right - 8) { svg.append(make("text", { x, y, "text-anchor": "middle" }, words)); } };
    if (chart.x.start) {
      for (const [day, month, year] of dateTicks(chart.x.start, x0, x1, plot.right - plot.left)) {
        svg.append(make("line", { class: "axis", x1: sx(day), x2: sx(day), y1: plot.bottom, y2: plot.bottom + 4 }));
        const x = Math.min(Math.max(sx(day), plot.left + 12), plot.right - 13);
        text(x, plot.bottom + 17, month); text(x, plot.bottom + 32, year);
      }
    } else {
      const found = nice(x0, x1, Math.max(2, Math.floor((plot.right - plot.left) / 70)));
      for (const t of found.ticks) { text(sx(t), plot.bottom + 17, written({ ...chart.x, digits: found.digits }, t)); }
    }
    if (chart.x.label) { svg.append(make("text", { x: (plot.left + plot.right) / 2, y: height - 8, "text-anchor": "middle" }, chart.x.label)); }
  }
  function drawSeries(inside, one, sx, sy, plot) {
    const stroke = { fill: "none", stroke: tone(one.colour), "stroke-width": one.width || 2.2, "stroke-dasharray": one.dash || "none" };
    if (one.kind === "line") { inside.append(make("path", { ...stroke, d: path(points(one.x, one.y, one.step), sx, sy) })); }
    if (one.kind === "band" || one.kind === "area") {
      const base = one.y0 || one.y.map(() => 0);
      const there = points(one.x, one.y, one.step), back = points(one.x, base, one.step).reverse();
      inside.append(make("path", { class: one.group ? "fill through" : "fill", d: `${path([...there, ...back], sx, sy)}Z`, fill: tone(one.colour) }));
    }
    if (one.kind === "columns") {
      const base = one.y0 || one.y.map(() => 0), parts = [];
      for (let k = 0; k < one.y.length; k += 1) {
        const a = sx(one.x[k]), b = sx(one.x[k + 1]), low = sy(base[k]), high = sy(one.y[k]);
        if (one.y[k] !== base[k]) { parts.push(`M${a.toFixed(1)} ${low.toFixed(1)}V${high.toFixed(1)}H${b.toFixed(1)}V${low.toFixed(1)}Z`); }
      }
      inside.append(make("path", { class: "fill", d: parts.join(""), fill: tone(one.colour) }));
    }
    if (one.kind === "points") {
      const r = one.width || 3, d = one.x.map((x, k) => `M${(sx(x) - r).toFixed(1)} ${sy(one.y[k]).toFixed(1)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`).join("");
      inside.append(make("path", { d, fill: tone(one.colour), "fill-opacity": one.alpha || 0.6 }));
    }
    if (one.kind === "segments") {
      const d = one.x.map((x, k) => k % 2 ? "" : `M${sx(x).toFixed(1)} ${sy(one.y[k]).toFixed(1)}L${sx(one.x[k + 1]).toFixed(1)} ${sy(one.y[k + 1]).toFixed(1)}`).join("");
      inside.append(make("path", { ...stroke, d }));
    }
  }
  // lines first and words after them, so that no line crosses a word
  function marks(svg, inside, chart, upright, plot, sx, sy, sy2, width, small) {
    const words = [], say = (text, x, y, has) => words.push(make("text", { x, y, class: "mark", ...has }, text));
    const shown = small ? chart.marks.filter((mark) => mark.axis !== "curve" || /^P[58]0 /.test(mark.label)) : chart.marks;
    for (const mark of shown) {
      const line = { stroke: tone(mark.colour), "stroke-width": mark.width || 1.6, "stroke-dasharray": mark.dash || "none" };
      if (mark.axis === "y") {
        inside.append(make("line", { ...line, x1: plot.left, x2: plot.right, y1: sy(mark.at), y2: sy(mark.at) }));
      } else if (mark.axis === "x") {
        const row = upright.indexOf(mark);
        svg.append(make("line", { ...line, x1: sx(mark.at), x2: sx(mark.at), y1: row < 0 ? plot.top : 14 + 16 * row, y2: plot.bottom }));
        if (row >= 0) { say(mark.label, beside(sx(mark.at), widthOf(mark.label), plot, width), 12 + 16 * row, {}); }
      } else if (mark.axis === "curve") {  // a share on the second axis, its date on the first
        const at = sx(mark.at), level = sy2(mark.level);
        inside.append(make("path", { ...line, fill: "none", d: `M${at} ${plot.bottom}V${level}` }));
        inside.append(make("path", { ...line, "stroke-width": 1, "stroke-dasharray": "1 3", fill: "none", d: `M${plot.left} ${level}H${at}` }));
        inside.append(make("circle", { cx: at, cy: level, r: 3.5, fill: tone(mark.colour) }));
        const above = shown.some((other) => other.axis === "curve" && other.level > mark.level && level - sy2(other.level) < 17);
        say(mark.label, plot.left + 6, above ? level + 12 : level - 3, mark.strong ? { class: "mark strong" } : {});
      } else if (mark.axis === "point") {
        const x = sx(mark.at), y = sy(mark.level);
        inside.append(make("path", { d: `M${x - 6} ${y}L${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}Z`, fill: tone(mark.colour), stroke: "var(--paper)" }));
      } else if (mark.axis === "corner") {
        say(mark.label, mark.right ? plot.right - 6 : plot.left + 6, mark.top ? plot.top + 14 : plot.bottom - 8, { class: "mark strong", "text-anchor": mark.right ? "end" : "start" });
      }
    }
    svg.append(...words);
  }
  // right of its line where there is room, else left of it, and always within the picture
  const beside = (x, wide, plot, width) => {
    if (x + 4 + wide <= Math.max(plot.right, width - 2)) { return x + 4; }
    return Math.max(2, Math.min(x - 4, width - 2) - wide);
  };
  function legend(holder, chart, hidden) {
    const list = element("ul", { className: "legend" });
    const named = chart.series.filter((one) => one.name && !one.unlisted);  // one of each group
    for (const one of named) {
      const item = element("li"), button = element("button", { type: "button" }), key = make("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" });
      if (["band", "area", "columns"].includes(one.kind)) { key.append(make("rect", { x: 1, y: 1, width: 20, height: 10, fill: tone(one.colour) })); }
      else if (one.kind === "points") { key.append(make("circle", { cx: 11, cy: 6, r: 4, fill: tone(one.colour) })); }
      else { key.append(make("line", { x1: 1, x2: 21, y1: 6, y2: 6, stroke: tone(one.colour), "stroke-width": 2.6, "stroke-dasharray": one.dash || "none" })); }
      button.append(key, groupOf(one));
      button.setAttribute("aria-pressed", String(!hidden.has(groupOf(one))));
      button.title = "Show or hide";
      button.addEventListener("click", () => { if (!hidden.delete(groupOf(one))) { hidden.add(groupOf(one)); } draw(holder); holder.querySelectorAll(".legend button")[named.indexOf(one)].focus(); });
      item.append(button); list.append(item);
    }
    for (const mark of chart.marks.filter((one) => one.key)) {
      const item = element("li", { className: "fixed" }), key = make("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" });
      if (mark.axis === "point") { key.append(make("path", { d: "M5 6L11 0L17 6L11 12Z", fill: tone(mark.colour) })); }
      else { key.append(make("line", { x1: 1, x2: 21, y1: 6, y2: 6, stroke: tone(mark.colour), "stroke-width": 2.4, "stroke-dasharray": mark.dash || "none" })); }
      item.append(key, mark.key); list.append(item);
    }
    return list;
  }
  function readout(holder, svg, hair, chart, hidden, { plot, x0, x1, sx, y, y2 }) {
    const said = element("output", { className: "readout" });
    holder.append(said);
    let at = null;
    const show = (value) => {
      at = Math.min(Math.max(value, x0), x1);
      hair.setAttribute("x1", sx(at)); hair.setAttribute("x2", sx(at)); hair.setAttribute("visibility", "visible");
      const parts = chart.series.filter((one) => one.name && !hidden.has(groupOf(one)) && one.kind !== "points" && one.kind !== "segments").map((one) => {
        const k = before(one.x, at), axis = (one.axis || 1) === 2 ? y2 : y;
        if (k < 0 || (one.kind === "columns" && k >= one.y.length)) { return null; }
        const low = one.y0 && one.kind === "band" ? `${written(axis, one.y0[k])} to ` : "";
        const height = one.y0 && one.kind !== "band" ? one.y[k] - one.y0[k] : one.y[k];
        return `${one.name} ${low}${written(axis, height)}`;
      });
      said.textContent = [chart.x.start ? dated(chart.x.start, at) : written(chart.x, at), ...parts.filter(Boolean)].join(" · ");
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      if (x >= plot.left && x <= plot.right) { show(x0 + (x - plot.left) / (plot.right - plot.left) * (x1 - x0)); }
    });
    svg.addEventListener("pointerleave", () => { hair.setAttribute("visibility", "hidden"); said.textContent = ""; });
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: 10, PageUp: -10 }[event.key];
      if (by) { event.preventDefault(); show((at === null ? x0 : at) + by * Math.max((x1 - x0) / 200, chart.x.start ? 1 : 0)); }
    });
  }
  const before = (x, value) => { let low = 0, high = x.length; while (low < high) { const mid = (low + high) >> 1; if (x[mid] <= value) { low = mid + 1; } else { high = mid; } } return low - 1; };

  // --- horizontal bars with an interval, and a dot on a second axis ---
  function bars(holder, chart, small, width) {
    const rows = chart.rows, row = 44, top = 44, foot = chart.dots ? 46 : 8, height = top + rows.length * row + foot;
    const values = rows.flatMap((one) => [one.value, one.low, one.high]).filter((v) => v !== null), wide = 92;
    const low = Math.min(0, ...values), high = Math.max(...values, 1e-9);
    const sx = (v) => 8 + (v - low) / (high - low || 1) * (width - 16 - wide);
    const share = (v) => sx(0) + v / (chart.dots ? chart.dots.most : 1) * (width - 8 - wide - sx(0));
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.alt });
    const found = nice(low, high, Math.max(2, Math.floor(width / 110)));
    svg.append(make("text", { x: 8, y: 14, class: "mark" }, chart.y.label));
    for (const t of found.ticks) {
      svg.append(make("line", { class: t ? "grid" : "axis", x1: sx(t), x2: sx(t), y1: top - 6, y2: top + rows.length * row }));
      svg.append(make("text", { x: sx(t), y: 32, "text-anchor": "middle" }, written({ ...chart.y, digits: found.digits }, t)));
    }
    rows.forEach((one, k) => {
      const y = top + k * row, middle = y + 29;
      const label = make("text", { x: sx(0) + 2, y: y + 13, class: "mark" }, fitted(one.name, width - sx(0) - 12));
      label.append(make("title", {}, one.name));
      svg.append(label);
      svg.append(make("rect", { x: Math.min(sx(0), sx(one.value)), y: middle - 8, width: Math.max(Math.abs(sx(one.value) - sx(0)), 0.5), height: 16, fill: tone(one.colour) }));
      if (one.low !== null) { svg.append(make("path", { class: "whisker", d: `M${sx(one.low)} ${middle}H${sx(one.high)}M${sx(one.low)} ${middle - 4}v8M${sx(one.high)} ${middle - 4}v8` })); }
      if (one.dot !== null && one.dot !== undefined) { svg.append(make("circle", { cx: share(one.dot), cy: middle, r: 5, class: "dot" })); }
      svg.append(make("text", { x: width - 4, y: middle + 4, "text-anchor": "end", class: "value" }, one.text));
    });
    if (chart.dots) {
      const y = top + rows.length * row + 4, ticks = nice(0, chart.dots.most, Math.max(2, Math.floor(width / 160)));
      svg.append(make("line", { class: "axis", x1: sx(0), x2: share(chart.dots.most), y1: y, y2: y }));
      for (const t of ticks.ticks) { svg.append(make("text", { x: share(t), y: y + 16, "text-anchor": "middle" }, `${number(100 * t)} %`)); }
      svg.append(make("text", { x: 8, y: y + 36, class: "mark" }, chart.dots.label));
    }
    holder.replaceChildren(svg);
    const list = element("ul", { className: "legend" });
    for (const [name, colour] of chart.keys) {
      const key = make("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" });
      key.append(colour ? make("rect", { x: 1, y: 1, width: 20, height: 10, fill: tone(colour) }) : make("circle", { cx: 11, cy: 6, r: 4.5, class: "dot" }));
      const item = element("li", { className: "fixed" }); item.append(key, name); list.append(item);
    }
    holder.append(list);
  }
  const fitted = (text, room) => { if (widthOf(text, SIZE) <= room) { return text; } let k = text.length; while (k > 4 && widthOf(`${text.slice(0, k)}…`, SIZE) > room) { k -= 1; } return `${text.slice(0, k)}…`; };

  // --- one bar cut into pieces: what a date is made of ---
  function strips(holder, chart, small, width) {
    const row = 58, height = chart.rows.length * row + (chart.x.start ? 40 : 4), [x0, x1] = chart.x.range;
    const sx = (v) => 2 + (v - x0) / (x1 - x0) * (width - 4), svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.alt });
    chart.rows.forEach((one, k) => {
      svg.append(make("text", { x: 2, y: k * row + 14, class: "mark" }, fitted(one.name, width - 4)));
      for (const piece of one.pieces) {
        const part = make("rect", { x: sx(piece.begin), y: k * row + 21, width: Math.max(sx(piece.end) - sx(piece.begin), 0.4), height: 24, fill: tone(piece.colour), class: "piece" });
        part.append(make("title", {}, piece.text)); svg.append(part);
        const days = number(piece.end - piece.begin);
        if (sx(piece.end) - sx(piece.begin) > widthOf(days) + 8) { svg.append(make("text", { x: (sx(piece.begin) + sx(piece.end)) / 2, y: k * row + 37, "text-anchor": "middle", class: "on-bar", fill: tone(`on-${piece.colour}`) }, days)); }
      }
    });
    if (chart.x.start) { bottomAxis(svg, chart, { left: 2, right: width - 2, bottom: chart.rows.length * row - 4 }, x0, x1, sx, height); }
    holder.replaceChildren(svg);
    const list = element("ul", { className: "legend" });
    for (const [name, colour] of chart.keys) {
      const key = make("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" }); key.append(make("rect", { x: 1, y: 1, width: 20, height: 10, fill: tone(colour) }));
      const item = element("li", { className: "fixed" }); item.append(key, name); list.append(item);
    }
    holder.append(list);
  }

  // --- all of them ---
  const KINDS = { lines, bars, strips };
  let known = {};
  const draw = (holder, size = {}) => {
    const chart = known[holder.dataset.chart];
    holder.dataset.kind = chart.kind;
    KINDS[chart.kind](holder, chart, holder.dataset.small !== undefined, Math.max(260, Math.round(size.width || holder.clientWidth)), size.height);
  };
  const every = (size) => document.querySelectorAll("[data-chart]").forEach((holder) => draw(holder, size ? size(holder) : {}));
  const start = (found) => {
    known = found;
    // what is as usual is left out of the data
    for (const chart of Object.values(known)) { for (const mark of chart.marks) { mark.at = mark.at || 0; mark.level = mark.level || 0; } }
    every();
  };
  return { start, every, draw, make, element, number, dated, dateTicks, widthOf, tone };
})();
