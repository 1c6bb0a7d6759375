// Lines, bands, columns and dots over dates or numbers, with marks that are named in place.
const lineChart = (() => {
  const { make, element, tone, widthOf, fitted, number, written, niceTicks, dated, dateTicks } = basics;
  const { key, patch, disc, diamond, stroke, fixedItem } = basics;
  const HEIGHT = 340, SMALL = 250, ROW = 16, ABOVE = 12, NAMED = 18;

  // --- geometry ---
  function pointsOf(x, y, stepped) {
    if (!stepped) { return x.map((value, k) => [value, y[k]]); }
    const found = [[x[0], y[0]]];
    for (let k = 1; k < x.length; k += 1) { found.push([x[k], y[k - 1]], [x[k], y[k]]); }
    return found;
  }
  function pathOf(points, sx, sy) {  // a point that is not known, as a date that is never reached, breaks the line
    const isKnown = (point) => point !== undefined && point[0] !== null && point[1] !== null;
    return points.map((point, k) => isKnown(point)
      ? `${isKnown(points[k - 1]) ? "L" : "M"}${sx(point[0]).toFixed(1)} ${sy(point[1]).toFixed(1)}` : "").join("");
  }
  function extent(chart, axis) {
    let low = 0, high = 0;
    const take = (value) => { low = Math.min(low, value); high = Math.max(high, value); };
    for (const one of chart.series.filter((each) => (each.axis || 1) === axis)) {
      [...one.y, ...(one.y0 || [])].forEach(take);
    }
    if (axis === 1) { chart.marks.filter((mark) => mark.axis === "y").forEach((mark) => take(mark.at)); }
    return [low, high * 1.04 || 1];
  }
  const groupOf = (one) => one.group || one.name;
  const onlyPercent = (axis) => (axis.suffix === " %" ? " %" : "");

  // at most so many ticks up the left axis: numbers, or dates with their year where it changes
  function leftTicks(y, most) {
    if (!y.start) { return niceTicks(y.low, y.high, most, y.whole); }
    const found = dateTicks(y.start, y.low, y.high, 58 * most);
    const texts = new Map(found.map(([day, text, year]) => [day, year ? `${text} ${year}` : text]));
    return { ticks: [...texts.keys()], texts, digits: 0 };
  }
  // Everything that is known before a line is drawn: axes with ticks, the plot's box, and scales.
  function frameOf(chart, small, width, height) {
    const y = { ...chart.y }, y2 = chart.y2 ? { ...chart.y2 } : null, [x0, x1] = chart.x.range;
    [y.low, y.high] = chart.y.range || extent(chart, 1);
    if (y2) { [y2.low, y2.high] = chart.y2.range || extent(chart, 2); }
    const ticks = leftTicks(y, small ? 4 : 6), ticks2 = y2 ? niceTicks(y2.low, y2.high, 5) : null;
    y.digits = Math.max(y.digits || 0, ticks.digits);
    const tickText = (t) => (ticks.texts ? ticks.texts.get(t) : written({ ...y, digits: ticks.digits, suffix: onlyPercent(y) }, t));
    const tickText2 = (t) => written({ ...y2, digits: ticks2.digits }, t);
    const left = 12 + Math.max(...ticks.ticks.map((t) => widthOf(tickText(t))), 18);
    const right = y2 ? 12 + Math.max(...ticks2.ticks.map((t) => widthOf(tickText2(t)))) : 14;
    const plot = { left, right: width - right, top: 0, bottom: height - (chart.x.label ? 58 : 40) };
    const sx = (v) => plot.left + (v - x0) / (x1 - x0 || 1) * (plot.right - plot.left);
    const words = wordRows(chart, sx, width);
    const named = chart.y.label ? NAMED : 0;
    plot.top = ABOVE + named + ROW * words.rows;
    const scale = (axis) => (v) =>
      plot.bottom - (v - axis.low) / (axis.high - axis.low || 1) * (plot.bottom - plot.top);
    const sy = scale(y);
    return { chart, small, width, height, plot, x0, x1, y, y2, ticks, ticks2, tickText, tickText2, sx, sy,
      sy2: y2 ? scale(y2) : sy, words, named };
  }

  // The words of upright lines stand above the plot in rows, so that no line crosses a word: a line goes up to its own
  // row, so what is further right goes lower. Row 0 is the lowest. Where that leaves a word without a place, other orders
  // and sides are tried; a mark that may be left out comes last, and is where there is none.
  function wordRows(chart, sx, width) {
    const asked = chart.marks.filter((mark) => mark.axis === "x" && mark.label).map((mark) => {
      const x = sx(mark.at), wide = widthOf(mark.label);
      const sides = [x + 4, x - 4 - wide].filter((from) => from >= 0 && from + wide <= width);
      return { mark, x, wide, sides: sides.length ? sides : [Math.max(0, width - wide)] };
    });
    const orders = [[-1, false], [1, false], [-1, true], [1, true], [-1, false, true], [1, true, true]];
    const ways = orders.map(([order, isLeft, isHigh]) => arranged(asked, order, isLeft, isHigh));
    const placed = ways.find((way) => way.every((one) => one.isFree)) || ways[0];
    return { of: new Map(placed.map((one) => [one.mark, one])), rows: 1 + Math.max(-1, ...placed.map((one) => one.row)) };
  }
  function arranged(asked, order, isLeft, isHigh) {  // high: rather in a higher row than on the other side
    const placed = [], isLate = (one) => 2 * Boolean(one.mark.optional) + (one.sides[0] < one.x);
    const inOrder = [...asked].sort((a, b) => isLate(a) - isLate(b) || order * (a.x - b.x));
    for (const { mark, x, wide, sides } of inOrder) {
      const inTurn = isLeft ? [...sides].reverse() : sides, tries = isHigh ? inTurn.map((side) => [side]) : [inTurn];
      const tried = tries.map((these) => freeRow(placed, x, wide, these)), found = tried.find((one) => one.isFree) || tried[0];
      if (found.isFree || !mark.optional) { placed.push({ mark, x, ...found }); }
    }
    return placed;
  }
  function freeRow(placed, x, wide, sides) {
    for (let row = 0; row <= placed.length; row += 1) {
      for (const from of sides) {
        const to = from + wide;
        const isCrossed = placed.some((other) =>
          (other.row === row && from < other.to + 8 && to > other.from - 8)  // another word of this row
          || (other.row >= row && other.x > from - 3 && other.x < to + 3)  // another line through this word
          || (other.row <= row && x > other.from - 3 && x < other.to + 3));  // this line through another word
        if (!isCrossed) { return { row, from, to, isFree: true }; }
      }
    }
    return { row: placed.length, from: sides[0], to: sides[0] + wide };
  }

  // --- drawing ---
  function draw(holder, chart, small, width, high, again) {
    const frame = frameOf(chart, small, width, high || (small ? SMALL : HEIGHT));
    const hidden = holder.hiddenNames || (holder.hiddenNames = new Set());
    const svg = make("svg", {
      viewBox: `0 0 ${width} ${frame.height}`, role: "img", "aria-label": chart.alt, tabindex: 0,
    });
    const inside = clipped(svg, holder, frame.plot);
    leftAxis(svg, frame);
    bottomAxis(svg, chart, frame.plot, frame.x0, frame.x1, frame.sx, frame.height);
    svg.append(inside);
    for (const one of chart.series.filter((each) => !hidden.has(groupOf(each)))) {
      drawSeries(inside, one, frame.sx, (one.axis || 1) === 2 ? frame.sy2 : frame.sy);
    }
    drawMarks(svg, inside, frame);
    holder.replaceChildren(svg, legend(holder, chart, hidden, small, again));
    if (!small) { readout(holder, svg, frame, hidden); }
  }
  function clipped(svg, holder, plot) {
    const id = `clip-${holder.id || Math.random().toString(36).slice(2)}`;
    const defs = make("defs"), cut = make("clipPath", { id });
    const wide = Math.max(plot.right - plot.left, 1), high = Math.max(plot.bottom - plot.top + 2, 1);
    cut.append(make("rect", { x: plot.left, y: plot.top - 1, width: wide, height: high }));
    defs.append(cut);
    svg.append(defs);
    return make("g", { "clip-path": `url(#${id})` });
  }
  function leftAxis(svg, frame) {
    const { plot, ticks, ticks2, sy, sy2, tickText, tickText2 } = frame;
    for (const t of ticks.ticks) {
      svg.append(make("line", { class: "grid", x1: plot.left, x2: plot.right, y1: sy(t), y2: sy(t) }));
      svg.append(make("text", { x: plot.left - 6, y: sy(t) + 4, "text-anchor": "end" }, tickText(t)));
    }
    for (const t of ticks2 ? ticks2.ticks : []) {
      svg.append(make("text", { x: plot.right + 6, y: sy2(t) + 4 }, tickText2(t)));
    }
    if (frame.named) { axisNames(svg, frame); }
  }
  // what the axes count, above everything else: the second one where there is room beside the first
  function axisNames(svg, { chart, width, small }) {
    const own = fitted(chart.y.label, width - 4), other = chart.y2 && !small ? chart.y2.label : "";
    svg.append(make("text", { x: 2, y: ABOVE }, own));
    if (other && widthOf(own) + widthOf(other) + 24 < width) {
      svg.append(make("text", { x: width - 2, y: ABOVE, "text-anchor": "end" }, other));
    }
  }
  function bottomAxis(svg, chart, plot, x0, x1, sx, height) {
    svg.append(make("line", { class: "axis", x1: plot.left, x2: plot.right, y1: plot.bottom, y2: plot.bottom }));
    const say = (x, y, words) => {
      if (words && x > plot.left + 8 && x < plot.right - 8) {
        svg.append(make("text", { x, y, "text-anchor": "middle" }, words));
      }
    };
    if (chart.x.start) {
      for (const [day, month, year] of dateTicks(chart.x.start, x0, x1, plot.right - plot.left)) {
        const at = sx(day), x = Math.min(Math.max(at, plot.left + 12), plot.right - 13);
        svg.append(make("line", { class: "axis", x1: at, x2: at, y1: plot.bottom, y2: plot.bottom + 4 }));
        say(x, plot.bottom + 17, month);
        say(x, plot.bottom + 32, year);
      }
    } else {
      const found = niceTicks(x0, x1, Math.max(2, Math.floor((plot.right - plot.left) / 70)), chart.x.whole);
      for (const t of found.ticks) { say(sx(t), plot.bottom + 17, written({ ...chart.x, digits: found.digits }, t)); }
    }
    if (chart.x.label) {
      const middle = (plot.left + plot.right) / 2;
      svg.append(make("text", { x: middle, y: height - 8, "text-anchor": "middle" }, chart.x.label));
    }
  }

  // --- series ---
  const lineStyle = (one, width) => ({
    fill: "none", stroke: tone(one.colour), "stroke-width": one.width || width, "stroke-dasharray": one.dash || "none",
  });
  const baseOf = (one) => one.y0 || one.y.map(() => 0);
  const SHAPES = {
    line: (one, sx, sy) => ({ ...lineStyle(one, 2.2), d: pathOf(pointsOf(one.x, one.y, one.step), sx, sy) }),
    band: (one, sx, sy) => {
      const there = pointsOf(one.x, one.y, one.step), back = pointsOf(one.x, baseOf(one), one.step).reverse();
      const d = `${pathOf([...there, ...back], sx, sy)}Z`;
      return { class: one.group ? "fill through" : "fill", d, fill: tone(one.colour) };
    },
    columns: (one, sx, sy) => ({ class: "fill", d: columnsPath(one, sx, sy), fill: tone(one.colour) }),
    points: (one, sx, sy) => ({ d: dotsPath(one, sx, sy), fill: tone(one.colour), "fill-opacity": one.alpha || 0.6 }),
    segments: (one, sx, sy) => ({ ...lineStyle(one, 2.2), d: segmentsPath(one, sx, sy) }),
  };
  SHAPES.area = SHAPES.band;
  const drawSeries = (inside, one, sx, sy) => inside.append(make("path", SHAPES[one.kind](one, sx, sy)));
  function columnsPath(one, sx, sy) {
    const base = baseOf(one), parts = [];
    one.y.forEach((height, k) => {
      const from = sx(one.x[k]).toFixed(1), to = sx(one.x[k + 1]).toFixed(1), low = sy(base[k]).toFixed(1);
      if (height !== base[k]) { parts.push(`M${from} ${low}V${sy(height).toFixed(1)}H${to}V${low}Z`); }
    });
    return parts.join("");
  }
  function dotsPath(one, sx, sy) {
    const r = one.width || 3, circle = `a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
    const dot = (x, y) => `M${(sx(x) - r).toFixed(1)} ${sy(y).toFixed(1)}${circle}`;
    return one.x.map((x, k) => (x === null || one.y[k] === null ? "" : dot(x, one.y[k]))).join("");
  }
  function segmentsPath(one, sx, sy) {  // points two by two are the ends of a stroke
    const at = (k) => `${sx(one.x[k]).toFixed(1)} ${sy(one.y[k]).toFixed(1)}`;
    return one.x.map((_, k) => (k % 2 ? "" : `M${at(k)}L${at(k + 1)}`)).join("");
  }

  // --- marks: lines first and words after them, so that no line is drawn over a word ---
  function drawMarks(svg, inside, frame) {
    const { chart, small } = frame, words = [];
    const say = (text, x, y, has) => words.push(make("text", { x, y, class: "mark", ...has }, text));
    const shown = small ? chart.marks.filter((one) => one.axis !== "curve" || /^P[58]0 /.test(one.label)) : chart.marks;
    for (const mark of shown) {
      const line = {
        stroke: tone(mark.colour), "stroke-width": mark.width || 1.6, "stroke-dasharray": mark.dash || "none",
      };
      MARKS[mark.axis](mark, frame, { svg, inside, say, line, shown });
    }
    svg.append(...words);
  }
  const MARKS = {
    y(mark, { plot, sy }, { inside, line }) {
      inside.append(make("line", { ...line, x1: plot.left, x2: plot.right, y1: sy(mark.at), y2: sy(mark.at) }));
    },
    x(mark, { plot, sx, words, named }, { svg, say, line }) {
      const word = words.of.get(mark);
      if (mark.optional && !word) { return; }
      const baseline = word ? ABOVE + named + ROW * (words.rows - 1 - word.row) : 0;
      const y1 = word ? baseline + 2 : plot.top;
      svg.append(make("line", { ...line, class: "upright", x1: sx(mark.at), x2: sx(mark.at), y1, y2: plot.bottom }));
      if (word) { say(mark.label, word.from, baseline, {}); }
    },
    curve(mark, frame, { inside, say, line, shown }) {  // a share on the second axis, its date on the first
      const { plot, sx, sy2 } = frame, at = sx(mark.at), level = sy2(mark.level);
      const word = curveWord(mark, frame, shown), toRight = Boolean(word && word.toRight);
      const dots = { "stroke-width": 1, "stroke-dasharray": "1 3", fill: "none" };
      inside.append(make("path", { ...line, class: "upright", fill: "none", d: `M${at} ${plot.bottom}V${level}` }));
      inside.append(make("path", { ...line, ...dots, d: `M${toRight ? plot.right : plot.left} ${level}H${at}` }));
      inside.append(make("circle", { cx: at, cy: level, r: 3.5, fill: tone(mark.colour) }));
      if (!word) { return; }
      const look = { class: mark.strong ? "mark strong" : "mark", "text-anchor": toRight ? "end" : "start" };
      say(mark.label, word.x, word.y, look);
    },
    point(mark, { sx, sy }, { inside }) {
      const x = sx(mark.at), y = sy(mark.level), d = `M${x - 6} ${y}L${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}Z`;
      inside.append(make("path", { d, fill: tone(mark.colour), stroke: "var(--paper)" }));
    },
    corner(mark, { plot }, { say }) {
      const x = mark.right ? plot.right - 6 : plot.left + 6, y = mark.top ? plot.top + 14 : plot.bottom - 8;
      say(mark.label, x, y, { class: "mark strong", "text-anchor": mark.right ? "end" : "start" });
    },
  };
  // The word of a percentile stands over its level, between two lines that reach so high, as far left as there is room;
  // else right of the curve, under its level; null where it would lie across a line.
  function curveWord(mark, { plot, sx, sy2, chart }, shown) {
    const wide = widthOf(mark.label) * (mark.strong ? 1.12 : 1) + 10, level = sy2(mark.level), own = sx(mark.at);
    const reach = chart.marks.filter((one) => one.axis === "x" || (one.axis === "curve" && one.level >= mark.level));
    const lines = reach.map((one) => sx(one.at)).filter((x) => x > plot.left && x < plot.right).sort((a, b) => a - b);
    const edges = [plot.left, ...lines, plot.right];
    const gaps = edges.slice(1).map((to, k) => [edges[k], to]).filter(([from, to]) => to - from >= wide);
    const left = gaps.find(([, to]) => to <= own + 1);
    if (left) {
      const isUnder = shown.some((other) =>
        other.axis === "curve" && other.level > mark.level && level - sy2(other.level) < 17);
      return { toRight: false, x: left[0] + 6, y: isUnder ? level + 12 : level - 3 };
    }
    const right = gaps.reverse().find(([from]) => from >= own - 1);
    return right ? { toRight: true, x: right[1] - 4, y: level + 12 } : null;
  }

  // --- legend ---
  function symbol(one) {
    if (["band", "area", "columns"].includes(one.kind)) { return patch(one.colour); }
    return one.kind === "points" ? disc(one.colour) : stroke(one.colour, one.dash);
  }
  function legend(holder, chart, hidden, small, again) {
    const list = element("ul", { className: "legend" });
    const listed = chart.series.filter((one) => one.name && !one.unlisted);  // one of each group
    // one kind of columns needs no key: the axis says what it counts
    const named = listed.length === 1 && listed[0].kind === "columns" ? [] : listed;
    const items = named.map((one) => (small ? fixedItem(groupOf(one), symbol(one)) : entry(holder, one, hidden, again)));
    const marks = chart.marks.filter((one) => one.key).map((mark) =>
      fixedItem(mark.key, mark.axis === "point" ? diamond(mark.colour) : stroke(mark.colour, mark.dash)));
    list.append(...items, ...marks);
    return list;
  }
  function entry(holder, one, hidden, again) {  // shows or hides its series, and keeps the focus
    const item = element("li"), name = groupOf(one), title = "Show or hide";
    const button = element("button", { type: "button", title });
    button.append(key(symbol(one)), name);
    button.dataset.name = name;
    button.setAttribute("aria-pressed", String(!hidden.has(name)));
    button.addEventListener("click", () => {
      if (!hidden.delete(name)) { hidden.add(name); }
      again(holder);
      [...holder.querySelectorAll(".legend button")].find((other) => other.dataset.name === name).focus();
    });
    item.append(button);
    return item;
  }

  // --- what is said of the place under the pointer, or reached by the arrow keys ---
  function readout(holder, svg, frame, hidden) {
    const { chart, plot, x0, x1, sx } = frame, said = element("output", { className: "readout" });
    const hair = make("line", { class: "hair", y1: plot.top, y2: plot.bottom, visibility: "hidden" });
    let at = null;
    svg.append(hair);
    holder.append(said);
    const show = (value) => {
      at = Math.min(Math.max(value, x0), x1);
      for (const [name, to] of [["x1", sx(at)], ["x2", sx(at)], ["visibility", "visible"]]) { hair.setAttribute(name, to); }
      said.textContent = sentence(frame, hidden, at);
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * frame.width;
      if (x >= plot.left && x <= plot.right) { show(x0 + (x - plot.left) / (plot.right - plot.left) * (x1 - x0)); }
    });
    svg.addEventListener("pointerleave", () => { hair.setAttribute("visibility", "hidden"); said.textContent = ""; });
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: 10, PageUp: -10 }[event.key];
      if (!by) { return; }
      event.preventDefault();
      show((at === null ? x0 : at) + by * Math.max((x1 - x0) / 200, chart.x.start ? 1 : 0));
    });
  }
  function sentence({ chart, y, y2 }, hidden, at) {
    const where = chart.x.start ? dated(chart.x.start, at) : written(chart.x, at);
    const named = chart.series.filter((one) => one.name && !hidden.has(groupOf(one)));
    const told = named.filter((one) => one.kind !== "points" && one.kind !== "segments");
    return [where, ...told.map((one) => valueText(one, (one.axis || 1) === 2 ? y2 : y, at)).filter(Boolean)].join(" · ");
  }
  function valueText(one, axis, at) {
    const k = lastAtMost(one.x, at);
    if (k < 0 || (one.kind === "columns" && k >= one.y.length)) { return ""; }
    const low = one.y0 && one.kind === "band" ? `${written(axis, one.y0[k])} to ` : "";
    const height = one.y0 && one.kind !== "band" ? one.y[k] - one.y0[k] : one.y[k];
    return `${one.name} ${low}${written(axis, height)}`;
  }
  function lastAtMost(sorted, value) {
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] <= value) { low = middle + 1; } else { high = middle; }
    }
    return low - 1;
  }

  return { draw, bottomAxis };
})();
