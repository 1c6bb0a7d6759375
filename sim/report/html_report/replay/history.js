// One run: what is true on a day, worked out from that day alone, and the story of each thing.
const ORDERED = 0, STARTED = 1, TESTED = 2, DELIVERED = 3, SET = 4, COMPLETE = 5, ONLINE = 6;  // days of a skid
const STATE_WORDS = {
  ordered: "ordered", started: "on the line", tested: "finished or on the road", delivered: "in the yard",
  set: "in hook-up", complete: "in tests", online: "online",
};

class History {
  constructor(data) {
    Object.assign(this, data);
    // by name, as the page's data is rows of numbers
    this.skidRows = this.skids.map(([name, system, block, days, drove, story]) => (
      { name, system, block, days, drove, story }));
    this.byState = this.states.map((_, k) => sorted(this.skidRows.map((one) => one.days[k])));
    this.begun = this.skidRows.map((_, n) => n).sort((a, b) => this.dayOf(a, STARTED) - this.dayOf(b, STARTED));
    this.online = sorted(this.blocks.map(([, day]) => day));
    this.craneFrom = sorted(this.cranes.map(([begin]) => begin));
    this.craneTo = sorted(this.cranes.map(([, end]) => end));
    const blockOf = (unit) => Number((/^b(\d+)/.exec(unit) || [])[1]);
    this.craneJobs = this.cranes.map(([begin, end, unit]) => ({ begin, end, block: blockOf(unit) }));
    this.times = this.eventTimes();
    this.findSlots();
  }
  dayOf(n, state) { return this.skidRows[n].days[state]; }

  // --- before it is played ---
  eventTimes() {
    const times = new Set();
    for (const one of this.skidRows) { [...one.days, one.drove].forEach((day) => times.add(day)); }
    for (const [, online, spans] of this.blocks) { [online, ...spans.flat()].forEach((day) => times.add(day)); }
    for (const [, works] of this.halls) { works.forEach(([, , end]) => times.add(end)); }
    for (const [, , end] of [...this.site, ...this.units]) { times.add(end); }
    return sorted([...times].filter((day) => day > 0 && day <= this.end));
  }
  findSlots() {  // a place in line, among finished goods, on the road and in the yard, as long as a skid is there
    const spans = {
      making: (one) => [one.days[STARTED], one.days[TESTED]], finished: (one) => [one.days[TESTED], one.drove],
      road: (one) => [one.drove, one.days[DELIVERED]], yard: (one) => [one.days[DELIVERED], one.days[SET]],
    };
    this.slot = {};
    this.most = {};
    for (const [where, span] of Object.entries(spans)) {
      this.slot[where] = [];
      this.most[where] = this.systems.map((_, system) => {
        const of = this.skidRows.map((_, n) => n).filter((n) => this.skidRows[n].system === system);
        const { found, most } = placesFor(of.map((n) => span(this.skidRows[n])));
        of.forEach((n, k) => { this.slot[where][n] = found[k]; });
        return most;
      });
    }
    const there = new Map();  // skids of one system stand beside each other in their block
    this.inBlock = this.skidRows.map(({ system, block }) => {
      const key = `${system}/${block}`, before = there.get(key) || 0;
      there.set(key, before + 1);
      return before;
    });
  }

  // --- on a day ---
  counts(day) {  // skids by the state reached last
    const reached = this.byState.map((days) => come(days, day));
    return Object.fromEntries(this.states.map((name, k) => [name, reached[k] - (reached[k + 1] || 0)]));
  }
  mwOnline(day) { return this.mw * come(this.online, day); }
  tradeCount(k, day) {
    const counts = this.trades[k][1];
    return counts[Math.min(Math.floor(day), counts.length - 1)] || 0;
  }
  people(day) { return this.trades.reduce((sum, _, k) => sum + this.tradeCount(k, day), 0); }
  craneCount(day) { return come(this.craneFrom, day) - come(this.craneTo, day); }
  idleCapital(day) { return this.curves.idle[Math.min(Math.floor(day), this.curves.idle.length - 1)]; }
  siteText(day) {
    const busy = this.site.filter(([, begin, end]) => begin <= day && day < end).map(([what]) => what);
    const done = this.site.filter(([, , end]) => end <= day).length;
    if (!this.site.length) { return ""; }
    return `Site works ${done} of ${this.site.length} done${busy.length ? `; now ${busy.join(", ")}` : ""}`;
  }
  lostToWeather(day) {  // what weather stops, and the share of the working day that is lost
    const n = Math.floor(day);
    return Object.entries(this.sky).map(([what, days]) => [what, Number(days[n] || 0) / 9]);
  }
  hallGrowth(k, day) {
    const works = this.halls[k] ? this.halls[k][1] : [];
    const all = works.reduce((sum, [, begin, end]) => sum + end - begin, 0);
    const done = works.reduce((sum, [, begin, end]) => sum + Math.max(0, Math.min(day, end) - begin), 0);
    return all ? done / all : 1;
  }
  waiting(day) {
    const now = new Map();
    for (const [begin, end, cause, what] of this.waits) {
      if (begin > day || end <= day) { continue; }
      const one = now.get(cause) || { many: 0, what: new Map() };
      one.many += 1;
      one.what.set(what, (one.what.get(what) || 0) + 1);
      now.set(cause, one);
    }
    const most = [...now].sort(([, a], [, b]) => b.many - a.many).slice(0, 3);
    const texts = most.map(([cause, { many, what }]) => {
      const [first] = [...what].sort((a, b) => b[1] - a[1])[0];
      return `${number(many)} for ${this.causes[cause]} (${first})`;
    });
    return texts.length ? `Waiting now: ${texts.join("; ")}.` : "Nothing waits.";
  }
  countPairs(day) {  // name and value of what is counted under the site plan
    const counts = this.counts(day), mw = this.mwOnline(day);
    const skids = this.states.map((state) => [STATE_WORDS[state], number(counts[state])]);
    const ofProject = [["MW online", number(mw, mw % 1 ? 1 : 0)], ["people", number(this.people(day))]];
    return this.skids.length ? [...ofProject, ["Skids:", ""], ...skids] : ofProject;
  }

  // --- stories ---
  when(day) { return day >= NEVER ? "never" : civil(this.start, day); }
  until(day) { return day >= NEVER ? "never" : civil(this.start, endOf(day)); }
  story({ kind, n }) { return this[`${kind}Story`](n); }
  skidStory(n) {
    const { name, system, block, days, story } = this.skidRows[n];
    const lines = story.map(([begin, end, what, cause]) => {
      const long = `${number(end - begin, 1)} days`;
      return `${this.when(begin)}: ${cause < 0 ? `${what}, ${long}` : `waited ${long} for ${what} (${this.causes[cause]})`}`;
    });
    lines.push(`${this.until(days[SET])}: set in block ${block}`, `${this.until(days[COMPLETE])}: hook-up complete`);
    const ordered = this.when(days[ORDERED]), online = this.until(days[ONLINE]);
    return { head: `Skid ${name}: ${this.systems[system]}, ordered ${ordered}, online in block ${block} ${online}`, lines };
  }
  blockStory(n) {
    const [block, online, spans] = this.blocks[n], names = [...this.systems, "tests"];
    const spanLine = (name, [begin, end]) => `${name}: ${this.when(begin)} to ${this.until(end)}`;
    const there = names.map((name, k) => [name, spans[k]]).filter(([, span]) => span.length);
    const lines = there.map(([name, span]) => spanLine(name, span));
    return { head: `Block ${block}: online ${this.until(online)}`, lines };
  }
  unitStory(n) {
    const [name, delivered, runs] = this.units[n];
    return { head: `Power unit ${name}`, lines: [`delivered: ${this.until(delivered)}`, `running: ${this.until(runs)}`] };
  }
  hallStory(n) {
    const works = this.halls[n] ? this.halls[n][1] : [];
    const lines = works.map(([what, begin, end]) => `${what}: ${this.when(begin)} to ${this.until(end)}`);
    return { head: `Hall ${n + 1}`, lines };
  }
}
