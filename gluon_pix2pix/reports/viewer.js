// One picture, large: wiped over its target, as a map of the difference, or beside it.
const MODES = [["wipe", "Wipe"], ["difference", "Difference"], ["side", "Side by side"]];
const GAINS = [1, 2, 4, 8];
const viewer = { index: 0, mode: "wipe", gain: 2, cut: 50 };

function buildViewer() {
  const square = (text, title, action) => make("button", { type: "button", class: "square", title, "aria-label": title, onclick: action }, text);
  viewer.heading = make("h2");
  viewer.place = make("div", { class: "quiet" });
  viewer.field = make("div", { class: "field" });
  viewer.numbers = make("div", { class: "numbers" });
  viewer.modes = MODES.map(([mode, title]) => make("button", { type: "button", title: `Key ${title[0]}`, onclick: () => setMode(mode) }, title));
  viewer.gains = GAINS.map((gain) => make("button", { type: "button", onclick: () => setGain(gain) }, "×" + gain));
  viewer.scale = make("div", { class: "scale" }, make("span", {}, "0"), make("i", { style: `background: linear-gradient(90deg, ${heatColours().join(", ")})` }), make("span"));
  viewer.heat = make("div", { class: "bar", style: "padding: 0" }, make("div", { class: "segments" }, ...viewer.gains), viewer.scale);
  viewer.dialog = make("dialog", { class: "viewer", tabindex: -1, onclose: closed },
    make("div", { class: "bar" }, make("div", { class: "title" }, viewer.heading, viewer.place), square("‹", "Previous (←)", () => step(-1)), square("›", "Next (→)", () => step(1)), square("×", "Close (Esc)", () => viewer.dialog.close())),
    viewer.field,
    make("div", { class: "bar under" }, make("div", { class: "segments" }, ...viewer.modes), viewer.heat, viewer.numbers));
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

function draw() {
  const { name, scores, size, files } = DATA.pictures[viewer.index];
  viewer.heading.textContent = name;
  const at = overview.order.indexOf(viewer.index), metric = DATA.metrics[overview.metric];
  const by = metric ? ` by ${metric.title}, ${overview.best ? "best" : "worst"} first` : "";
  viewer.place.textContent = at < 0 ? "" : `${at + 1} of ${overview.order.length}${by}`;
  viewer.numbers.replaceChildren(...DATA.metrics.map((m, i) => make("span", {}, m.title + " ", make("b", {}, withUnit(scores[i], i)))));
  viewer.modes.forEach((button, i) => button.setAttribute("aria-pressed", MODES[i][0] === viewer.mode));
  viewer.gains.forEach((button, i) => button.setAttribute("aria-pressed", GAINS[i] === viewer.gain));
  viewer.heat.hidden = viewer.mode !== "difference";
  viewer.scale.lastChild.textContent = `${Math.round(255 / viewer.gain)} of 255, mean of |fake − target|`;
  const row = Array(3).fill(viewer.gain / 3).join(" ") + " 0 0 ";
  document.querySelector("#heat feColorMatrix").setAttribute("values", row.repeat(3) + "0 0 0 1 0");
  viewer.field.className = "field " + viewer.mode;
  viewer.field.style = `--w:${size[0]};--h:${size[1]};--n:${Object.keys(files).length}`;
  viewer.field.replaceChildren(...{ wipe: wipe, difference: difference, side: beside }[viewer.mode]());
}

function wipe() {
  const stage = make("div", { class: "stage wipe", style: `--cut:${viewer.cut}%` });
  const slider = make("input", { type: "range", min: 0, max: 100, step: 0.5, value: viewer.cut, "aria-label": "how much of the fake is shown" });
  slider.addEventListener("input", () => { viewer.cut = Number(slider.value); stage.style.setProperty("--cut", viewer.cut + "%"); });
  slider.addEventListener("pointerup", () => slider.blur()); // the arrow keys belong to previous and next again
  stage.append(picture("fake"), picture("target", "over"), slider, make("div", { class: "edge" }), word("fake", "left"), word("target", "right"));
  return [stage];
}

function difference() {
  return [make("div", { class: "stage difference" }, picture("fake"), picture("target", "over"))];
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
  address.write({ view: DATA.pictures[viewer.index].name, mode: viewer.mode === "wipe" ? null : viewer.mode });
}

function closed() {
  document.documentElement.style.overflow = "";
  address.write({ view: null, mode: null });
  overview.cards[viewer.index].card.focus();
}

function step(by) {
  const next = overview.order[overview.order.indexOf(viewer.index) + by];
  if (next !== undefined) openViewer(next);
}

function setMode(mode) { viewer.mode = mode; remember(); draw(); }

function setGain(gain) { viewer.gain = gain; draw(); }

function viewerKey(event) {
  const letter = MODES.find(([, title]) => title[0].toLowerCase() === event.key.toLowerCase());
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.target.type === "range" && by) return; // reached by Tab: the arrows move the edge
  if (by) step(by);
  else if (letter) setMode(letter[0]);
  else return;
  event.preventDefault();
}
