"use strict";
// What every chart of a report needs: elements, widths of words, numbers and dates as text, ticks, keys of a legend.
const basics = (() => {
  const NS = "http://www.w3.org/2000/svg", DAY = 86400000, MINUS = "\u2212", SIZE = 12;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  function make(tag, has = {}, text) {
    const one = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(has)) { one.setAttribute(name, value); }
    if (text !== undefined) { one.textContent = text; }
    return one;
  }
  function element(tag, has = {}, text) {
    const one = Object.assign(document.createElement(tag), has);
    if (text !== undefined) { one.textContent = text; }
    return one;
  }
  const tone = (name) => `var(--c-${name || "ink"})`;

  // --- widths: asking a canvas costs no layout of the page ---
  const measure = document.createElement("canvas").getContext("2d");
  let family = "";
  function widthOf(text, size = SIZE) {
    family = family || getComputedStyle(document.body).fontFamily;
    measure.font = `${size}px ${family}`;
    return measure.measureText(text).width;
  }
  function fitted(text, room) {
    if (widthOf(text) <= room) { return text; }
    let count = text.length;
    while (count > 4 && widthOf(`${text.slice(0, count)}…`) > room) { count -= 1; }
    return `${text.slice(0, count)}…`;
  }

  // --- numbers ---
  function number(value, digits = 0) {
    const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const text = Math.abs(value).toLocaleString("en-US", places);
    return (value < 0 && /[1-9]/.test(text) ? MINUS : "") + text;
  }
  function written(axis, value) {
    if (axis.start) { return finished(axis.start, value); }
    const text = number(value, axis.digits || 0), isNegative = text.startsWith(MINUS);
    const figures = isNegative ? text.slice(1) : text;
    return (isNegative ? MINUS : "") + (axis.prefix || "") + figures + (axis.suffix || "");
  }
  // ticks at multiples of 1, 2, 2.5 or 5 times a power of ten; of things that are counted, at whole numbers
  function niceTicks(low, high, most, whole) {
    const rough = Math.max((high - low) / most, whole ? 1 : 1e-12), power = 10 ** Math.floor(Math.log10(rough));
    const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= rough - 1e-12 && !(whole && one * power % 1)), step = factor * power, ticks = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) { ticks.push(k * step); }
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (factor === 2.5 ? 1 : 0));
    return { step, ticks, digits };
  }

  // --- dates: days are counted from the start, in UTC, so that no clock change moves one ---
  const civil = (start, day) => new Date(Date.parse(`${start}T00:00:00Z`) + Math.floor(day) * DAY);
  function dated(start, day) {
    const date = civil(start, day);
    return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  }
  const finishDay = (day) => Math.max(Math.ceil(day), 1) - 1;  // midnight ends the day before
  const finished = (start, day) => dated(start, finishDay(day));
  // [day, month, year] of ticks; the year only where it changes
  function dateTicks(start, low, high, room) {
    const first = civil(start, low), last = civil(start, high), most = Math.max(2, Math.floor(room / 58));
    const years = last.getUTCFullYear() - first.getUTCFullYear();
    const months = 12 * years + last.getUTCMonth() - first.getUTCMonth();
    const found = months < 3 ? dayTicks(start, low, high, most) : monthTicks(start, low, high, months / most);
    let year = null;
    return found.map(([day, text, of]) => {
      const line = of === year ? "" : String(of);
      year = of;
      return [day, text, line];
    });
  }
  function dayTicks(start, low, high, most) {
    const every = [1, 2, 7, 14, 28].find((days) => (high - low) / days <= most) || 28, found = [];
    for (let day = Math.ceil(low); day <= high; day += every) {
      const date = civil(start, day);
      found.push([day, `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`, date.getUTCFullYear()]);
    }
    return found;
  }
  function monthTicks(start, low, high, least) {
    const every = [1, 2, 3, 6, 12, 24, 60, 120].find((months) => least <= months) || 240, found = [];
    const origin = Date.parse(`${start}T00:00:00Z`), begin = 12 * civil(start, low).getUTCFullYear();
    for (let month = begin; month <= 12 * civil(start, high).getUTCFullYear() + 11; month += every) {
      const day = (Date.UTC(Math.floor(month / 12), month % 12, 1) - origin) / DAY;
      if (day >= low && day <= high) { found.push([day, MONTHS[month % 12], Math.floor(month / 12)]); }
    }
    return found;
  }

  // --- keys of a legend ---
  function key(...parts) {
    const svg = make("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" });
    svg.append(...parts);
    return svg;
  }
  const patch = (colour) => make("rect", { x: 1, y: 1, width: 20, height: 10, fill: tone(colour) });
  const disc = (colour) => make("circle", { cx: 11, cy: 6, r: 4, fill: tone(colour) });
  const diamond = (colour) => make("path", { d: "M5 6L11 0L17 6L11 12Z", fill: tone(colour) });
  const stroke = (colour, dash) => make("line", {
    x1: 1, x2: 21, y1: 6, y2: 6, stroke: tone(colour), "stroke-width": 2.5, "stroke-dasharray": dash || "none",
  });
  function fixedItem(text, ...parts) {
    const item = element("li", { className: "fixed" });
    item.append(key(...parts), text);
    return item;
  }

  return {
    make, element, tone, widthOf, fitted, number, written, niceTicks, dated, finishDay, finished, dateTicks, key, patch,
    disc, diamond, stroke, fixedItem,
  };
})();
