// Starts the page: draws its charts and Gantt, follows the percentile that is picked, searches the assumptions, prints.
(() => {
  const told = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const printed = new URLSearchParams(location.search).get("print");
  if (printed) { root.dataset.print = printed; }
  // what is closed is not printed, whatever its style
  if (printed === "all") { document.querySelectorAll("#assumptions details").forEach((one) => { one.open = true; }); }
  charts.start(told.charts);
  const plan = document.getElementById("gantt");
  if (plan && told.gantt) { gantt.start(plan, told.gantt); }

  const slider = document.getElementById("percentile");
  if (slider && told.percentiles.length && told.charts.finish) {
    const mark = { axis: "x", at: 0, label: "", colour: "p80", width: 2 }, holder = document.getElementById("chart_finish");
    const show = () => {
      const nearer = (a, b) => (Math.abs(b[0] - slider.value) < Math.abs(a[0] - slider.value) ? b : a);
      const [percent, day, date] = told.percentiles.reduce(nearer);
      document.getElementById("picked").textContent = `P${percent}: on or before ${date}`;
      mark.at = day;
      if (!told.charts.finish.marks.includes(mark)) { told.charts.finish.marks.push(mark); }
      charts.draw(holder);
    };
    slider.addEventListener("input", show);
    show();
  }

  const search = document.getElementById("search");
  if (search) {
    const plain = (text) => text.replaceAll("\u00a0", " ").toLowerCase();  // a number and its unit stand on one line
    search.addEventListener("input", () => {
      const wanted = plain(search.value).trim();
      for (const part of document.querySelectorAll("#assumptions details")) {
        let found = 0;
        for (const row of part.querySelectorAll("tbody tr")) {
          row.hidden = wanted !== "" && !plain(row.textContent).includes(wanted);
          found += row.hidden ? 0 : 1;
        }
        part.hidden = found === 0; part.open = wanted !== "" && found > 0;
      }
    });
  }

  let wide = innerWidth, soon = 0;
  const again = (size, room) => {
    charts.every(size);
    if (plan && told.gantt) { gantt.draw(room); }
  };
  addEventListener("resize", () => {  // a phone's bar that goes away changes the height alone
    clearTimeout(soon);
    soon = setTimeout(() => { if (innerWidth !== wide) { wide = innerWidth; again(); } }, 120);
  });
  // on paper a chart of a pair has half the width, any other all of it: text keeps a size that can be read
  const paper = (holder) => {
    if (holder.closest(".pair")) { return { width: 360, height: holder.dataset.small === undefined ? 200 : 160 }; }
    if (holder.closest("#finish, #ramp")) { return { width: 720, height: 180 }; }
    return { width: 720, height: holder.closest("#people") ? 195 : 285 };
  };
  addEventListener("beforeprint", () => again(paper, 560));
  addEventListener("afterprint", () => again());
  root.dataset.drawn = String(document.querySelectorAll("[data-chart] > svg").length);
})();
