// The head of a run's page, and its renewal while the run goes on.
function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return Math.max(Math.round(seconds), 0) + " s";
  if (minutes < 90) return minutes + " min";
  const hours = Math.round(minutes / 60);
  return hours < 48 ? Math.floor(minutes / 60) + " h " + (minutes % 60) + " min" : Math.floor(hours / 24) + " d " + (hours % 24) + " h";
}

function drawFacts() {
  const facts = [];
  const epochs = DATA.epochs >= 100 ? Math.floor(DATA.epochs) : Math.floor(DATA.epochs * 10) / 10;
  facts.push([epochs + (DATA.total ? " of " + DATA.total : ""), "epochs"]);
  if (DATA.images_per_second) facts.push([digits(Number(DATA.images_per_second.toPrecision(3))), "images/s"]);
  if (DATA.left !== null && DATA.state === "training" && !silent()) facts.push([duration(DATA.left), "left"]);
  if (DATA.updated) facts.push([DATA.state === "finished" ? new Date(DATA.updated * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : duration(Date.now() / 1000 - DATA.updated) + " ago", DATA.state === "finished" ? "finished" : "last line"]);
  if (DATA.seconds) facts.push([duration(DATA.seconds), "of training"]);
  if (DATA.best) facts.push([String(DATA.best), "best epoch"]);
  if (DATA.megabytes) facts.push([DATA.megabytes >= 1000 ? digits(Number((DATA.megabytes / 1000).toPrecision(3))) + " GB" : digits(DATA.megabytes) + " MB", "on disk"]);
  document.getElementById("facts").replaceChildren(...facts.map(([value, name]) => make("div", {}, make("span", {}, name), make("b", {}, value))));
}

// A run that says it is training and has long written nothing was killed, or its machine is gone.
function silent() {
  return DATA.state === "training" && DATA.updated && Date.now() / 1000 - DATA.updated > Math.max(900, 10 * (DATA.pace || 0));
}

function drawState() {
  const word = silent() ? "no news" : DATA.state;
  const state = document.getElementById("state");
  state.textContent = word;
  state.className = "state " + word.replace(" ", "-");
  document.getElementById("done").style.width = (DATA.total ? Math.min(100, (100 * DATA.epochs) / DATA.total) : 0) + "%";
}

// Copies what stands beside a button; where the page may not write the clipboard, it is selected instead.
for (const button of document.querySelectorAll(".command button")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

drawState();
drawFacts();
drawSamples(document.getElementById("samples"));
if (DATA.charts.length) drawCharts(document.getElementById("charts"));
else document.getElementById("charts").append(make("p", { class: "empty card" }, "Curves come with the first lines of the log."));
if (DATA.state === "training") {
  setInterval(drawFacts, 1000);
  // The page is written anew as the run goes; read it again when nobody is in the middle of something.
  setInterval(() => {
    if (!player.playing && !document.querySelector("dialog[open]") && !document.hidden) location.reload();
  }, 20000);
}
