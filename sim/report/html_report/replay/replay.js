"use strict";
// Plays a project: everything on the canvas is worked out from the day that is shown, never from the frame before.
(() => {
  const told = JSON.parse(document.getElementById("data").textContent), at = (id) => document.getElementById(id);
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], DAY = 86400000;
  const MOVE = 0.6;  // days in which a thing goes to its new place
  // two site plans, in units of their own: across a desk, and down a phone
  const PLANS = {
    desk: { wide: 1000, high: 668, text: 1, sky: { x: 14, y: 4, w: 972, h: 30 }, site: { y: 54, power: 300 }, factory: 104,
      halls: { left: 395, top: 84, right: 980, bottom: 452 }, curves: { x: 20, y: 492, w: 960, h: 90, down: false }, crews: { x: 62, y: 616, each: 115, across: 8 } },
    phone: { wide: 520, high: 1240, text: 1.35, sky: { x: 10, y: 4, w: 500, h: 34 }, site: { y: 62, power: 258 }, factory: 128,
      halls: { left: 12, top: 486, right: 508, bottom: 800 }, curves: { x: 14, y: 838, w: 492, h: 54, down: true }, crews: { x: 14, y: 1144, each: 126, across: 4 } },
  };
  const SYSTEM = 112;  // height of a factory with its road and yard
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => told.colours[name][dark.matches ? 1 : 0];
  let tones = null;  // read once for each scheme
  const page = () => { const style = getComputedStyle(document.documentElement), of = (n) => style.getPropertyValue(n).trim(); return { paper: of("--paper"), ink: of("--ink"), muted: of("--muted"), line: of("--line"), tint: of("--tint") }; };
  const civil = (start, day) => { const d = new Date(Date.parse(`${start}T00:00:00Z`) + Math.floor(day) * DAY); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`; };
  const number = (value, digits = 0) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  // how many of sorted days have come
  const come = (days, day) => { let low = 0, high = days.length; while (low < high) { const mid = (low + high) >> 1; if (days[mid] <= day) { low = mid + 1; } else { high = mid; } } return low; };
  const sorted = (values) => Float64Array.from(values).sort();

  // a free place for each of [begin, end], the lowest there is: who stays does not move when another leaves
  function places(spans) {
    const order = spans.map((_, k) => k).sort((a, b) => spans[a][0] - spans[b][0] || a - b), found = new Array(spans.length), leaves = [];
    for (const k of order) {
      let place = leaves.findIndex((end) => end <= spans[k][0]);
      if (place < 0) { place = leaves.length; }
      leaves[place] = spans[k][1]; found[k] = place;
    }
    return { found, most: leaves.length };
  }

  class Scene {
    constructor(data, number) {
      Object.assign(this, data);
      this.canvas = at(`canvas${number}`); this.number = number; this.picked = null;
      this.lastDay = data.curves.idle ? data.curves.idle.length - 1 : 0;
      this.layout(); this.prepare();
    }
    layout() {  // factories left, yard in the middle, halls right, curves below; on a phone all below each other
      const halls = Math.ceil(this.blocks.length / this.each), columns = Math.min(this.columns, halls), rows = Math.ceil(halls / columns);
      this.spots = { making: [], finished: [], yard: [], block: [] };
      this.plan = PLANS[(this.canvas.clientWidth || 600) < 560 ? "phone" : "desk"];
      const { right, bottom } = this.plan.halls, phone = this.plan === PLANS.phone;
      const left = this.skids.length || phone ? this.plan.halls.left : 20, top = this.skids.length || !phone ? this.plan.halls.top : this.plan.factory - 20;
      const w = (right - left) / columns, h = (bottom - top) / rows;
      this.hallBoxes = Array.from({ length: halls }, (_, k) => ({ x: left + (k % columns) * w + 4, y: top + Math.floor(k / columns) * h + 4, w: w - 8, h: h - 8 }));
      const across = Math.ceil(Math.sqrt(this.each * (w / h))), down = Math.ceil(this.each / across);
      this.blockBoxes = this.blocks.map((_, k) => {
        const hall = this.hallBoxes[Math.floor(k / this.each)], n = k % this.each, bw = (hall.w - 8) / across, bh = (hall.h - 20) / down;
        return { x: hall.x + 4 + (n % across) * bw + 1, y: hall.y + 16 + Math.floor(n / across) * bh + 1, w: bw - 2, h: bh - 2 };
      });
      this.at = new Map(this.blocks.map(([block], k) => [block, k]));
    }
    prepare() {
      const { skids } = this;
      this.ofSystem = this.systems.map((_, s) => skids.map((k, n) => [k, n]).filter(([k]) => k[1] === s).map(([, n]) => n));
      this.slot = { making: [], finished: [], road: [], yard: [] };
      this.most = { making: [], finished: [], road: [], yard: [] };
      this.ofSystem.forEach((of, s) => {
        const spans = { making: (k) => [k[3][1], k[3][2]], finished: (k) => [k[3][2], k[4]], road: (k) => [k[4], k[3][3]], yard: (k) => [k[3][3], k[3][4]] };
        for (const [name, span] of Object.entries(spans)) {
          const { found, most } = places(of.map((n) => span(skids[n])));
          of.forEach((n, k) => { this.slot[name][n] = found[k]; });
          this.most[name][s] = most;
        }
      });
      this.byState = this.states.map((_, k) => sorted(skids.map((one) => one[3][k])));
      this.online = sorted(this.blocks.map((one) => one[1]));
      this.craneFrom = sorted(this.cranes.map((one) => one[0])); this.craneTo = sorted(this.cranes.map((one) => one[1]));
      const times = new Set();
      for (const one of skids) { one[3].forEach((day) => times.add(day)); times.add(one[4]); }
      for (const one of this.blocks) { times.add(one[1]); one[2].flat().forEach((day) => times.add(day)); }
      for (const hall of this.halls) { hall[1].forEach((work) => times.add(work[2])); }
      for (const one of [...this.site, ...this.units]) { times.add(one[2]); }
      this.times = sorted([...times].filter((day) => day > 0 && day <= this.end));
      // how many of each system wait at each place of the block when it is set, to stand beside each other there
      this.inBlock = []; const used = new Map();
      skids.forEach((one, n) => { const key = `${one[1]}/${one[2]}`; this.inBlock[n] = used.get(key) || 0; used.set(key, this.inBlock[n] + 1); });
    }
    stateOf(skid, day) { let k = this.states.length - 1; while (k >= 0 && skid[3][k] > day) { k -= 1; } return k; }
    counts(day) {  // by the state reached last
      const reached = this.byState.map((days) => come(days, day));
      return Object.fromEntries(this.states.map((name, k) => [name, reached[k] - (k + 1 < reached.length ? reached[k + 1] : 0)]));
    }
    // where a skid stands in a place of its way, whatever the time
    spot(n, where) {
      const known = this.spots[where];
      if (known[n] === undefined) { known[n] = this.standing(n, where); }
      return known[n];
    }
    standing(n, where) {
      const skid = this.skids[n], s = skid[1], slot = this.slot[where] ? this.slot[where][n] : 0, y = this.plan.factory + s * SYSTEM;
      const grid = (x, w, top, h, most) => { const per = Math.max(1, Math.min(Math.floor(w / 7), Math.ceil(Math.sqrt(most * w / h)))), size = Math.min(9, w / per, h / Math.ceil(most / per)); return { x: x + (slot % per) * size, y: top + Math.floor(slot / per) * size, size: Math.max(size - 1, 1.6) }; };
      if (where === "making") { return grid(20, 142, y + 14, 42, this.most.making[s]); }
      if (where === "finished") { return grid(20, 142, y + 70, 28, this.most.finished[s]); }
      if (where === "yard") { return grid(294, 88, y + 14, 84, this.most.yard[s]); }
      const box = this.blockBoxes[this.at.get(skid[2])];
      if (!box) { return null; }
      const third = box.w / 3, size = Math.max(1.6, Math.min(third - 1.5, box.h / 4));
      return { x: box.x + s * third + 0.5, y: box.y + box.h - (this.inBlock[n] + 1) * (size + 0.8), size };
    }
    place(n, day) {
      const skid = this.skids[n], [, started, tested, delivered, set] = skid[3], drove = skid[4];
      if (day < started) { return null; }
      if (day < tested) { return this.spot(n, "making"); }
      if (day < drove) { return this.moving(this.spot(n, "making"), this.spot(n, "finished"), (day - tested) / MOVE); }
      if (day < delivered) {
        const share = (day - drove) / Math.max(delivered - drove, 1e-6), y = this.plan.factory + skid[1] * SYSTEM + 20 + (this.slot.road[n] % 8) * 9;
        return { x: 176 + share * 96, y, size: 6, truck: true };
      }
      if (day < set) { return this.moving({ x: 272, y: this.plan.factory + skid[1] * SYSTEM + 40, size: 6 }, this.spot(n, "yard"), (day - delivered) / MOVE); }
      return this.moving(this.spot(n, "yard"), this.spot(n, "block"), (day - set) / MOVE);
    }
    moving(from, to, share) {
      if (!from || !to || share >= 1) { return to; }
      return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, size: from.size + (to.size - from.size) * share };
    }
    resize() {
      const width = this.canvas.clientWidth || 600, ratio = Math.min(devicePixelRatio || 1, 2);
      this.canvas.width = Math.round(width * ratio); this.layout();
      this.canvas.height = Math.round(width * ratio * this.plan.high / this.plan.wide);
      this.scale = this.canvas.width / this.plan.wide; this.back = null;
    }
    // what does not change with time: names of areas, and the curves
    background(tones) {
      const back = document.createElement("canvas"); back.width = this.canvas.width; back.height = this.canvas.height;
      const g = back.getContext("2d"); g.scale(this.scale, this.scale);
      g.fillStyle = tones.paper; g.fillRect(0, 0, this.plan.wide, this.plan.high);
      if (this.skids.length) {
        this.systems.forEach((name, s) => {
          const y = this.plan.factory + s * SYSTEM, [lines, finished, yard] = this.places[name] || [0, 0, 0];
          g.fillStyle = tones.tint; g.fillRect(14, y - 6, 156, 106); g.fillRect(288, y - 6, 100, 106);
          g.fillStyle = tones.line; g.fillRect(174, y + 12, 108, 76);
          this.write(g, `${name}: ${lines || ""} lines`, 20, y + 8, tones.muted, 11); this.write(g, finished ? `finished, ${finished} places` : "finished goods", 20, y + 66, tones.muted, 11);
          this.write(g, yard ? `yard, ${yard}` : "yard", 294, y + 8, tones.muted, 11); this.write(g, "road", 178, y + 8, tones.muted, 11);
        });
      }
      this.curveBoxes = [["MW online", "p50", (d) => this.mw * come(this.online, d)], ["people on site (direct)", "stage-mechanical", (d) => this.people(d)]];
      if (this.curves.idle) { this.curveBoxes.push([`idle capital, $M, ${this.idle_of}`, "idle", (d) => this.curves.idle[Math.min(Math.floor(d), this.lastDay)]]); }
      const curves = this.plan.curves, each = curves.down ? curves.w : curves.w / this.curveBoxes.length;
      this.curveBoxes = this.curveBoxes.map(([name, tone, value], k) => {
        const box = { x: curves.x + (curves.down ? 0 : k * each), y: curves.y + (curves.down ? k * 104 : 0), w: each - (curves.down ? 0 : 16), h: curves.h }, samples = Array.from({ length: 241 }, (_, n) => value(told.last * n / 240)), top = Math.max(...samples, 1);
        g.strokeStyle = tones.line; g.strokeRect(box.x, box.y, box.w, box.h);
        const line = () => { g.beginPath(); samples.forEach((v, n) => g.lineTo(box.x + box.w * n / 240, box.y + box.h - v / top * (box.h - 6))); };
        if (tone === "idle") { line(); g.lineTo(box.x + box.w, box.y + box.h); g.lineTo(box.x, box.y + box.h); g.fillStyle = colour(tone); g.fill(); }
        line(); g.lineWidth = 1.8; g.strokeStyle = tone === "idle" ? tones.muted : colour(tone); g.stroke();
        this.write(g, name, box.x, box.y - 6, tones.muted, 12);
        for (const share of [0, 0.5, 1]) { this.write(g, civil(this.start, share * told.last).slice(-8), box.x + share * box.w, box.y + box.h + 13, tones.muted, 10, ["left", "center", "right"][2 * share]); }
        return { ...box, value, top, tone };
      });
      return back;
    }
    write(g, text, x, y, tone, size = 12, align = "left") { g.fillStyle = tone; g.font = `${size * this.plan.text}px system-ui, "DejaVu Sans", sans-serif`; g.textAlign = align; g.fillText(text, x, y); }
    people(day) { const n = Math.floor(day); let sum = 0; for (const [, counts] of this.trades) { sum += counts[Math.min(n, counts.length - 1)] || 0; } return sum; }
    draw(day) {
      tones = tones || page();
      const g = this.canvas.getContext("2d", { alpha: false });
      if (!this.scale) { this.resize(); }
      if (!this.back) { this.back = this.background(tones); }
      g.setTransform(1, 0, 0, 1, 0, 0); g.drawImage(this.back, 0, 0); g.scale(this.scale, this.scale);
      this.drawSky(g, day, tones); this.drawSite(g, day, tones); this.drawHalls(g, day, tones); this.drawSkids(g, day); this.drawCranes(g, day, tones); this.drawSides(g, day, tones);
    }
    // weather: the darker the sky, the more of the working day was lost; rain and wind where work or cranes stand
    drawSky(g, day, tones) {
      const { x, y, w, h } = this.plan.sky, n = Math.floor(day), lost = Object.entries(this.sky).map(([what, days]) => [what, Number(days[n] || 0) / 9]);
      const most = Math.max(0, ...lost.map(([, share]) => share));
      g.fillStyle = colour("sky-clear"); g.fillRect(x, y, w, h);
      g.globalAlpha = most; g.fillStyle = colour("sky-closed"); g.fillRect(x, y, w, h); g.globalAlpha = 1;
      const rain = Math.max(0, ...lost.filter(([what]) => what !== "crane").map(([, share]) => share));
      if (rain > 0.1) {  // strokes at places that the day alone decides
        g.strokeStyle = tones.paper; g.lineWidth = 1.2; g.beginPath();
        for (let k = 0; k < 60; k += 1) { const rx = x + ((k * 97 + n * 31) % 997) / 997 * (w - 8), ry = y + ((k * 53 + n * 17) % 89) / 89 * (h - 10); g.moveTo(rx + 4, ry); g.lineTo(rx, ry + 8); }
        g.stroke();
      }
      const stands = lost.filter(([, share]) => share >= 0.15).map(([what, share]) => `${what} ${Math.round(100 * share)} %`);
      const text = this.sky.crane === undefined ? "" : stands.length ? `weather stops ${stands.join(", ")}` : "weather: nothing stands";
      if (text) { this.write(g, text, x + 8, y + h / 2 + 5, tones.ink, 12); }
    }
    drawSite(g, day, tones) {
      this.unitBoxes = [];
      const busy = this.site.filter(([, begin, end]) => begin <= day && day < end).map(([what]) => what), done = this.site.filter(([, , end]) => end <= day).length;
      const text = this.site.length ? `Site works ${done} of ${this.site.length} done${busy.length ? `; now ${busy.join(", ")}` : ""}` : "";
      const { y, power } = this.plan.site, room = this.plan === PLANS.phone ? 52 : 96;
      this.write(g, text.length > room ? `${text.slice(0, room - 1)}…` : text, 20, y, tones.ink, 12);
      this.write(g, `Cranes ${this.craneCount(day)} of ${this.cranes_there} in use`, 20, y + 20, tones.muted, 12);
      this.units.forEach(([, delivered, runs], k) => {
        const x = power + k * Math.min(34, (this.plan.wide - power - 20) / Math.max(this.units.length, 1)); this.unitBoxes[k] = { x, y: y + 8, w: 16, h: 16 };
        if (day >= delivered) { g.fillStyle = day >= runs ? colour("cause-power") : tones.line; g.fillRect(x, y + 8, 16, 16); }
        g.strokeStyle = tones.muted; g.lineWidth = 1; g.strokeRect(x, y + 8, 16, 16);
      });
      if (this.units.length) { this.write(g, "power", power - 8, y + 20, tones.muted, 12, "right"); }
    }
    craneCount(day) { return come(this.craneFrom, day) - come(this.craneTo, day); }
    drawHalls(g, day, tones) {
      this.hallBoxes.forEach((box, k) => {
        const works = this.halls[k] ? this.halls[k][1] : [], all = works.reduce((sum, [, b, e]) => sum + e - b, 0);
        const done = works.reduce((sum, [, b, e]) => sum + Math.max(0, Math.min(day, e) - b), 0), share = all ? done / all : 1;
        g.fillStyle = tones.tint; g.fillRect(box.x, box.y + box.h * (1 - share), box.w, box.h * share);  // the hall grows
        g.strokeStyle = share >= 1 ? tones.ink : tones.muted; g.lineWidth = share >= 1 ? 2 : 1; g.strokeRect(box.x, box.y, box.w, box.h);
        this.write(g, this.has_halls ? `hall ${k + 1}${share > 0 && share < 0.995 ? ` ${Math.round(100 * share)} %` : ""}` : `blocks ${k * this.each + 1} on`, box.x + 4, box.y + 12, tones.muted, 10);
      });
      this.blocks.forEach((block, k) => {
        const box = this.blockBoxes[k], [, online, spans] = block;
        if (day >= online) { g.fillStyle = colour("flow-online"); g.fillRect(box.x, box.y, box.w, box.h); return; }
        spans.slice(0, 3).forEach(([begin, end], s) => {
          if (begin === undefined || day < begin) { return; }
          g.globalAlpha = day >= end ? 0.85 : 0.4; g.fillStyle = colour(`stage-${this.systems[s]}`); g.fillRect(box.x + s * box.w / 3, box.y, box.w / 3, box.h * 0.55); g.globalAlpha = 1;
        });
        const tests = spans[3];
        if (tests && day >= tests[0]) { g.fillStyle = colour("stage-commissioning"); g.fillRect(box.x, box.y, box.w, box.h * 0.18); }
        g.strokeStyle = tones.line; g.lineWidth = 1; g.strokeRect(box.x, box.y, box.w, box.h);
      });
    }
    // a mast and a jib over every block that a crane works for
    drawCranes(g, day, tones) {
      g.strokeStyle = tones.ink; g.lineWidth = 1.6; g.beginPath();
      for (const [begin, end, unit] of this.cranes) {
        const found = begin <= day && day < end && /^b(\d+)/.exec(unit), box = found && this.blockBoxes[this.at.get(Number(found[1]))];
        if (box) { const x = box.x + box.w * 0.3; g.moveTo(x, box.y + box.h); g.lineTo(x, box.y - 8); g.moveTo(x - box.w * 0.25, box.y - 8); g.lineTo(x + box.w * 0.65, box.y - 8); g.lineTo(x + box.w * 0.65, box.y + 2); }
      }
      g.stroke();
    }
    drawSkids(g, day) {
      const batches = new Map();
      this.skids.forEach((skid, n) => {
        if (day >= skid[3][6]) { return; }  // online: its block is
        const spot = this.place(n, day);
        if (!spot) { return; }
        const name = `stage-${this.systems[skid[1]]}`;
        if (!batches.has(name)) { batches.set(name, []); }
        batches.get(name).push(spot);
      });
      for (const [name, spots] of batches) { g.fillStyle = colour(name); for (const one of spots) { g.fillRect(one.x, one.y, one.truck ? 9 : one.size, one.size); } }
      if (this.picked !== null && this.picked.kind === "skid") { const one = this.place(this.picked.n, day); if (one) { g.strokeStyle = colour("p80"); g.lineWidth = 2; g.strokeRect(one.x - 2, one.y - 2, one.size + 4, one.size + 4); } }
    }
    drawSides(g, day, tones) {
      for (const box of this.curveBoxes) {
        const x = box.x + box.w * Math.min(day / told.last, 1), value = box.value(day);
        g.strokeStyle = tones.ink; g.lineWidth = 1; g.beginPath(); g.moveTo(x, box.y); g.lineTo(x, box.y + box.h); g.stroke();
        g.fillStyle = colour(box.tone); g.beginPath(); g.arc(x, box.y + box.h - value / box.top * (box.h - 6), 3.5, 0, 7); g.fill();
        this.write(g, number(value), box.x + box.w - 4, box.y - 6, tones.ink, 13, "right");
      }
      const crews = this.plan.crews;  // a dot is ten people of a trade
      this.trades.slice(0, 8).forEach(([name, counts], k) => {
        const there = counts[Math.min(Math.floor(day), counts.length - 1)] || 0, dots = Math.ceil(there / 10), x = crews.x + (k % crews.across) * crews.each, y = crews.y + Math.floor(k / crews.across) * 46;
        this.write(g, `${name} ${there}`, x, y, tones.ink, 10.5);
        g.fillStyle = colour(`trade-${k}`);
        g.beginPath();
        for (let n = 0; n < Math.min(dots, 75); n += 1) { const cx = x + 3 + (n % 15) * 6.8, cy = y + 9 + Math.floor(n / 15) * 7; g.moveTo(cx + 2.7, cy); g.arc(cx, cy, 2.7, 0, 7); }
        g.fill();
      });
    }
    side(day) {
      const counts = this.counts(day), mw = this.mw * come(this.online, day);
      const names = { ordered: "ordered", started: "on the line", tested: "finished or on the road", delivered: "in the yard", set: "in hook-up", complete: "in tests", online: "online" };
      const skids = this.skids.length ? [["Skids:", ""], ...this.states.map((s) => [names[s], number(counts[s])])] : [];
      fill(at(`counts${this.number}`), [["MW online", number(mw, mw % 1 ? 1 : 0)], ["people", number(this.people(day))], ...skids]);
      const now = new Map();
      for (const [begin, end, cause, what] of this.waits) { if (begin <= day && day < end) { const one = now.get(cause) || [0, new Map()]; one[0] += 1; one[1].set(what, (one[1].get(what) || 0) + 1); now.set(cause, one); } }
      const text = [...now].sort((a, b) => b[1][0] - a[1][0]).slice(0, 3).map(([cause, [many, what]]) => `${many} for ${this.causes[cause]} (${[...what].sort((a, b) => b[1] - a[1])[0][0]})`);
      at(`waiting${this.number}`).textContent = text.length ? `Waiting now: ${text.join("; ")}.` : "Nothing waits.";
    }
    pick(x, y, day) {
      let best = null, near = 5;
      this.skids.forEach((_, n) => { if (day >= this.skids[n][3][6]) { return; } const one = this.place(n, day); if (one) { const d = Math.hypot(Math.max(one.x - x, 0, x - one.x - one.size), Math.max(one.y - y, 0, y - one.y - one.size)); if (d < near) { near = d; best = { kind: "skid", n }; } } });
      const inside = (box) => x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h;
      if (!best) { const n = (this.unitBoxes || []).findIndex(inside); if (n >= 0) { best = { kind: "unit", n }; } }
      if (!best) { const n = this.blockBoxes.findIndex(inside); if (n >= 0) { best = { kind: "block", n }; } }
      if (!best) { const n = this.hallBoxes.findIndex(inside); if (n >= 0) { best = { kind: "hall", n }; } }
      this.picked = best; this.tell();
    }
    tell() {
      const box = at(`story${this.number}`); box.replaceChildren();
      if (!this.picked) { return; }
      const { kind, n } = this.picked, when = (day) => day >= 1e9 ? "never" : civil(this.start, day), lines = [];
      let head = "";
      if (kind === "skid") {
        const [name, s, block, days, , story] = this.skids[n];
        head = `Skid ${name}: ${this.systems[s]}, ordered ${when(days[0])}, online in block ${block} ${when(days[6])}`;
        for (const [begin, end, what, cause] of story) { lines.push(cause < 0 ? `${when(begin)}: ${what}, ${number(end - begin, 1)} days` : `${when(begin)}: waited ${number(end - begin, 1)} days for ${what} (${this.causes[cause]})`); }
        lines.push(`${when(days[4])}: set in block ${block}`, `${when(days[5])}: hook-up complete`);
      } else if (kind === "block") {
        const [block, online, spans] = this.blocks[n];
        head = `Block ${block}: online ${when(online)}`;
        [...this.systems, "tests"].forEach((name, k) => { if (spans[k].length) { lines.push(`${name}: ${when(spans[k][0])} to ${when(spans[k][1])}`); } });
      } else if (kind === "unit") {
        const [name, delivered, runs] = this.units[n];
        head = `Power unit ${name}`; lines.push(`delivered: ${when(delivered)}`, `running: ${when(runs)}`);
      } else {
        head = `Hall ${n + 1}`;
        for (const [what, begin, end] of (this.halls[n] || [0, []])[1]) { lines.push(`${what}: ${when(begin)} to ${when(end)}`); }
      }
      const title = document.createElement("strong"); title.textContent = head; box.append(title);
      const list = document.createElement("ol"); for (const text of lines) { const item = document.createElement("li"); item.textContent = text; list.append(item); } box.append(list);
    }
  }
  function fill(box, pairs) {
    while (box.children.length < pairs.length) { const one = document.createElement("span"); one.append("", document.createElement("b")); box.append(one); }
    pairs.forEach(([name, value], k) => { const one = box.children[k], text = `${name} `; if (one.firstChild.data !== text) { one.firstChild.data = text; } if (one.lastChild.textContent !== value) { one.lastChild.textContent = value; } });
  }

  // --- one clock for all scenes ---
  told.last = Math.max(...told.scenes.map((one) => one.end));
  const scenes = told.scenes.map((one, k) => new Scene(one, k));
  const slider = at("time"), play = at("play");
  let day = 0, running = false, before = 0, frames = 0, told_at = 0;
  slider.max = String(told.last);
  const seek = (to) => {
    day = Math.min(Math.max(to, 0), told.last);
    slider.value = String(day);
    at("when").textContent = `Day ${number(Math.floor(day))}, ${civil(scenes[0].start, day)}`;
    for (const one of scenes) { one.draw(day); }
    if (!running || performance.now() - told_at > 150) { told_at = performance.now(); for (const one of scenes) { one.side(day); } }
    frames += 1;
  };
  const run = (on) => { running = on; if (!on) { for (const one of scenes) { one.side(day); } } play.textContent = on ? "Pause" : "Play"; play.setAttribute("aria-pressed", String(on)); before = 0; if (on) { if (day >= told.last) { day = 0; } requestAnimationFrame(tick); } };
  const tick = (now) => {
    if (!running) { return; }
    if (before) { seek(day + Math.min(now - before, 200) / 1000 * Number(at("speed").value)); }
    before = now;
    if (day >= told.last) { run(false); } else { requestAnimationFrame(tick); }
  };
  const next = () => { const days = scenes.map((one) => one.times[come(one.times, day + 1e-9)]).filter((d) => d !== undefined); run(false); seek(days.length ? Math.min(...days) : told.last); };
  const milestones = scenes.flatMap((one) => one.milestones.map(([name, when]) => [when, scenes.length > 1 ? `${one.name.split("(")[0].trim()}: ${name}` : name])).sort((a, b) => a[0] - b[0]);
  for (const [when, name] of milestones) { const one = document.createElement("option"); one.value = String(when); one.textContent = `${name}, day ${number(Math.floor(when))}`; at("milestone").append(one); }
  play.addEventListener("click", () => run(!running));
  at("next").addEventListener("click", next);
  at("milestone").addEventListener("change", (event) => { if (event.target.value) { run(false); seek(Number(event.target.value)); } });
  slider.addEventListener("input", () => { run(false); seek(Number(slider.value)); });
  scenes.forEach((one) => one.canvas.addEventListener("click", (event) => { const box = one.canvas.getBoundingClientRect(); const unit = one.plan.wide / box.width; one.pick((event.clientX - box.left) * unit, (event.clientY - box.top) * unit, day); one.draw(day); }));
  addEventListener("keydown", (event) => {
    if (/^(INPUT|SELECT|BUTTON)$/.test(event.target.tagName) && event.key !== "n" && event.key !== "m") { return; }
    const act = { " ": () => run(!running), ArrowRight: () => { run(false); seek(day + 1); }, ArrowLeft: () => { run(false); seek(day - 1); }, n: next, m: () => { const one = milestones.find(([when]) => when > day + 1e-6); if (one) { run(false); seek(one[0]); } } }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  const legend = [["electrical", "stage-electrical"], ["mechanical", "stage-mechanical"], ["compute", "stage-compute"], ["tests", "stage-commissioning"], ["online", "flow-online"], ["power running", "cause-power"]];
  const explain = () => at("legend").replaceChildren(...legend.map(([words, name]) => { const item = document.createElement("li"), key = document.createElement("i"); key.style.background = colour(name); item.append(key, words); return item; }));
  explain();
  const again = () => { tones = null; explain(); for (const one of scenes) { one.resize(); } seek(day); };
  addEventListener("resize", again); dark.addEventListener("change", again);
  seek(0);
  window.replay = { seek, run, scenes, get day() { return day; }, get frames() { return frames; }, get last() { return told.last; } };
  document.documentElement.dataset.drawn = String(scenes.length);
})();
