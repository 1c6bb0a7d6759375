// Where things stand: the areas of the site plan, the halls with their blocks, and each skid on its way.
const MOVE = 0.6;  // days in which a thing goes to its new place
const SYSTEM = 112;  // height of a factory with its road and yard
const LANES = 8;
// Three plans, each in units of its own: across a desk, half a desk (two projects side by side), and down a phone.
const PLANS = {
  desk: {
    least: 800, wide: 1000, high: 668, text: 1,
    sky: { x: 14, y: 4, w: 972, h: 30 }, site: { y: 54, power: 300, letters: 96 },
    factory: { x: 14, y: 104, w: 156 }, road: { x: 174, w: 108 }, yard: { x: 288, w: 100 },
    halls: { left: 395, top: 84, right: 980, bottom: 452 },
    curves: { x: 20, y: 492, w: 960, h: 90, down: 0 }, crews: { x: 20, y: 616, each: 120, across: 8, down: 0 },
  },
  half: {
    least: 500, wide: 640, high: 712, text: 1.05,
    sky: { x: 8, y: 4, w: 624, h: 28 }, site: { y: 50, power: 250, letters: 84 },
    factory: { x: 8, y: 104, w: 122 }, road: { x: 132, w: 54 }, yard: { x: 188, w: 63 },
    halls: { left: 255, top: 84, right: 634, bottom: 446 },
    curves: { x: 12, y: 488, w: 622, h: 74, down: 0 }, crews: { x: 12, y: 604, each: 157, across: 4, down: 54 },
  },
  phone: {
    least: 0, wide: 520, high: 1256, text: 1.35,
    sky: { x: 10, y: 4, w: 500, h: 34 }, site: { y: 62, power: 258, letters: 52 },
    factory: { x: 14, y: 128, w: 186 }, road: { x: 206, w: 130 }, yard: { x: 342, w: 164 },
    halls: { left: 12, top: 486, right: 508, bottom: 800 },
    curves: { x: 14, y: 838, w: 492, h: 54, down: 104 }, crews: { x: 14, y: 1144, each: 126, across: 4, down: 56 },
  },
};

class SitePlan {
  constructor(history, width) {
    this.history = history;
    this.plan = Object.values(PLANS).find((one) => width >= one.least);
    this.known = { making: [], finished: [], yard: [], block: [] };
    this.placeHalls();
    this.blockAt = new Map(history.blocks.map(([block], k) => [block, k]));
    this.unitBoxes = history.units.map((_, k) => this.unitBox(k));
  }
  placeHalls() {
    const { blocks, each, columns: most, skids } = this.history, { halls, factory, wide } = this.plan;
    const count = Math.ceil(blocks.length / each), columns = Math.min(most, count), rows = Math.ceil(count / columns);
    const isBare = !skids.length, isDown = halls.top > factory.y;  // without factories the halls have all the room
    const left = isBare ? wide - halls.right : halls.left, top = isBare && isDown ? factory.y - 20 : halls.top;
    const w = (halls.right - left) / columns, h = (halls.bottom - top) / rows;
    this.hallBoxes = Array.from({ length: count }, (_, k) => (
      { x: left + (k % columns) * w + 4, y: top + Math.floor(k / columns) * h + 4, w: w - 8, h: h - 8 }));
    const across = Math.ceil(Math.sqrt(each * (w / h))), down = Math.ceil(each / across);
    this.blockBoxes = blocks.map((_, k) => {
      const hall = this.hallBoxes[Math.floor(k / each)], n = k % each;
      const w = (hall.w - 8) / across, h = (hall.h - 20) / down;
      return { x: hall.x + 5 + (n % across) * w, y: hall.y + 17 + Math.floor(n / across) * h, w: w - 2, h: h - 2 };
    });
  }
  unitBox(k) {
    const { site, wide } = this.plan, each = Math.min(34, (wide - site.power - 20) / this.history.units.length);
    return { x: site.power + k * each, y: site.y + 8, w: 16, h: 16 };
  }
  systemTop(system) { return this.plan.factory.y + system * SYSTEM; }

  // --- where a skid stands in one place of its way, whatever the day ---
  spot(n, where) {
    const known = this.known[where];
    if (known[n] === undefined) { known[n] = where === "block" ? this.spotInBlock(n) : this.spotInArea(n, where); }
    return known[n];
  }
  spotInArea(n, where) {
    const { factory, yard } = this.plan, system = this.history.skidRows[n].system, top = this.systemTop(system);
    const areas = {
      making: [factory.x + 6, factory.w - 14, top + 14, 36], finished: [factory.x + 6, factory.w - 14, top + 70, 28],
      yard: [yard.x + 6, yard.w - 12, top + 14, 84],
    };
    const [x, w, y, h] = areas[where], most = this.history.most[where][system], slot = this.history.slot[where][n];
    const across = Math.max(1, Math.min(Math.floor(w / 7), Math.ceil(Math.sqrt(most * w / h))));
    const size = Math.min(9, w / across, h / Math.ceil(most / across));
    return { x: x + (slot % across) * size, y: y + Math.floor(slot / across) * size, size: Math.max(size - 1, 1.6) };
  }
  spotInBlock(n) {
    const { block, system } = this.history.skidRows[n], box = this.blockBoxes[this.blockAt.get(block)];
    if (!box) { return null; }
    const third = box.w / 3, size = Math.max(1.6, Math.min(third - 1.5, box.h / 4));
    return { x: box.x + system * third + 0.5, y: box.y + box.h - (this.history.inBlock[n] + 1) * (size + 0.8), size };
  }
  spotOnRoad(n, share) {
    const { road } = this.plan, { system } = this.history.skidRows[n];
    const lane = this.history.slot.road[n] % LANES;
    return { x: road.x + 2 + share * (road.w - 12), y: this.systemTop(system) + 20 + lane * 9, size: 6, isTruck: true };
  }

  // --- where it is on a day: null before its line begins ---
  place(n, day) {
    const { days, drove } = this.history.skidRows[n];
    if (day < days[STARTED]) { return null; }
    if (day < days[TESTED]) { return this.spot(n, "making"); }
    if (day < drove) { return between(this.spot(n, "making"), this.spot(n, "finished"), (day - days[TESTED]) / MOVE); }
    if (day < days[DELIVERED]) { return this.spotOnRoad(n, (day - drove) / Math.max(days[DELIVERED] - drove, 1e-6)); }
    if (day < days[SET]) { return between(this.spotOnRoad(n, 1), this.spot(n, "yard"), (day - days[DELIVERED]) / MOVE); }
    return between(this.spot(n, "yard"), this.spot(n, "block"), (day - days[SET]) / MOVE);
  }
  // --- what is under a point: a skid before what it stands in ---
  under(x, y, day) {
    const inside = (box) => x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h;
    const skid = this.skidUnder(x, y, day);
    if (skid !== null) { return { kind: "skid", n: skid }; }
    for (const [kind, boxes] of [["unit", this.unitBoxes], ["block", this.blockBoxes], ["hall", this.hallBoxes]]) {
      const n = boxes.findIndex(inside);
      if (n >= 0) { return { kind, n }; }
    }
    return null;
  }
  skidUnder(x, y, day) {
    let found = null, near = 5;
    this.history.skidRows.forEach((skid, n) => {
      const one = day < skid.days[ONLINE] ? this.place(n, day) : null;
      if (!one) { return; }
      const across = Math.max(one.x - x, 0, x - one.x - one.size), down = Math.max(one.y - y, 0, y - one.y - one.size);
      const far = Math.hypot(across, down);
      if (far < near) { near = far; found = n; }
    });
    return found;
  }
}
function between(from, to, share) {
  if (!from || !to || share >= 1) { return to; }
  const part = (a, b) => a + (b - a) * share;
  return { x: part(from.x, to.x), y: part(from.y, to.y), size: part(from.size, to.size) };
}
