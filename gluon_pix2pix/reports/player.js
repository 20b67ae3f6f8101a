// The samples of all epochs behind a slider: the same pictures, as the network drew them then.
const player = { number: 0, playing: null };

function drawSamples(section) {
  section.classList.add("card");
  if (!DATA.samples.length) {
    section.append(make("p", { class: "empty" }, "Samples come with the first checkpoint."));
    return;
  }
  const last = DATA.samples.length - 1;
  player.image = make("img", { alt: "", decoding: "async" });
  player.names = make("div", { class: "names" }, ...["source", "fake", "target"].map((name) => make("span", {}, name)));
  player.slider = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "epoch of the samples" });
  player.label = make("output");
  player.button = make("button", { type: "button", title: "Play (space)", "aria-label": "Play the samples of all epochs", onclick: play }, "▶");
  player.slider.addEventListener("input", () => { stop(); choose(Number(player.slider.value)); });
  player.image.addEventListener("load", fitNames);
  new ResizeObserver(fitNames).observe(player.image);
  const open = make("button", { type: "button", title: "Show larger", onclick: enlarge }, player.image);
  const controls = make("div", { class: "player" }, player.button, player.slider, player.label);
  section.append(player.names, make("div", { class: "sheet" }, open), controls);
  if (!last) controls.replaceChildren(player.label);
  const asked = DATA.samples.findIndex((sample) => String(sample.epoch) === address.read().get("sample"));
  show(asked < 0 ? last : asked);
  addEventListener("keydown", (event) => {
    if (typing(event)) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { stop(); choose(player.number + step); event.preventDefault(); }
    if (event.key === " " && event.target.tagName !== "BUTTON" && last) { play(); event.preventDefault(); }
  });
}

function show(number) {
  player.number = Math.min(Math.max(number, 0), DATA.samples.length - 1);
  const sample = DATA.samples[player.number];
  player.image.src = sample.src;
  player.image.alt = "source, fake and target, epoch " + sample.epoch;
  player.slider.value = player.number;
  player.slider.setAttribute("aria-valuetext", whenOf(sample));
  player.label.textContent = whenOf(sample);
  for (const near of [player.number + 1, player.number - 1]) {
    if (DATA.samples[near]) new Image().src = DATA.samples[near].src; // so that a step shows at once
  }
}

// The newest samples are shown until another epoch is chosen; the address keeps the choice through reloads.
function choose(number) {
  show(number);
  address.write({ sample: player.number < DATA.samples.length - 1 ? DATA.samples[player.number].epoch : null });
}

function play() {
  if (player.playing) return stop();
  if (player.number === DATA.samples.length - 1) show(0);
  player.button.textContent = "❚❚";
  player.button.setAttribute("aria-label", "Pause");
  player.playing = setInterval(() => {
    choose(player.number + 1);
    if (player.number === DATA.samples.length - 1) stop();
  }, 450);
}

function stop() {
  clearInterval(player.playing);
  player.playing = null;
  player.button.textContent = "▶";
  player.button.setAttribute("aria-label", "Play the samples of all epochs");
}

// Small pictures are enlarged, up to twice; the columns' names have the width of what is shown.
function fitNames() {
  player.image.style.width = Math.min(player.image.naturalWidth * 2, 1600) + "px";
  if (player.image.clientWidth) player.names.style.width = player.image.clientWidth + "px";
}

function enlarge() {
  const image = make("img", { src: player.image.src, alt: player.image.alt });
  const dialog = make("dialog", { class: "whole", onclick: () => dialog.close(), onclose: () => dialog.remove() }, image);
  document.body.append(dialog);
  dialog.showModal();
}

function whenOf(sample) {
  return typeof sample.epoch === "number" ? "epoch " + sample.epoch : sample.epoch;
}
