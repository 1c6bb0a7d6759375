"use strict";
(() => {
  const told = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const views = [];
  const recolour = (model) => {
    const style = getComputedStyle(document.documentElement);
    const [paper, ink, line] = ["--paper", "--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
    const dress = { background_fill_color: paper, border_fill_color: paper, outline_line_color: null, axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: line, major_tick_line_color: line, minor_tick_line_color: null, grid_line_color: line, label_text_color: ink, title_text_color: ink };
    const dressed = (part) => {
      for (const [name, colour] of Object.entries(dress)) { if (part.properties && name in part.properties) { part[name] = colour; } }
      if (part.type === "Legend") { part.background_fill_color = null; part.border_line_color = null; }
    };
    for (const part of model.references()) { if (/Figure|Axis|Grid|Legend/.test(part.type)) { dressed(part); } }
    for (const part of model.references()) {
      if (part.line_color && part.line_color.value === undefined && (part.line_color === "#1b1f24" || part.line_color === "#e8ebee")) { part.line_color = ink; }
      if (part.line_color && part.line_color.value && /^#(1b1f24|e8ebee)$/.test(part.line_color.value)) { part.line_color = { value: ink }; }
    }
  };
  const roomy = (model) => {
    const most = Math.max(2, Math.min(7, Math.floor(document.body.clientWidth / 120)));
    for (const part of model.references()) { if (part.type === "DatetimeTicker") { part.desired_num_ticks = most; } }
  };
  const pick = (s_curve) => {
    const slider = document.getElementById("percentile"), said = document.getElementById("picked");
    if (!slider || !told.percentiles.length) { return; }
    const mark = [...s_curve.references()].find((part) => part.name === "picked");
    const show = () => {
      const [percent, , date] = told.percentiles.reduce((a, b) => Math.abs(b[0] - slider.value) < Math.abs(a[0] - slider.value) ? b : a);
      said.textContent = `P${percent}: on or before ${date}`;
      const day = told.percentiles.find((row) => row[0] === percent)[1];
      if (mark) { mark.location = told.start + day * 86400000; }
    };
    slider.addEventListener("input", show);
    show();
  };
  const draw = async () => {
    for (const [name, item] of Object.entries(told.items)) {
      const [view] = [...await Bokeh.embed.embed_item(item, name)];
      views.push(view.model);
      roomy(view.model);
      recolour(view.model);
      if (name === "chart_s_curve") { pick(view.model); }
    }
    document.documentElement.dataset.drawn = String(views.length);
  };
  dark.addEventListener("change", () => views.forEach(recolour));
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
  draw();
})();
