"use strict";
// What the page that plays a project needs everywhere: its data, colours, dates, numbers, and sorted days.
const told = JSON.parse(document.getElementById("data").textContent);
told.last = Math.max(...told.scenes.map((one) => one.end));
const at = (id) => document.getElementById(id);

// --- colours: read once for each scheme, as a look at the style of a page costs a layout ---
const tones = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)"), PAGE = ["paper", "ink", "muted", "line", "tint"];
  let known = null;
  const read = () => {
    const style = getComputedStyle(document.documentElement);
    const ofPage = PAGE.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
    const ofThings = Object.entries(told.colours).map(([name, both]) => [name, both[dark.matches ? 1 : 0]]);
    return new Map([...ofThings, ...ofPage]);
  };
  return {
    of(name) {
      known = known || read();
      return known.get(name);
    },
    forget() { known = null; },
    onChange(act) { dark.addEventListener("change", act); },
  };
})();

// --- dates and numbers ---
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], DAY = 86400000;
const NEVER = 1e9;  // the day of what does not happen: JSON has no infinity
function civil(start, day) {
  const date = new Date(Date.parse(`${start}T00:00:00Z`) + Math.floor(day) * DAY);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}
const endOf = (day) => Math.max(Math.ceil(day), 1) - 1;  // the day of a finish: midnight ends the day before
const formats = [0, 1].map((digits) =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const number = (value, digits = 0) => formats[digits].format(value);

// --- sorted days ---
const sorted = (values) => Float64Array.from(values).sort();
function come(days, day) {  // how many of sorted days have come
  let low = 0, high = days.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (days[middle] <= day) { low = middle + 1; } else { high = middle; }
  }
  return low;
}
// A free place for each of [begin, end], the lowest there is: who stays does not move when another leaves.
function placesFor(spans) {
  const order = spans.map((_, k) => k).sort((a, b) => spans[a][0] - spans[b][0] || a - b);
  const found = new Array(spans.length), leaves = [];
  for (const k of order) {
    const free = leaves.findIndex((end) => end <= spans[k][0]), place = free < 0 ? leaves.length : free;
    leaves[place] = spans[k][1];
    found[k] = place;
  }
  return { found, most: leaves.length };
}
