// Plays projects on one clock: everything that is shown is worked out from the day, never from the frame before.
(() => {
  const SAID_EVERY = 150;  // milliseconds: numbers that change in every frame cannot be read
  const MAX_STEP = 200;  // milliseconds: a page that was hidden does not jump
  const slider = at("time"), play = at("play");
  let day = 0, running = false, before = 0, frames = 0, said = 0;

  // --- one project: its run, its picture, and the words below ---
  function scene(data, k) {
    const history = new History(data), picture = new Picture(history, at(`canvas${k}`));
    return Object.assign(Object.create(history), {
      canvas: picture.canvas, picture,
      draw: (to) => picture.draw(to),
      say: (to) => { fill(at(`counts${k}`), history.countPairs(to)); setText(at(`waiting${k}`), history.waiting(to)); },
      place: (n, to) => picture.site.place(n, to),
      pick: (x, y, to) => {
        picture.picked = picture.site.under(x, y, to);
        tell(at(`story${k}`), picture.picked && history.story(picture.picked));
      },
    });
  }
  function setText(box, text) { if (box.textContent !== text) { box.textContent = text; } }
  function fill(box, pairs) {
    while (box.children.length < pairs.length) {
      const one = document.createElement("span");
      one.append("", document.createElement("b"));
      box.append(one);
    }
    pairs.forEach(([name, value], k) => {
      const [words, figure] = box.children[k].childNodes;
      if (words.data !== `${name} `) { words.data = `${name} `; }
      setText(figure, value);
    });
  }
  function tell(box, story) {
    box.replaceChildren();
    if (!story) { return; }
    const head = document.createElement("strong"), list = document.createElement("ol");
    head.textContent = story.head;
    list.append(...story.lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    box.append(head, list);
  }

  // --- the clock ---
  const scenes = told.scenes.map(scene);
  function seek(to) {
    day = Math.min(Math.max(to, 0), told.last);
    frames += 1;
    for (const one of scenes) { one.draw(day); }
    if (!running || performance.now() - said > SAID_EVERY) { sayAll(); }
  }
  function sayAll() {
    said = performance.now();
    slider.value = String(day);
    setText(at("when"), `Day ${number(Math.floor(day))}, ${civil(scenes[0].start, day)}`);
    for (const one of scenes) { one.say(day); }
  }
  function run(on) {
    running = on;
    before = 0;
    play.textContent = on ? "Pause" : "Play";
    play.setAttribute("aria-pressed", String(on));
    if (!on) { sayAll(); return; }
    if (day >= told.last) { day = 0; }
    requestAnimationFrame(tick);
  }
  function tick(now) {
    if (!running) { return; }
    if (before) { seek(day + Math.min(now - before, MAX_STEP) / 1000 * Number(at("speed").value)); }
    before = now;
    if (day >= told.last) { run(false); } else { requestAnimationFrame(tick); }
  }
  function jump(to) {
    run(false);
    seek(to);
  }

  // --- where one can jump to ---
  const of = (one) => (scenes.length > 1 ? `${one.name.split("(")[0].trim()}: ` : "");
  const milestones = scenes
    .flatMap((one) => one.milestones.map(([name, when]) => [when, of(one) + name]))
    .sort(([a], [b]) => a - b);
  at("milestone").append(...milestones.map(([when, name]) => {
    const textContent = `${name}, day ${number(Math.floor(when))}`;
    return Object.assign(document.createElement("option"), { value: String(when), textContent });
  }));
  function nextEvent() {
    const days = scenes.map((one) => one.times[come(one.times, day + 1e-9)]).filter((when) => when !== undefined);
    jump(days.length ? Math.min(...days) : told.last);
  }
  function nextMilestone() {
    const one = milestones.find(([when]) => when > day + 1e-6);
    if (one) { jump(one[0]); }
  }

  // --- buttons, keys, clicks ---
  const KEYS = {
    " ": () => run(!running), ArrowRight: () => jump(day + 1), ArrowLeft: () => jump(day - 1), n: nextEvent, m: nextMilestone,
  };
  play.addEventListener("click", () => run(!running));
  at("next").addEventListener("click", nextEvent);
  at("milestone").addEventListener("change", (event) => { if (event.target.value) { jump(Number(event.target.value)); } });
  slider.max = String(told.last);
  slider.addEventListener("input", () => jump(Number(slider.value)));
  for (const one of scenes) {
    one.canvas.addEventListener("click", (event) => {
      const box = one.canvas.getBoundingClientRect(), unit = one.picture.plan.wide / box.width;
      one.pick((event.clientX - box.left) * unit, (event.clientY - box.top) * unit, day);
      one.draw(day);
    });
  }
  addEventListener("keydown", (event) => {
    const isControl = /^(INPUT|SELECT|BUTTON)$/.test(event.target.tagName), act = KEYS[event.key];
    if (!act || (isControl && event.key !== "n" && event.key !== "m")) { return; }
    event.preventDefault();
    act();
  });

  // --- colours and sizes ---
  const LEGEND = [
    ["electrical", "stage-electrical"], ["mechanical", "stage-mechanical"], ["compute", "stage-compute"],
    ["tests", "stage-commissioning"], ["online", "flow-online"], ["power running", "cause-power"],
  ];
  function explain() {
    at("legend").replaceChildren(...LEGEND.map(([words, name]) => {
      const item = document.createElement("li"), key = document.createElement("i");
      key.style.background = tones.of(name);
      item.append(key, words);
      return item;
    }));
  }
  function again() {
    tones.forget();
    explain();
    for (const one of scenes) { one.picture.resize(); }
    seek(day);
  }
  addEventListener("resize", again);
  tones.onChange(again);
  explain();
  seek(0);
  window.replay = {
    seek, run, scenes, get day() { return day; }, get frames() { return frames; }, get last() { return told.last; },
  };
  document.documentElement.dataset.drawn = String(scenes.length);
})();
