// All pictures, their scores and histograms: sorted by one score, found by name.
const overview = { metric: -1, best: false, find: "", order: [], cards: [] };

function number(value) { return value === "inf" ? Infinity : value; }

function written(value, index) {
  if (value === null || value === undefined) return "–";
  return value === "inf" || value === Infinity ? "∞" : value.toFixed(DATA.metrics[index].decimals);
}

function withUnit(value, index) { return `${written(value, index)} ${DATA.metrics[index].unit}`.trim(); }

// Where a picture comes when the worst is first: pictures without the score last, equal ones by name.
function compare(a, b) {
  const metric = DATA.metrics[overview.metric];
  if (!metric) return a - b;
  const [x, y] = [a, b].map((i) => number(DATA.pictures[i].scores[overview.metric] ?? null));
  if (x === null || y === null) return (x === null) - (y === null) || a - b;
  if (x === y) return a - b;
  return (x < y ? -1 : 1) * (metric.low ? -1 : 1) * (overview.best ? -1 : 1);
}

function statistics(index) {
  const values = DATA.pictures.map((picture) => number(picture.scores[index] ?? null)).filter((value) => value !== null).sort((a, b) => a - b);
  const half = values.length / 2;
  const median = values.length % 2 ? values[Math.floor(half)] : (values[half - 1] + values[half]) / 2;
  return { values, median, mean: values.reduce((sum, value) => sum + value, 0) / values.length, low: values[0], high: values[values.length - 1] };
}

function histogram(values, index) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return make("svg");
  const low = finite[0], high = finite[finite.length - 1];
  const bins = Array(Math.min(28, Math.max(8, Math.ceil(Math.sqrt(finite.length) * 1.5)))).fill(0);
  for (const value of finite) bins[Math.min(bins.length - 1, Math.floor(((value - low) / (high - low || 1)) * bins.length))] += 1;
  const most = Math.max(...bins), svg = make("svg", { viewBox: `0 0 ${bins.length} 44`, preserveAspectRatio: "none", "aria-hidden": true });
  bins.forEach((count, i) => {
    const height = count && Math.max(1.5, (count / most) * 44);
    const bar = make("rect", { x: i + 0.06, width: 0.88, y: 44 - height, height });
    const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
    title.textContent = `${count}: ${[i, i + 1].map((edge) => written(low + ((high - low) * edge) / bins.length, index)).join(" to ")}`;
    bar.append(title);
    svg.append(bar);
  });
  return svg;
}

function drawTiles(parent) {
  DATA.metrics.forEach((metric, index) => {
    const { values, median, mean, low, high } = statistics(index);
    const title = metric.unit ? `${metric.title} (${metric.unit})` : metric.title;
    parent.append(make("button", { class: "tile", type: "button", "aria-pressed": "false", title: "Sort by this, worst first; again: best first", onclick: () => sortBy(index, overview.metric === index && !overview.best) },
      make("h2", {}, title), make("div", { class: "middle" }, make("strong", {}, written(mean, index)), make("small", {}, "mean")),
      histogram(values, index), make("small", { class: "ends" }, make("span", {}, written(low, index)), make("span", {}, "median " + written(median, index)), make("span", {}, written(high, index)))));
  });
}

function drawTools(parent) {
  if (DATA.pictures.length < 2) parent.hidden = true;
  const options = DATA.metrics.map((metric, index) => make("option", { value: index }, "Sort by " + metric.title));
  overview.select = make("select", { "aria-label": "sort by", hidden: !DATA.metrics.length, onchange: (event) => sortBy(Number(event.target.value), overview.best) }, make("option", { value: -1 }, "In their order"), ...options);
  overview.button = make("button", { type: "button", onclick: () => sortBy(overview.metric, !overview.best) });
  overview.search = make("input", { type: "search", placeholder: "Find a name", "aria-label": "find a name", oninput: (event) => find(event.target.value) });
  overview.count = make("span", { class: "quiet" });
  parent.append(overview.select, overview.button, overview.search, overview.count);
}

// The pictures of a card lie in one file, with two pixels between them.
function stripSize(picture) {
  return [picture.widths.reduce((sum, width) => sum + width + 2, -2), picture.high];
}

function drawCards(parent) {
  overview.parent = parent;
  overview.none = make("p", { class: "none" }, "No picture has such a name.");
  const [width, height] = DATA.pictures.length ? stripSize(DATA.pictures[0]) : [1, 1];
  parent.style.setProperty("--card-width", Math.min(Math.max((width / height) * 112, 190), 420) + "px");
  overview.cards = DATA.pictures.map((picture, index) => {
    const [width, height] = stripSize(picture), roles = Object.keys(picture.files);
    const headings = roles.map((role, i) => make("span", { style: `flex-grow:${picture.widths[i]}` }, role));
    const image = make("img", { decoding: "async", width, height, alt: Object.keys(picture.files).join(", ") });
    const main = make("b"), rest = make("small");
    const card = make("a", { class: "picture card", href: "#", "data-name": picture.name, "data-index": index, onclick: (event) => { event.preventDefault(); openViewer(index); } },
      make("div", { class: "roles", "aria-hidden": true }, ...headings), image, make("div", { class: "text" }, make("div", { class: "row" }, make("h3", { title: picture.name }, picture.name), main), rest));
    near.observe(card);
    return { card, main, rest };
  });
}

// Chromium's own loading="lazy" is for http alone: of a page on disk it would load all pictures at once.
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    target.querySelector("img").src = DATA.pictures[target.dataset.index].thumb;
    near.unobserve(target);
  }
}, { rootMargin: "1000px" });

// Sort, filter and write the numbers: the score that is sorted by stands out, the next ones follow.
function arrange() {
  const wanted = overview.find.toLowerCase(), first = Math.max(overview.metric, 0);
  overview.order = DATA.pictures.map((_, i) => i).filter((i) => DATA.pictures[i].name.toLowerCase().includes(wanted)).sort(compare);
  for (const i of overview.order) {
    const { main, rest } = overview.cards[i], scores = DATA.pictures[i].scores;
    const named = (index) => DATA.metrics[index].title + " " + written(scores[index], index);
    main.textContent = DATA.metrics.length ? withUnit(scores[first], first) : "";
    rest.textContent = DATA.metrics.map((_, index) => index).filter((index) => index !== first).slice(0, 4).map(named).join("  ·  ");
  }
  overview.parent.replaceChildren(...(overview.order.length ? overview.order.map((i) => overview.cards[i].card) : [overview.none]));
  const all = DATA.pictures.length;
  overview.count.textContent = overview.order.length === all ? "" : `${overview.order.length} of ${all}`;
}

function sortBy(index, best) {
  overview.metric = index;
  overview.best = best;
  overview.select.value = index;
  overview.button.textContent = best ? "Best first" : "Worst first";
  overview.button.hidden = index < 0;
  document.querySelectorAll(".tile").forEach((tile, i) => tile.setAttribute("aria-pressed", i === index));
  address.write({ sort: index < 0 ? null : DATA.metrics[index].key, order: index >= 0 && best ? "best" : null });
  arrange();
}

function find(text) {
  overview.find = text;
  address.write({ find: text || null });
  arrange();
}

// Arrow keys walk through the cards as they lie; Enter opens one, as on every link.
function walk(event) {
  const cards = [...overview.parent.querySelectorAll(".picture")], here = cards.indexOf(document.activeElement);
  if (!cards.length) return;
  const columns = getComputedStyle(overview.parent).gridTemplateColumns.split(" ").length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (here < 0 && event.key.startsWith("ArrowUp")) return;
  const next = here < 0 ? 0 : here + step;
  if (next >= 0 && next < cards.length) { cards[next].focus(); event.preventDefault(); }
}
