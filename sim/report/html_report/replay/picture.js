// Draws one project on its canvas. Most of a picture stays as it was from one frame to the next, so it is kept in two
// layers behind the scenes: what never changes, and what changes with events, of which only the changed part is drawn
// anew. A frame is then one copy, the skids that are on their way, the cranes, and three cursors.
const DOT = { people: 10, wide: 6.8, high: 7, r: 2.7, most: 120 };
const SAMPLES = 240;  // points of a curve

class Picture {
  constructor(history, canvas) {
    this.history = history;
    this.canvas = canvas;
    this.g = canvas.getContext("2d", { alpha: false });
    this.picked = null;
    this.resize();
  }
  resize() {
    const width = this.canvas.clientWidth || 600, ratio = Math.min(devicePixelRatio || 1, 2);
    this.site = new SitePlan(this.history, width);
    this.plan = this.site.plan;
    this.dotsAcross = Math.floor((this.plan.crews.each - 8) / DOT.wide);
    this.canvas.width = Math.round(width * ratio);
    this.scale = this.canvas.width / this.plan.wide;
    this.canvas.height = Math.round(this.plan.high * this.scale);
    this.prepareHalls();
    this.forget();
  }
  forget() { this.layers = null; }

  // --- a frame ---
  draw(day) {
    if (!this.layers) { this.makeLayers(); }
    this.update(day);
    const { g } = this;
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.drawImage(this.layers.slow, 0, 0);
    g.scale(this.scale, this.scale);
    this.drawSkids(g, day);
    this.drawCranes(g, day);
    this.drawCursors(g, day);
  }

  // --- layers ---
  makeLayers() {
    const { width, height } = this.canvas;
    const [still, slow] = [0, 1].map(() => Object.assign(document.createElement("canvas"), { width, height }));
    const g = still.getContext("2d", { alpha: false });
    g.scale(this.scale, this.scale);
    g.fillStyle = tones.of("paper");
    g.fillRect(0, 0, this.plan.wide, this.plan.high);
    this.drawAreas(g);
    this.curveBoxes = this.curvesShown().map((curve, k, all) => this.drawCurve(g, curve, k, all.length));
    const over = slow.getContext("2d", { alpha: false });
    over.drawImage(still, 0, 0);
    over.scale(this.scale, this.scale);
    this.layers = { still, slow, g: over, shown: new Map() };
    this.dots = this.history.trades.slice(0, 8).map((_, k) => this.dotSheet(tones.of(`trade-${k}`)));
  }
  update(day) {
    const n = Math.floor(day), { plan } = this, crews = plan.crews;
    this.renew("sky", n, plan.sky, (g) => this.drawSky(g, day));
    const works = this.history.siteText(day), cranes = this.history.craneCount(day);
    const running = this.history.units.map(([, delivered, runs]) => (day >= runs ? 2 : Number(day >= delivered)));
    const top = { x: 0, y: plan.site.y - 16, w: plan.wide, h: 42 };
    this.renew("site", `${works}|${cranes}|${running.join("")}`, top, (g) => this.drawSite(g, works, cranes, running));
    this.site.hallBoxes.forEach((box, k) => {
      const area = { x: box.x - 2, y: box.y - 2, w: box.w + 4, h: box.h + 4 };
      this.renew(`hall ${k}`, this.hallState(k, day), area, (g) => this.drawHall(g, k, day));
    });
    const people = { x: 0, y: crews.y - 14, w: plan.wide, h: plan.high - crews.y + 14 };
    this.renew("crews", n, people, (g) => this.drawCrews(g, day));
  }
  // Draws an area of the slow layer anew where what it shows is not what it showed.
  renew(name, state, area, draw) {
    const { still, g, shown } = this.layers;
    if (shown.get(name) === state) { return; }
    shown.set(name, state);
    const from = [area.x, area.y].map((v) => Math.floor(v * this.scale));
    const size = [area.w, area.h].map((v) => Math.ceil(v * this.scale) + 1);
    g.save();
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.beginPath();
    g.rect(...from, ...size);
    g.clip();
    g.drawImage(still, ...from, ...size, ...from, ...size);
    g.scale(this.scale, this.scale);
    draw(g);
    g.restore();
  }
  write(g, text, x, y, tone, size = 12, align = "left") {
    g.fillStyle = tones.of(tone);
    g.font = `${size * this.plan.text}px system-ui, "DejaVu Sans", sans-serif`;
    g.textAlign = align;
    g.fillText(text, x, y);
  }

  // --- what never changes: areas of the factories, and curves ---
  drawAreas(g) {
    if (!this.history.skids.length) { return; }
    const { factory, road, yard } = this.plan;
    this.history.systems.forEach((name, system) => {
      const y = this.site.systemTop(system), [lines, finished, places] = this.history.places[name] || [0, 0, 0];
      g.fillStyle = tones.of("tint");
      for (const area of [factory, yard]) { g.fillRect(area.x, y - 6, area.w, 106); }
      g.fillStyle = tones.of("line");
      g.fillRect(road.x, y + 12, road.w, 76);
      this.write(g, `${name}: ${lines || ""} lines`, factory.x + 5, y + 8, "muted", 10.5);
      this.write(g, finished ? `finished, ${finished} places` : "finished goods", factory.x + 5, y + 66, "muted", 10.5);
      this.write(g, "road", road.x + 4, y + 8, "muted", 10.5);
      this.write(g, places ? `yard, ${places}` : "yard", yard.x + 5, y + 8, "muted", 10.5);
    });
  }
  curvesShown() {
    const { history } = this;
    const money = [`idle capital, ${history.money}, ${history.idle_of}`, "idle", (day) => history.idleCapital(day)];
    return [
      ["MW online", "p50", (day) => history.mwOnline(day)],
      ["people on site (direct)", "stage-mechanical", (day) => history.people(day)],
      ...(history.curves.idle ? [money] : []),
    ];
  }
  drawCurve(g, [name, tone, value], k, many) {
    const { curves } = this.plan, wide = curves.down ? curves.w : curves.w / many;
    const x = curves.x + (curves.down ? 0 : k * wide), y = curves.y + k * curves.down;
    const box = { x, y, w: wide - (curves.down ? 0 : 16), h: curves.h };
    const values = Array.from({ length: SAMPLES + 1 }, (_, n) => value(told.last * n / SAMPLES));
    const most = Math.max(...values, 1);
    const line = () => {
      g.beginPath();
      values.forEach((v, n) => g.lineTo(box.x + box.w * n / SAMPLES, box.y + box.h - v / most * (box.h - 6)));
    };
    g.strokeStyle = tones.of("line");
    g.strokeRect(box.x, box.y, box.w, box.h);
    if (tone === "idle") {  // an area, as in the report
      line();
      g.lineTo(box.x + box.w, box.y + box.h);
      g.lineTo(box.x, box.y + box.h);
      g.fillStyle = tones.of(tone);
      g.fill();
    }
    line();
    g.lineWidth = 1.8;
    g.strokeStyle = tones.of(tone === "idle" ? "muted" : tone);
    g.stroke();
    this.write(g, name, box.x, box.y - 6, "muted", 11);
    for (const [share, align] of [[0, "left"], [0.5, "center"], [1, "right"]]) {
      const month = civil(this.history.start, share * told.last).slice(-8);
      this.write(g, month, box.x + share * box.w, box.y + box.h + 13, "muted", 10, align);
    }
    return { ...box, value, most, tone };
  }
  dotSheet(fill) {  // all dots of a trade, of which as many are copied as there are people
    const sheet = document.createElement("canvas"), across = this.dotsAcross, rows = Math.ceil(DOT.most / across);
    sheet.width = Math.ceil(across * DOT.wide * this.scale);
    sheet.height = Math.ceil(rows * DOT.high * this.scale);
    const g = sheet.getContext("2d");
    g.scale(this.scale, this.scale);
    g.fillStyle = fill;
    for (let n = 0; n < DOT.most; n += 1) {
      g.beginPath();
      g.arc((n % across) * DOT.wide + 3, Math.floor(n / across) * DOT.high + 3.2, DOT.r, 0, 7);
      g.fill();
    }
    return sheet;
  }

  // --- what changes with the day ---
  drawSky(g, day) {  // the darker, the more of the working day is lost; strokes of rain at places that the day decides
    const { x, y, w, h } = this.plan.sky, n = Math.floor(day), lost = this.history.lostToWeather(day);
    const most = Math.max(0, ...lost.map(([, share]) => share));
    const rain = Math.max(0, ...lost.filter(([what]) => what !== "crane").map(([, share]) => share));
    g.fillStyle = tones.of("sky-clear");
    g.fillRect(x, y, w, h);
    g.globalAlpha = most;
    g.fillStyle = tones.of("sky-closed");
    g.fillRect(x, y, w, h);
    g.globalAlpha = 1;
    if (rain > 0.1) {
      g.strokeStyle = tones.of("paper");
      g.lineWidth = 1.2;
      g.beginPath();
      for (let k = 0; k < 60; k += 1) {
        const left = x + ((k * 97 + n * 31) % 997) / 997 * (w - 8), top = y + ((k * 53 + n * 17) % 89) / 89 * (h - 10);
        g.moveTo(left + 4, top);
        g.lineTo(left, top + 8);
      }
      g.stroke();
    }
    if (this.history.sky.crane !== undefined) { this.write(g, skyText(lost), x + 8, y + h / 2 + 5, "ink", 12); }
  }
  drawSite(g, works, cranes, running) {
    const { y, power, letters } = this.plan.site;
    this.write(g, works.length > letters ? `${works.slice(0, letters - 1)}…` : works, 20, y, "ink", 11.5);
    this.write(g, `Cranes ${cranes} of ${this.history.cranes_there} in use`, 20, y + 20, "muted", 11.5);
    this.site.unitBoxes.forEach((box, k) => {
      if (running[k]) {
        g.fillStyle = tones.of(running[k] === 2 ? "cause-power" : "line");
        g.fillRect(box.x, box.y, box.w, box.h);
      }
      g.strokeStyle = tones.of("muted");
      g.lineWidth = 1;
      g.strokeRect(box.x, box.y, box.w, box.h);
    });
    if (running.length) { this.write(g, "power", power - 8, y + 20, "muted", 11.5, "right"); }
  }
  drawCrews(g, day) {
    const { crews } = this.plan;
    this.dots.forEach((sheet, k) => {
      const there = this.history.tradeCount(k, day), many = Math.min(Math.ceil(there / DOT.people), DOT.most);
      const x = crews.x + (k % crews.across) * crews.each, y = crews.y + Math.floor(k / crews.across) * crews.down;
      this.write(g, `${this.history.trades[k][0]} ${number(there)}`, x, y, "ink", 10.5);
      const across = this.dotsAcross, full = Math.floor(many / across);
      if (full) { this.copyDots(g, sheet, x, y + 6, 0, full, across); }
      if (many % across) { this.copyDots(g, sheet, x, y + 6, full, 1, many % across); }
    });
  }
  copyDots(g, sheet, x, y, row, rows, columns) {
    const w = columns * DOT.wide, h = rows * DOT.high, top = row * DOT.high, s = this.scale;
    g.drawImage(sheet, 0, top * s, w * s, h * s, x, y + top, w, h);
  }

  // --- halls, with their blocks and the skids that stand in them ---
  prepareHalls() {
    const { history } = this, { each } = history;
    this.hallBlocks = this.site.hallBoxes.map((_, k) =>
      history.blocks.slice(k * each, (k + 1) * each).map((_block, n) => k * each + n));
    this.hallSkids = this.site.hallBoxes.map(() => []);
    history.skidRows.forEach(({ block }, n) => {
      const k = this.site.blockAt.get(block);
      if (k !== undefined) { this.hallSkids[Math.floor(k / each)].push(n); }
    });
    this.hallTimes = this.hallBlocks.map((blocks, k) => {
      const ofBlocks = blocks.flatMap((n) => [history.blocks[n][1], ...history.blocks[n][2].flat()]);
      const ofSkids = this.hallSkids[k].map((n) => history.dayOf(n, SET) + MOVE);
      return sorted([...ofBlocks, ...ofSkids]);
    });
  }
  hallPixels(k, share) { return Math.round(share * this.site.hallBoxes[k].h * this.scale); }
  hallState(k, day) {  // all that is drawn of a hall follows from it: else a picture would depend on the frame before
    const share = this.history.hallGrowth(k, day);
    return [come(this.hallTimes[k], day), this.hallPixels(k, share), share >= 1, this.hallName(k, share)].join("|");
  }
  drawHall(g, k, day) {
    const box = this.site.hallBoxes[k], share = this.history.hallGrowth(k, day), isDone = share >= 1;
    const high = this.hallPixels(k, share) / this.scale;
    g.fillStyle = tones.of("tint");
    g.fillRect(box.x, box.y + box.h - high, box.w, high);  // the hall grows
    g.strokeStyle = tones.of(isDone ? "ink" : "muted");
    g.lineWidth = isDone ? 2 : 1;
    g.strokeRect(box.x, box.y, box.w, box.h);
    this.write(g, this.hallName(k, share), box.x + 4, box.y + 12, "muted", 10);
    for (const n of this.hallBlocks[k]) { this.drawBlock(g, n, day); }
    this.fillSpots(g, this.hallSkids[k].filter((n) => this.isSettled(n, day)), (n) => this.site.spot(n, "block"));
  }
  hallName(k, share) {
    if (!this.history.has_halls) { return `blocks ${k * this.history.each + 1} on`; }
    return `hall ${k + 1}${share > 0 && share < 0.995 ? ` ${Math.round(100 * share)} %` : ""}`;
  }
  drawBlock(g, n, day) {
    const box = this.site.blockBoxes[n], [, online, spans] = this.history.blocks[n], tests = spans[3];
    if (day >= online) {
      g.fillStyle = tones.of("flow-online");
      g.fillRect(box.x, box.y, box.w, box.h);
      return;
    }
    spans.slice(0, 3).forEach(([begin, end], system) => {
      if (begin === undefined || day < begin) { return; }
      g.globalAlpha = day >= end ? 0.85 : 0.4;
      g.fillStyle = tones.of(`stage-${this.history.systems[system]}`);
      g.fillRect(box.x + system * box.w / 3, box.y, box.w / 3, box.h * 0.55);
      g.globalAlpha = 1;
    });
    if (tests && day >= tests[0]) {
      g.fillStyle = tones.of("stage-commissioning");
      g.fillRect(box.x, box.y, box.w, box.h * 0.18);
    }
    g.strokeStyle = tones.of("line");
    g.lineWidth = 1;
    g.strokeRect(box.x, box.y, box.w, box.h);
  }

  // --- what moves: skids on their way, cranes, cursors ---
  isSettled(n, day) { return day >= this.history.dayOf(n, SET) + MOVE && day < this.history.dayOf(n, ONLINE); }
  drawSkids(g, day) {
    const { history } = this, there = come(history.byState[STARTED], day), moving = [];
    for (let k = 0; k < there; k += 1) {
      const n = history.begun[k];
      if (day < history.dayOf(n, SET) + MOVE) { moving.push(n); }
    }
    this.fillSpots(g, moving, (n) => this.site.place(n, day));
    if (this.picked && this.picked.kind === "skid") { this.frameSkid(g, this.picked.n, day); }
  }
  fillSpots(g, skids, spotOf) {
    for (const [system, name] of this.history.systems.entries()) {
      g.fillStyle = tones.of(`stage-${name}`);
      for (const n of skids) {
        if (this.history.skidRows[n].system !== system) { continue; }
        const one = spotOf(n);
        if (one) { g.fillRect(one.x, one.y, one.isTruck ? 9 : one.size, one.size); }
      }
    }
  }
  frameSkid(g, n, day) {
    const one = this.site.place(n, day);
    if (!one) { return; }
    g.strokeStyle = tones.of("p80");
    g.lineWidth = 2;
    g.strokeRect(one.x - 2, one.y - 2, one.size + 4, one.size + 4);
  }
  drawCranes(g, day) {  // a mast and a jib over every block that a crane works for
    g.strokeStyle = tones.of("ink");
    g.lineWidth = 1.6;
    g.beginPath();
    for (const { begin, end, block } of this.history.craneJobs) {
      const box = begin <= day && day < end ? this.site.blockBoxes[this.site.blockAt.get(block)] : undefined;
      if (!box) { continue; }
      const mast = box.x + box.w * 0.3, top = box.y - 8, tip = mast + box.w * 0.65;
      g.moveTo(mast, box.y + box.h);
      g.lineTo(mast, top);
      g.moveTo(mast - box.w * 0.25, top);
      g.lineTo(tip, top);
      g.lineTo(tip, box.y + 2);
    }
    g.stroke();
  }
  drawCursors(g, day) {
    for (const box of this.curveBoxes) {
      const x = box.x + box.w * Math.min(day / told.last, 1), value = box.value(day);
      g.strokeStyle = tones.of("ink");
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(x, box.y);
      g.lineTo(x, box.y + box.h);
      g.stroke();
      g.fillStyle = tones.of(box.tone === "idle" ? "muted" : box.tone);
      g.beginPath();
      g.arc(x, box.y + box.h - value / box.most * (box.h - 6), 3.5, 0, 7);
      g.fill();
      this.write(g, number(value), box.x + box.w - 2, box.y - 6, "ink", 12, "right");
    }
  }
}
function skyText(lost) {
  const stops = lost.filter(([, share]) => share >= 0.15).map(([what, share]) => `${what} ${Math.round(100 * share)} %`);
  return stops.length ? `weather stops ${stops.join(", ")}` : "weather: nothing stands";
}
