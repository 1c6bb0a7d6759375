// Horizontal bars: with an interval and a dot on a second axis, or cut into pieces along dates.
const barCharts = (() => {
  const { make, element, tone, widthOf, fitted, number, written, niceTicks, patch, fixedItem } = basics;
  const ROW = 44, TOP = 44, VALUES = 92, STRIP = 58;

  function keysOf(chart) {
    const list = element("ul", { className: "legend" });
    const dot = () => make("circle", { cx: 11, cy: 6, r: 4.5, class: "dot" });
    list.append(...chart.keys.map(([name, colour]) => fixedItem(name, colour ? patch(colour) : dot())));
    return list;
  }

  // --- bars with whiskers; what they are worth stands in a column of its own, clear of every mark ---
  function bars(holder, chart, width) {
    const end = TOP + chart.rows.length * ROW, height = end + (chart.dots ? 46 : 8);
    const values = chart.rows.flatMap((one) => [one.value, one.low, one.high]).filter((v) => v !== null);
    const low = Math.min(0, ...values), high = Math.max(...values, 1e-9);
    const sx = (v) => 8 + (v - low) / (high - low || 1) * (width - 16 - VALUES);
    const share = (v) => sx(0) + v / (chart.dots ? chart.dots.most : 1) * (width - 8 - VALUES - sx(0));
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.alt });
    daysAxis(svg, chart, niceTicks(low, high, Math.max(2, Math.floor(width / 110))), sx, end);
    chart.rows.forEach((one, k) => bar(svg, one, TOP + k * ROW, width, sx, share));
    if (chart.dots) { shareAxis(svg, chart.dots, end + 4, width, sx(0), share); }
    holder.replaceChildren(svg, keysOf(chart));
  }
  function daysAxis(svg, chart, found, sx, end) {
    svg.append(make("text", { x: 8, y: 14, class: "mark" }, chart.y.label));
    for (const t of found.ticks) {
      svg.append(make("line", { class: t ? "grid" : "axis", x1: sx(t), x2: sx(t), y1: TOP - 6, y2: end }));
      const text = written({ ...chart.y, digits: found.digits }, t);
      const x = Math.max(sx(t), widthOf(text) / 2 + 1);  // the first one may stand at the very edge
      svg.append(make("text", { x, y: 32, "text-anchor": "middle" }, text));
    }
  }
  function bar(svg, one, y, width, sx, share) {
    const middle = y + 29, from = Math.min(sx(0), sx(one.value)), wide = Math.max(Math.abs(sx(one.value) - sx(0)), 0.5);
    const label = make("text", { x: sx(0) + 2, y: y + 13, class: "mark" }, fitted(one.name, width - sx(0) - 12));
    label.append(make("title", {}, one.name));
    svg.append(label, make("rect", { x: from, y: middle - 8, width: wide, height: 16, fill: tone(one.colour) }));
    if (one.low !== null) {
      const ends = [one.low, one.high].map((v) => `M${sx(v)} ${middle - 4}v8`).join("");
      svg.append(make("path", { class: "whisker", d: `M${sx(one.low)} ${middle}H${sx(one.high)}${ends}` }));
    }
    if (one.dot !== null && one.dot !== undefined) {
      svg.append(make("circle", { cx: share(one.dot), cy: middle, r: 5, class: "dot" }));
    }
    svg.append(make("text", { x: width - 4, y: middle + 4, "text-anchor": "end", class: "value" }, one.text));
  }
  function shareAxis(svg, dots, y, width, from, share) {
    svg.append(make("line", { class: "axis", x1: from, x2: share(dots.most), y1: y, y2: y }));
    for (const t of niceTicks(0, dots.most, Math.max(2, Math.floor(width / 160))).ticks) {
      svg.append(make("text", { x: share(t), y: y + 16, "text-anchor": "middle" }, `${number(100 * t)} %`));
    }
    svg.append(make("text", { x: 8, y: y + 36, class: "mark" }, dots.label));
  }

  // --- one bar cut into pieces: what a date is made of ---
  function strips(holder, chart, width) {
    const end = chart.rows.length * STRIP, height = end + (chart.x.start ? 40 : 4), [x0, x1] = chart.x.range;
    const sx = (v) => 2 + (v - x0) / (x1 - x0) * (width - 4);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.alt });
    chart.rows.forEach((one, k) => {
      svg.append(make("text", { x: 2, y: k * STRIP + 14, class: "mark" }, fitted(one.name, width - 4)));
      for (const each of one.pieces) { piece(svg, each, k * STRIP + 21, sx); }
    });
    const plot = { left: 2, right: width - 2, bottom: end - 4 };
    if (chart.x.start) { lineChart.bottomAxis(svg, chart, plot, x0, x1, sx, height); }
    holder.replaceChildren(svg, keysOf(chart));
  }
  function piece(svg, { begin, end, colour, text }, y, sx) {
    const wide = sx(end) - sx(begin), days = number(end - begin);
    const look = { fill: tone(colour), class: "piece" };
    const part = make("rect", { x: sx(begin), y, width: Math.max(wide, 0.4), height: 24, ...look });
    part.append(make("title", {}, text));
    svg.append(part);
    if (wide > widthOf(days) + 8) {
      // a style, as the rule for texts of a chart would win over an attribute
      const ink = { class: "on-bar", style: `fill:${tone(`on-${colour}`)}`, "data-on": colour };
      svg.append(make("text", { x: sx((begin + end) / 2), y: y + 16, "text-anchor": "middle", ...ink }, days));
    }
  }

  return { bars, strips };
})();
