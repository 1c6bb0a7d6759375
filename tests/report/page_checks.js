// What the tests of pages ask the browser: texts that overlap, elements wider than the screen, contrast below 4.5.
const checks = {
  overlaps: () => {
  const found = [];
  for (const svg of document.querySelectorAll("svg[role=img], .gantt svg")) {
    const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim()).map((t) => [t.textContent, t.getBoundingClientRect()]);
    texts.forEach(([one, a], k) => texts.slice(k + 1).forEach(([other, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 3) { found.push(`${one} | ${other}`); }
    }));
  }
  return found;
},
  cut: () => [...document.querySelectorAll(".chart > svg")].flatMap((svg) => { const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].filter((t) => { const a = t.getBoundingClientRect(); return a.width && (a.left < box.left - 2 || a.right > box.right + 2 || a.top < box.top - 3); })
      .map((t) => t.textContent); }),
  crossed: () => [...document.querySelectorAll(".chart > svg")].flatMap((svg) => {
    const lines = [...svg.querySelectorAll(".upright")].map((one) => one.getBoundingClientRect()).filter((b) => b.height);
    return [...svg.querySelectorAll("text.mark")].filter((text) => {
      const a = text.getBoundingClientRect();
      return lines.some((b) => b.left > a.left + 1 && b.right < a.right - 1 && b.top < a.bottom - 4 && b.bottom > a.top + 4);
    }).map((text) => text.textContent);
  }),
  covered: (chart) => [...document.querySelectorAll(`${chart} text.value`)].filter((text) => {
    const a = text.getBoundingClientRect();
    return [...document.querySelectorAll(`${chart} rect, ${chart} .whisker, ${chart} .dot`)].map((mark) => mark.getBoundingClientRect())
      .some((b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1);
  }).map((text) => text.textContent),
  wider: () => [...document.querySelectorAll("body *")].filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1
  && !e.closest("svg") && !(innerWidth > 640 && e.closest(".wide table"))).map((e) => `${e.tagName}.${e.className}`),
  contrast: () => {
  const rgb = (text) => (text.match(/[0-9.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const f = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const behind = (e) => { for (let p = e; p; p = p.parentElement) { const c = rgb(getComputedStyle(p).backgroundColor); if (c.length === 3 || c[3] === 1) { return c; } } return [255, 255, 255]; };
  const low = [];
  for (const e of document.querySelectorAll("body *")) {
    if (!e.getClientRects().length || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) { continue; }
    const inSvg = Boolean(e.closest("svg")), style = getComputedStyle(e);
    if (e.tagName === "title") { continue; }
    const bar = e.dataset.on && getComputedStyle(document.documentElement).getPropertyValue(`--c-${e.dataset.on}`).trim();
    const under = bar ? [1, 3, 5].map((k) => parseInt(bar.slice(k, k + 2), 16)) : behind(e);
    const a = light(rgb(inSvg ? style.fill : style.color)), b = light(under);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) { low.push(`${e.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`); }
  }
  return low;
},
};
