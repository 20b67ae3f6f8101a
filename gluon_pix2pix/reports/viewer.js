// One picture, large: wiped over another of its files, as a map of the difference, or beside all of them.
const MODES = [["wipe", "Wipe"], ["difference", "Difference"], ["side", "Side by side"]];
const GAINS = [1, 2, 4, 8];
const ZOOMS = [1, 2, 4];
const viewer = { index: 0, mode: "wipe", gain: 2, cut: 50, zoom: 1, other: null };

function buildViewer() {
  const square = (text, title, action) => make("button", { type: "button", class: "square", title, "aria-label": title, onclick: action }, text);
  viewer.heading = make("h2");
  viewer.place = make("div", { class: "quiet" });
  viewer.field = make("div", { class: "field" });
  viewer.numbers = make("div", { class: "numbers" });
  viewer.files = make("div", { class: "numbers" });
  viewer.modes = MODES.map(([mode, title]) => make("button", { type: "button", title: `Key ${title[0]}`, onclick: () => setMode(mode) }, title));
  viewer.gains = GAINS.map((gain) => make("button", { type: "button", title: "the difference, enlarged", onclick: () => setGain(gain) }, "×" + gain));
  viewer.zooms = ZOOMS.map((zoom) => make("button", { type: "button", title: "Keys + and −", onclick: () => setZoom(zoom) }, zoom === 1 ? "Fit" : zoom + "×"));
  viewer.others = make("div", { class: "segments", role: "group", "aria-label": "compared with" });
  viewer.scale = make("div", { class: "scale" }, make("span", {}, "0"), make("i", { style: `background: linear-gradient(90deg, ${heatColours().join(", ")})` }), make("span"));
  viewer.heat = make("div", { class: "bar", style: "padding: 0" }, make("div", { class: "segments", role: "group", "aria-label": "gain" }, ...viewer.gains), viewer.scale);
  const group = (label, buttons) => make("div", { class: "segments", role: "group", "aria-label": label }, ...buttons);
  viewer.dialog = make("dialog", { class: "viewer", tabindex: -1, onclose: closed },
    make("div", { class: "bar" }, make("div", { class: "title" }, viewer.heading, viewer.place), square("‹", "Previous (←)", () => step(-1)), square("›", "Next (→)", () => step(1)), square("×", "Close (Esc)", () => viewer.dialog.close())),
    viewer.field,
    make("div", { class: "bar under" }, group("view", viewer.modes), viewer.others, group("zoom", viewer.zooms), viewer.heat, viewer.numbers, viewer.files));
  document.body.append(viewer.dialog);
  document.body.insertAdjacentHTML("beforeend", `<svg width="0" height="0" style="position:absolute" aria-hidden="true"><filter id="heat" color-interpolation-filters="sRGB" x="0" y="0" width="100%" height="100%"><feColorMatrix/><feComponentTransfer>${["R", "G", "B"].map((letter, i) => `<feFunc${letter} type="table" tableValues="${DATA.heat[i]}"/>`).join("")}</feComponentTransfer></filter></svg>`);
}

function heatColours() {
  const [red, green, blue] = DATA.heat.map((table) => table.split(" ").map((value) => Math.round(value * 255)));
  return red.map((value, i) => `rgb(${value} ${green[i]} ${blue[i]})`);
}

function picture(role, extra = "") {
  const files = DATA.pictures[viewer.index].files;
  return make("img", { src: files[role], alt: role, class: extra, draggable: "false" });
}

// What the main picture is compared with: what was asked for, else the last one, which is the target where there is one.
function othersOf(files) { return Object.keys(files).filter((role) => role !== DATA.main).reverse(); }

function otherOf(files) {
  const others = othersOf(files);
  return others.includes(viewer.other) ? viewer.other : others[0];
}

function draw() {
  const { name, scores, size, files } = DATA.pictures[viewer.index];
  viewer.heading.textContent = name;
  const at = overview.order.indexOf(viewer.index), metric = DATA.metrics[overview.metric];
  const by = metric ? ` by ${metric.title}, ${overview.best ? "best" : "worst"} first` : "";
  viewer.place.textContent = at < 0 ? "" : `${at + 1} of ${overview.order.length}${by}`;
  viewer.numbers.replaceChildren(...DATA.metrics.map((m, i) => make("span", {}, m.title + " ", make("b", {}, withUnit(scores[i], i)))));
  viewer.files.replaceChildren(...Object.entries(files).map(([role, file]) => make("span", {}, role + " ", make("a", { href: file, target: "_blank" }, "open"), " ", make("a", { href: file, download: decodeURIComponent(file.split("/").pop()) }, "download"))));
  const others = othersOf(files);
  viewer.others.hidden = others.length < 2 || viewer.mode === "side";
  viewer.others.replaceChildren(...others.map((role) => make("button", { type: "button", "aria-pressed": String(role === otherOf(files)), onclick: () => setOther(role) }, "with " + role)));
  viewer.modes.forEach((button, i) => button.setAttribute("aria-pressed", MODES[i][0] === viewer.mode));
  viewer.gains.forEach((button, i) => button.setAttribute("aria-pressed", GAINS[i] === viewer.gain));
  viewer.zooms.forEach((button, i) => button.setAttribute("aria-pressed", ZOOMS[i] === viewer.zoom));
  viewer.heat.hidden = viewer.mode !== "difference";
  viewer.scale.lastChild.textContent = `${Math.round(255 / viewer.gain)} of 255, mean of |${DATA.main} − ${otherOf(files)}|`;
  const row = Array(3).fill(viewer.gain / 3).join(" ") + " 0 0 ";
  document.querySelector("#heat feColorMatrix").setAttribute("values", row.repeat(3) + "0 0 0 1 0");
  viewer.field.className = "field " + viewer.mode + (viewer.zoom > 1 ? " zoomed" : "");
  viewer.field.style = `--w:${size[0]};--h:${size[1]};--n:${Object.keys(files).length};--zoom:${viewer.zoom}`;
  viewer.field.replaceChildren(...{ wipe: wipe, difference: difference, side: beside }[viewer.mode](otherOf(files)));
}

function wipe(other) {
  const stage = make("div", { class: "stage wipe", style: `--cut:${viewer.cut}%` });
  const slider = make("input", { type: "range", min: 0, max: 100, step: 0.5, value: viewer.cut, "aria-label": `how much of the ${DATA.main} is shown` });
  slider.addEventListener("input", () => { viewer.cut = Number(slider.value); stage.style.setProperty("--cut", viewer.cut + "%"); });
  slider.addEventListener("pointerup", () => slider.blur()); // the arrow keys belong to previous and next again
  // The source stands left of what was made of it, as on the cards; all else stands right.
  const [left, right] = other === "source" ? [other, DATA.main] : [DATA.main, other];
  stage.append(picture(left), picture(right, "over"), slider, make("div", { class: "edge" }), word(left, "left"), word(right, "right"));
  return [stage];
}

function difference(other) {
  return [make("div", { class: "stage difference" }, picture(DATA.main), picture(other, "over"))];
}

function beside() {
  return Object.keys(DATA.pictures[viewer.index].files).map((role) => make("div", { class: "stage" }, picture(role), word(role, "left")));
}

function word(text, side) { return make("span", { class: "word " + side }, text); }

function openViewer(index) {
  viewer.index = index;
  if (!viewer.dialog.open) viewer.dialog.showModal();
  viewer.dialog.focus(); // not its first button: Enter would press that
  document.documentElement.style.overflow = "hidden";
  remember();
  draw();
}

function remember() {
  address.write({ view: DATA.pictures[viewer.index].name, mode: viewer.mode === "wipe" ? null : viewer.mode, with: viewer.other, zoom: viewer.zoom === 1 ? null : viewer.zoom });
}

function closed() {
  document.documentElement.style.overflow = "";
  address.write({ view: null, mode: null, with: null, zoom: null });
  overview.cards[viewer.index].card.focus();
}

function step(by) {
  const next = overview.order[overview.order.indexOf(viewer.index) + by];
  if (next !== undefined) openViewer(next);
}

function setMode(mode) { viewer.mode = mode; remember(); draw(); }

function setGain(gain) { viewer.gain = gain; draw(); }

function setOther(role) { viewer.other = role; remember(); draw(); }

// Enlarged, the middle stays in the middle; the field is scrolled from there.
function setZoom(zoom) {
  viewer.zoom = zoom;
  remember();
  draw();
  viewer.field.scrollTo((viewer.field.scrollWidth - viewer.field.clientWidth) / 2, (viewer.field.scrollHeight - viewer.field.clientHeight) / 2);
}

function viewerKey(event) {
  const letter = MODES.find(([, title]) => title[0].toLowerCase() === event.key.toLowerCase());
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], larger = { "+": 1, "=": 1, "-": -1 }[event.key];
  if (event.target.type === "range" && by) return; // reached by Tab: the arrows move the edge
  if (by) step(by);
  else if (letter) setMode(letter[0]);
  else if (larger) setZoom(ZOOMS[Math.min(Math.max(ZOOMS.indexOf(viewer.zoom) + larger, 0), ZOOMS.length - 1)]);
  else return;
  event.preventDefault();
}
