// Begin as the address asks: #sort=psnr&order=best&find=name&view=picture&mode=difference&with=source&zoom=2, or any part of it.
const asked = address.read();
drawTiles(document.getElementById("tiles"));
drawTools(document.getElementById("tools"));
drawCards(document.getElementById("pictures"));
buildViewer();
overview.find = overview.search.value = asked.get("find") || "";
sortBy(DATA.metrics.findIndex((metric) => metric.key === asked.get("sort")), asked.get("order") === "best");
if (MODES.some(([mode]) => mode === asked.get("mode"))) viewer.mode = asked.get("mode");
viewer.other = asked.get("with");
if (ZOOMS.includes(Number(asked.get("zoom")))) viewer.zoom = Number(asked.get("zoom"));
const viewed = DATA.pictures.findIndex((one) => one.name === asked.get("view"));
if (viewed >= 0) openViewer(viewed);
addEventListener("keydown", (event) => {
  if (viewer.dialog.open) return event.altKey || event.ctrlKey || event.metaKey ? undefined : viewerKey(event);
  if (typing(event)) return;
  if (event.key.startsWith("Arrow")) walk(event);
  if (event.key === "/") { overview.search.focus(); event.preventDefault(); }
});
