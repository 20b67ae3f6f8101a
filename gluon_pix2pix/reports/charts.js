// Curves over epochs. All charts share the place that the pointer is at.
const COLOURS = ["var(--one)", "var(--two)", "var(--three)", "var(--four)"];
const charts = [];

function drawCharts(parent, total) {
  const end = Math.max(...DATA.charts.flatMap((chart) => chart.curves.map((curve) => curve.x[curve.x.length - 1])));
  for (const chart of DATA.charts) {
    const svg = make("svg", { role: "img", "aria-label": chart.title });
    const reading = make("div", { class: "reading" });
    parent.append(make("figure", { class: "chart card" }, make("figcaption", {}, make("h2", {}, chart.title), reading), svg, chart.good ? make("p", { class: "quiet" }, chart.good) : null));
    const state = { ...chart, svg, reading, end, smooth: chart.curves.map((curve) => (chart.noisy ? smoothed(curve.y) : null)) };
    charts.push(state);
    svg.addEventListener("pointermove", (event) => point(placeOf(state, event)));
    svg.addEventListener("pointerleave", () => point(null));
    new ResizeObserver(() => drawChart(state)).observe(svg);
    drawChart(state);
  }
}

// Losses of single batches jump; the mean of about a thirtieth of the run around each shows where they go, and when.
function smoothed(values) {
  if (values.length < 60) return null;
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  const half = Math.max(1, Math.round(values.length / 60));
  return values.map((_, i) => {
    const reach = Math.min(half, i, values.length - 1 - i); // as far to both sides, so that nothing lags
    return (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1);
  });
}

function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999);
  const found = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-6; tick += step) found.push(parseFloat(tick.toPrecision(9)));
  return found;
}

// The range of the values, without the one in a hundred that would flatten the rest; from 0 where that costs little.
function rangeOf(chart) {
  const all = chart.curves.flatMap((curve) => curve.y).sort((a, b) => a - b);
  const cut = all.length > 200 ? Math.floor(all.length / 200) : 0;
  let low = all[cut], high = all[all.length - 1 - cut];
  if (low > 0 && (chart.from_zero || low < high * 0.5)) low = 0;
  if (chart.ceiling) high = Math.max(high, chart.ceiling);
  if (high - low < 1e-12) { high += Math.abs(high) * 0.1 || 1; low -= Math.abs(low) * 0.1; }
  return [low, high + (high - low) * 0.04];
}

function drawChart(chart) {
  const width = chart.svg.clientWidth || 400, height = 180, left = 44, bottom = 20, top = 6;
  const [low, high] = rangeOf(chart);
  const x = (at) => left + (at / chart.end) * (width - left - 6);
  const y = (value) => top + (1 - (Math.min(Math.max(value, low), high) - low) / (high - low)) * (height - top - bottom);
  Object.assign(chart, { x, y, width, left, height, bottom, top });
  const parts = [];
  for (const tick of ticks(low, high, 4)) {
    parts.push(make("line", { class: "rule", x1: left, x2: width, y1: y(tick), y2: y(tick) }));
    parts.push(make("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, digits(tick)));
  }
  for (const tick of ticks(0, chart.end, width > 500 ? 8 : 5)) {
    if (tick) parts.push(make("text", { x: x(tick), y: height - 4, "text-anchor": x(tick) > width - 12 ? "end" : "middle" }, digits(tick)));
  }
  parts.push(make("text", { x: left, y: height - 4, "text-anchor": "middle" }, "0"));
  for (const at of DATA.warned) {
    if (at <= chart.end) parts.push(make("line", { class: "warned", x1: x(at), x2: x(at), y1: top, y2: height - bottom }));
  }
  if (DATA.best && chart.title.startsWith("Validation")) {
    const at = x(DATA.best);
    parts.push(make("line", { class: "best", x1: at, x2: at, y1: top, y2: height - bottom }), make("text", { x: at - 4, y: top + 10, "text-anchor": "end" }, "best"));
  }
  chart.curves.forEach((curve, number) => {
    const stroke = COLOURS[number % COLOURS.length];
    const path = (values) => "M" + values.map((value, i) => x(curve.x[i]).toFixed(1) + " " + y(value).toFixed(1)).join("L");
    if (curve.x.length === 1) parts.push(make("circle", { cx: x(curve.x[0]), cy: y(curve.y[0]), r: 3, style: "fill:" + stroke }));
    parts.push(make("path", { d: path(curve.y), class: chart.smooth[number] ? "raw" : "", style: "stroke:" + stroke }));
    if (chart.smooth[number]) parts.push(make("path", { d: path(chart.smooth[number]), style: "stroke:" + stroke }));
  });
  chart.cross = make("line", { class: "cross", y1: top, y2: height - bottom, visibility: "hidden" });
  chart.svg.replaceChildren(...parts, chart.cross);
  read(chart, null);
}

function placeOf(chart, event) {
  const inside = event.clientX - chart.svg.getBoundingClientRect().left - chart.left;
  return Math.min(Math.max(inside / (chart.width - chart.left - 6), 0), 1) * chart.end;
}

function point(at) {
  for (const chart of charts) {
    chart.cross.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at !== null) {
      chart.cross.setAttribute("x1", chart.x(at));
      chart.cross.setAttribute("x2", chart.x(at));
    }
    read(chart, at);
  }
}

// The numbers above a chart: where the pointer is, else the last ones.
function read(chart, at) {
  const parts = at === null ? [] : [make("span", {}, "epoch " + at.toFixed(1))];
  chart.curves.forEach((curve, number) => {
    let nearest = curve.x.length - 1;
    if (at !== null) curve.x.forEach((value, i) => { if (Math.abs(value - at) < Math.abs(curve.x[nearest] - at)) nearest = i; });
    const value = (chart.smooth[number] || curve.y)[nearest];
    const swatch = make("i", { style: "background:" + COLOURS[number % COLOURS.length] });
    parts.push(make("span", {}, chart.curves.length > 1 ? swatch : null, chart.curves.length > 1 ? curve.name + " " : null, make("b", {}, digits(value))));
  });
  chart.reading.replaceChildren(...parts);
}
