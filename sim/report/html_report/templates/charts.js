// All charts of a page: each is drawn from its description in the page's data, as wide as there is room.
const charts = (() => {
  const NARROWEST = 260;
  const KINDS = {
    lines: (holder, chart, size) => lineChart.draw(holder, chart, isSmall(holder), size.width, size.height, draw),
    bars: (holder, chart, size) => barCharts.bars(holder, chart, size.width),
    strips: (holder, chart, size) => barCharts.strips(holder, chart, size.width),
  };
  const isSmall = (holder) => holder.dataset.small !== undefined;
  let known = {}, sizes = () => ({});

  function draw(holder, size = sizes(holder)) {
    const chart = known[holder.dataset.chart];
    holder.dataset.kind = chart.kind;
    const width = Math.max(NARROWEST, Math.round(size.width || holder.clientWidth));
    KINDS[chart.kind](holder, chart, { width, height: size.height });
  }
  function every(sizeOf = sizes) {
    document.querySelectorAll("[data-chart]").forEach((holder) => draw(holder, sizeOf(holder)));
  }
  function start(found, sizeOf = sizes) {
    known = found;
    sizes = sizeOf;
    // what is as usual is left out of the data
    for (const mark of Object.values(known).flatMap((chart) => chart.marks)) {
      mark.at = mark.at || 0;
      mark.level = mark.level || 0;
    }
    every();
  }
  return { start, every, draw };
})();
