// The page: what is given, what the network answers, and all between.
import { Editor, packed, unpacked } from "./editor.js";
import { read_picture, write_png } from "./pixels.js";

const backend = await import(document.documentElement.dataset.backend === "browser" ? "./browser.js" : "./server.js");
const $ = id => document.getElementById(id);
const on = (id, event, act) => $(id).addEventListener(event, act);
const make = (tag, words) => Object.assign(document.createElement(tag), words);
const say = text => ($("said").textContent = text);
const AT_ONCE = 1 << 20; // pixels; larger pictures are asked for in tiles
const LARGEST = 1024; // pixels a side, of a photo that holes are painted into
const HOLE = packed([255, 255, 255], 0); // white to the network, as in training; transparent here
const DEBOUNCE = 60, PATIENCE = 250; // milliseconds of rest before asking, and the most while painting

const editor = new Editor($("canvas"), $("overlay"));
let model, way, file = null, shown = null, answer = null; // shown: the picture's pixels, if the browser reads them

// Asking for answers: one at a time, the newest next

let timer, first_wish = 0, asking = null, again = false;

function renew({ now = false } = {}) {
	clearTimeout(timer);
	const time = performance.now();
	first_wish ||= time;
	timer = setTimeout(ask, now ? 0 : Math.max(Math.min(DEBOUNCE, first_wish + PATIENCE - time), 0));
}

function forget_answer() {
	asking?.abort();
	clearTimeout(timer);
	[asking, again, answer, first_wish] = [null, false, null, 0];
	$("status").textContent = $("answer-problem").textContent = "";
	$("working").hidden = true;
	$("nothing").hidden = false;
	refresh();
	for (const id of ["result", "before"]) $(id).width = $(id).height = 1;
}

async function ask() {
	first_wish = 0;
	if (asking) return void (again = true);
	const given = take_given();
	if (!given || !$("seed").checkValidity()) return;
	const mine = (asking = new AbortController()), for_model = model;
	$("working").hidden = false;
	try {
		const got = await backend.translate(model, given, request(given), mine.signal);
		if (mine.signal.aborted) return;
		await show_answer(got, given);
		$("answer-problem").textContent = $("given-problem").textContent = "";
	} catch (error) {
		if (mine.signal.aborted) return;
		const about = error.about_picture && !painting();
		$(about ? "given-problem" : "answer-problem").textContent = sentence(error.message);
		if (about && !shown) $("drop").hidden = false, ($("given-what").textContent = "");
		$("status").textContent = "";
	} finally {
		if (asking === mine) {
			asking = null;
			$("working").hidden = true;
			if (again && for_model === model) { again = false; ask(); }
		}
	}
}

const sentence = text => text.charAt(0).toUpperCase() + text.slice(1) + (/[.?!]$/.test(text) ? "" : ".");
const painting = () => way === "paint" || (model.task === "inpainting" && shown !== null);

// What is sent: a file as it is, or a drawing's pixels

function take_given() {
	if (!painting()) return file && { file, picture: shown, channels: 3 };
	const picture = { width: editor.width, height: editor.height, data: editor.image.data.slice() };
	if (model.source.kind !== "labels") return { picture, channels: model.task === "inpainting" ? 4 : 3 };
	const numbers = new Map(model.source.palette.map(({ rgb }, number) => [packed(rgb), number]));
	const pixels = new Uint32Array(picture.data.buffer);
	pixels.forEach((value, i) => (pixels[i] = packed(Array(3).fill(numbers.get(value) ?? 0))));
	return { picture, channels: 1 };
}

function request(given) {
	const options = { size: "own" };
	if (way === "photo" && !painting()) {
		const choice = $("size").value;
		options.size = choice === "proportions" ? proportions().join("x") : choice;
	}
	const [height, width] = options.size === "trained" ? trained() : options.size === "own" ? [given.picture?.height, given.picture?.width] : options.size.split("x");
	if (Math.ceil(height / model.multiple) * Math.ceil(width / model.multiple) * model.multiple ** 2 > AT_ONCE || height === undefined) options.tile = 512;
	if ($("dropout").checked) Object.assign(options, { dropout: true, seed: Number($("seed").value) });
	return options;
}

function trained() { return model.trained_at ?? [256, 256].map(side => Math.ceil(side / model.multiple) * model.multiple); }

// Height and width like the picture's, with about as many pixels as in training.
function proportions() {
	const [height, width] = trained(), scale = shown ? Math.sqrt((height * width) / (shown.height * shown.width)) : 1;
	return shown ? [shown.height, shown.width].map(side => Math.max(Math.round(side * scale), 1)) : [height, width];
}

// What comes back

async function show_answer({ blob, picture, seconds, where }, given) {
	picture ??= await read_picture(blob);
	if (model.target.kind === "labels") {
		const colours = model.target.palette.map(({ rgb }) => packed(rgb)), pixels = new Uint32Array(picture.data.buffer);
		blob ??= await write_png(picture, 1);
		pixels.forEach((value, i) => (pixels[i] = colours[value & 255] ?? packed([0, 0, 0])));
	} else if (model.task === "inpainting" && painting() && picture.width === given.picture.width && picture.height === given.picture.height) {
		const [pixels, known] = [new Uint32Array(picture.data.buffer), new Uint32Array(given.picture.data.buffer)];
		known.forEach((value, i) => { if (value !== HOLE) pixels[i] = value; }); // what is known stays
		blob = null;
	}
	answer = { blob, picture };
	put("result", picture);
	if (given.picture) put("before", given.picture);
	$("wipe-choice").hidden = !given.picture;
	set_ratio("answer-stage", picture);
	$("nothing").hidden = true;
	$("status").textContent = `${picture.width} × ${picture.height} in ${seconds < 10 ? seconds.toFixed(2) : Math.round(seconds)} s${where ? `, ${where}` : ""}`;
	$("answer").dataset.count = Number($("answer").dataset.count ?? 0) + 1;
	refresh();
}

function put(id, { width, height, data }) {
	Object.assign($(id), { width, height }).getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
}

function set_ratio(id, { width, height }) {
	$(id).style.setProperty("--ratio", Math.min(Math.max(width / height, 0.25), 4));
}

on("download", "click", async () => save(answer.blob ?? (await write_png(answer.picture)), `${model.name}.png`));

function save(blob, name) {
	const link = make("a", { href: URL.createObjectURL(blob), download: name });
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function refresh() {
	$("download").disabled = !answer;
	const on = $("wiping").checked && answer !== null && !$("wipe-choice").hidden;
	$("wiped").hidden = $("wipe").hidden = !on;
	$("answer-stage").classList.toggle("wiping", on);
	$("answer-stage").style.setProperty("--wiped", `${$("wipe").value}%`);
}
on("wiping", "change", refresh);
on("wipe", "input", refresh);

// The drawing

editor.addEventListener("paint", () => {
	$("undo").disabled = !editor.can_undo;
	$("redo").disabled = !editor.can_redo;
	if (model && painting()) renew();
});
editor.addEventListener("say", event => say(event.detail));
editor.addEventListener("picked", event => {
	const number = palette_of(model).findIndex(({ value }) => value === event.detail);
	const inputs = [...$("palette").querySelectorAll("input[type=radio]")];
	if (number >= 0) choose_colour(inputs[number]);
	else if ($("own-colour")) {
		$("own-colour").value = "#" + unpacked(event.detail).map(v => v.toString(16).padStart(2, "0")).join("");
		choose_colour(inputs.at(-1));
	}
	say(`picked ${editor.names.get(event.detail) ?? unpacked(event.detail).join(" ")}`);
	choose_tool(last_tool);
});
on("canvas", "pointerleave", () => editor.leave());
for (const id of ["undo", "redo"]) on(id, "click", () => editor[id]());
on("clear", "click", () => {
	if (model.task === "inpainting") return show_photo(shown, { undoable: true });
	editor.clear(ground());
});
on("brush", "input", () => { $("brush-size").value = editor.brush = Number($("brush").value); choose_tool("brush"); });
on("save", "click", async () => save(await write_png(editor.image, painting() && model.task === "inpainting" ? 4 : 3), "drawing.png"));

let last_tool = "rectangle";
function choose_tool(tool) {
	if (editor.tool !== "pick") last_tool = editor.tool;
	editor.tool = tool;
	document.querySelector(`[name=tool][value=${tool}]`).checked = true;
}
on("tool-choice", "change", event => choose_tool(event.target.value));

function palette_of({ source, task }) {
	if (task === "inpainting") return [{ name: "hole", value: HOLE }];
	if (source.palette) return source.palette.map(({ name, rgb }) => ({ name, value: packed(rgb) }));
	return [["black", [0, 0, 0]], ["white", [255, 255, 255]]].map(([name, rgb]) => ({ name, value: packed(rgb) }));
}
const has_palette = () => model.source.palette !== null;
const ground = () => packed((has_palette() ? model.source.palette[0] : { rgb: [255, 255, 255] }).rgb);

function show_palette() {
	const colours = palette_of(model);
	editor.names = new Map(colours.map(({ name, value }) => [value, name]));
	const rows = colours.map(({ name, value }, number) => row(name, value, number < 10 ? `${(number + 1) % 10}` : ""));
	if (!has_palette() && model.task !== "inpainting") {
		const own = row("own colour", packed([180, 60, 30]), "");
		const input = make("input", { type: "color", value: "#b43c1e", id: "own-colour", ariaLabel: "Own colour" });
		input.addEventListener("input", () => choose_colour(own.querySelector("input")));
		own.querySelector("i").replaceWith(input);
		rows.push(own);
	}
	$("palette").replaceChildren(...rows);
	$("palette").hidden = model.task === "inpainting";
	choose_colour(rows[Math.max(colours.findIndex(({ name }) => name === "window"), 0)].querySelector("input"));
}

function row(name, value, key) {
	const label = make("label", { title: key && `Key ${key}` }), input = make("input", { type: "radio", name: "colour" });
	const patch = make("i", { style: `background: rgb(${unpacked(value)})` });
	input.dataset.value = value;
	label.append(patch, name, input);
	input.addEventListener("change", () => choose_colour(input));
	return label;
}

function choose_colour(input) {
	input.checked = true;
	const own = input.closest("label").querySelector("[type=color]")?.value;
	editor.colour = own ? packed([1, 3, 5].map(i => parseInt(own.slice(i, i + 2), 16))) : Number(input.dataset.value);
}

document.addEventListener("keydown", event => {
	const writing = event.target.matches("input:not([type=radio],[type=range],[type=checkbox]), select, textarea");
	if (writing || !model || !painting()) return;
	const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey;
	if (control && key === "z") event.shiftKey ? editor.redo() : editor.undo();
	else if (control && key === "y") editor.redo();
	else if (control || event.altKey) return;
	else if ("rbfi".includes(key)) choose_tool({ r: "rectangle", b: "brush", f: "fill", i: "pick" }[key]);
	else if (/^\d$/.test(key)) {
		const input = $("palette").querySelectorAll("input[type=radio]")[(Number(key) + 9) % 10];
		if (!input) return;
		choose_colour(input);
		say(input.closest("label").textContent);
	} else return;
	event.preventDefault();
});

// Pictures from outside

const UNREADABLE = "This file is no picture that the browser can read.";

async function open_file(blob, name = "") {
	$("given-problem").textContent = "";
	try {
		if (way === "paint") return await open_drawing(await read_picture(blob));
	} catch {
		return void ($("given-problem").textContent = UNREADABLE);
	}
	forget_answer();
	[file, shown] = [blob, null];
	$("drop").hidden = true;
	try {
		shown = await read_picture(blob, model.task === "inpainting" ? LARGEST : Infinity);
	} catch {
		if (backend.only_shown) {
			file = null;
			$("drop").hidden = false;
			return void ($("given-problem").textContent = UNREADABLE);
		}
	}
	$("given-what").textContent = name + (!shown ? " (without a preview)" : model.task === "colorization" ? ", as the network sees it" : "");
	show_photo(shown);
	show_sizes();
	renew({ now: true });
}

function show_photo(picture, options) {
	picture ??= { width: 256, height: 256, data: new Uint8ClampedArray(4 * 256 * 256) };
	set_ratio("given-stage", picture);
	const pixels = new Uint32Array(picture.data.slice().buffer);
	if (model.task === "inpainting" && model.mask === "center") {
		const { width, height } = picture, [left, top] = [width >> 2, height >> 2];
		for (let y = top; y < top + (height >> 1); y++) pixels.fill(HOLE, y * width + left, y * width + left + (width >> 1));
	}
	editor.load(picture.width, picture.height, pixels, options);
}

// Take a label picture over: its pixels at the canvas' size, each in the palette's nearest colour.
function open_drawing({ width, height, data }) {
	const pixels = new Uint32Array(editor.width * editor.height), from = new Uint32Array(data.buffer);
	const colours = has_palette() ? model.source.palette.map(({ rgb }) => rgb) : [], nearest = new Map();
	let near = 0;
	for (let y = 0; y < editor.height; y++) for (let x = 0; x < editor.width; x++) {
		const value = from[Math.floor(((y + 0.5) * height) / editor.height) * width + Math.floor(((x + 0.5) * width) / editor.width)];
		if (!nearest.has(value)) {
			const rgb = unpacked(value), far = colour => colour.reduce((sum, v, i) => sum + (v - rgb[i]) ** 2, 0);
			const best = colours.reduce((a, b) => (far(b) < far(a) ? b : a), colours[0] ?? rgb);
			nearest.set(value, [packed(best), far(best) <= 60 ** 2]);
		}
		const [colour, close] = nearest.get(value);
		pixels[y * editor.width + x] = colour;
		near += close;
	}
	if (near < pixels.length / 2) return void ($("given-problem").textContent = "This is no drawing in this model's colours: most of it is far from all of them.");
	editor.load(editor.width, editor.height, pixels, { undoable: true });
}

for (const id of ["choose", "open"]) on(id, "click", () => $("file").click());
on("file", "change", () => {
	const [chosen] = $("file").files;
	if (chosen) open_file(chosen, chosen.name);
	$("file").value = "";
});
document.addEventListener("paste", event => {
	const pasted = event.clipboardData?.files[0];
	if (pasted && model) { event.preventDefault(); open_file(pasted, "pasted"); }
});
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
	document.addEventListener(name, event => {
		if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
		event.preventDefault();
		$("given-stage").classList.toggle("over", name === "dragenter" || name === "dragover");
		const [dropped] = event.dataTransfer.files;
		if (name === "drop" && model && dropped) open_file(dropped, dropped.name);
	});
}

// Choices

function show_sizes() {
	const [height, width] = trained(), words = (h, w) => `${w} × ${h}`;
	let sizes = [["trained", `as trained, ${words(height, width)}`]];
	if (way === "paint") {
		sizes = [1, 2].map(times => [`${height * times}x${width * times}`, words(height * times, width * times)]).filter((_, i) => !i || 4 * height * width <= AT_ONCE);
	} else if (shown) {
		if (height * shown.width !== width * shown.height) sizes.push(["proportions", `in proportion, ${words(...proportions())}`]);
		sizes.push(["own", `its own, ${words(shown.height, shown.width)}`]);
		if (!model.trained_at) sizes.shift();
	}
	const before = $("size").value;
	$("size").replaceChildren(...sizes.map(([value, text]) => new Option(text, value)));
	const wanted = model.task !== "colorization" && sizes.some(([value]) => value === "proportions") ? "proportions" : sizes[0][0];
	$("size").value = sizes.some(([value]) => value === before) && before !== "trained" ? before : wanted;
	$("size-choice").hidden = sizes.length < 2 || (way === "photo" && painting()) || model.task === "colorization";
}

on("size", "change", () => {
	if (way !== "paint") return renew({ now: true });
	const { width, height, past, future } = editor, [tall, wide] = $("size").value.split("x").map(Number);
	const scaled = old => Uint32Array.from({ length: tall * wide }, (_, i) => old[Math.floor((Math.floor(i / wide) * height) / tall) * width + Math.floor(((i % wide) * width) / wide)]);
	editor.load(wide, tall, scaled(editor.pixels));
	[editor.past, editor.future] = [past.map(scaled), future.map(scaled)];
	editor.dispatchEvent(new Event("paint"));
});
for (const id of ["dropout", "seed"]) on(id, "input", () => {
	$("seed-choice").hidden = $("dice").hidden = !$("dropout").checked;
	$("seed-problem").textContent = $("seed").checkValidity() ? "" : "A seed is a whole number from 0 to 2147483647.";
	renew({ now: true });
});
on("dice", "click", () => {
	$("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
	$("seed").dispatchEvent(new Event("input"));
});
on("model", "change", () => choose_model(models.find(({ name }) => name === $("model").value)));
on("ways", "click", event => event.target.dataset.way && choose_way(event.target.dataset.way));

// Models

const ways_of = ({ source, task }) => {
	if (source.palette) return ["paint"];
	if (task !== "pairs") return ["photo"];
	return [1, 3].includes(source.channels) ? ["photo", "paint"] : ["photo"];
};

// The tab keeps each model's drawing, over a reload and while another model is chosen.
function keep() {
	if (!model) return;
	const { width, height, pixels } = editor, values = [...editor.names.keys()];
	try {
		sessionStorage.model = model.name;
		if (way === "paint" && has_palette()) sessionStorage[`drawing ${model.name}`] = [width, height, ...Array.from(pixels, value => values.indexOf(value))];
	} catch {} // the browser keeps nothing, or no more
}
function kept(name) {
	try { return sessionStorage[name]; } catch {}
}
function open_kept() {
	const [width, height, ...numbers] = (kept(`drawing ${model.name}`) ?? "").split(",").map(Number), values = [...editor.names.keys()];
	$("size").value = `${height}x${width}`;
	if (!$("size").value) return void ($("size").selectedIndex = 0); // none, or of another model by this name
	editor.load(width, height, numbers.map(number => values[number] ?? ground()));
	return true;
}
addEventListener("pagehide", keep);

async function choose_model(chosen) {
	keep();
	forget_answer();
	model = null; // nothing is asked for while it changes
	await backend.prepare(chosen, show_loading);
	model = chosen;
	document.title = `${model.name} · pix2pix`;
	$("model").value = model.name;
	const ways = ways_of(model);
	$("ways").hidden = ways.length < 2;
	$("dropout-choice").hidden = !model.dropout;
	$("dropout").checked = false;
	$("seed-choice").hidden = $("dice").hidden = true;
	$("answer-what").textContent = model.task === "colorization" ? "colours it" : "answers";
	show_card();
	choose_way(ways[0]);
	$("loading").hidden = true;
	$("studio").hidden = $("about").hidden = false;
}

function choose_way(chosen) {
	forget_answer();
	way = chosen;
	[file, shown] = [null, null];
	const draws = way === "paint" || model.task === "inpainting";
	document.querySelector("main").className = draws ? "" : model.task === "colorization" ? "no-tools gray" : "no-tools";
	$("tools").hidden = !draws;
	$("drop").hidden = way === "paint";
	$("save").hidden = !draws;
	$("given-problem").textContent = "";
	$("given-what").textContent = way === "paint" ? "choose a colour and drag" : "";
	document.querySelectorAll("[data-way]").forEach(button => button.setAttribute("aria-pressed", button.dataset.way === way));
	$("given-title").textContent = way === "paint" ? "You paint" : "Your picture";
	const still = draws ? {} : { role: "img", ariaLabel: "Your picture", className: "still", tabIndex: -1 };
	Object.assign($("canvas"), { role: "application", ariaLabel: "The drawing", className: "", tabIndex: 0, ...still });
	$("canvas-help").hidden = !draws;
	show_palette();
	show_sizes();
	const [height, width] = trained();
	for (const id of ["given-stage", "answer-stage"]) set_ratio(id, { height, width });
	editor.load(width, height, new Uint32Array(width * height).fill(way === "paint" ? ground() : 0));
	show_examples();
}

async function show_examples() {
	const mine = model;
	const buttons = model.examples.map((address, number) => {
		const button = make("button", { type: "button", title: `Example ${number + 1}` });
		button.append(make("img", { src: address, alt: "" }));
		button.addEventListener("click", () => use(address, `example ${number + 1}`));
		return button;
	});
	const use = async (address, name) => {
		try {
			const blob = await (await fetch(address)).blob();
			if (model === mine) await open_file(blob, name);
		} catch {
			$("given-problem").textContent = "The example does not come.";
		}
	};
	$("examples").replaceChildren(...(way === "paint" && !has_palette() ? [] : buttons));
	if (way !== "paint" || (has_palette() && open_kept())) return;
	if (!has_palette() || !buttons.length) return renew();
	await use(model.examples[0]);
	if (model === mine) editor.past = [], editor.dispatchEvent(new Event("paint"));
}

function show_card() {
	const rows = Object.entries({ model: model.name, ...model.card, takes: words_of(model.source), gives: words_of(model.target) });
	$("card").replaceChildren(...rows.flatMap(([name, text]) => (text ? [make("dt", { textContent: name }), make("dd", { textContent: text })] : [])));
}

function words_of({ kind, channels, palette }) {
	if (kind === "labels") return `label maps of ${channels} labels`;
	if (palette) return `label pictures of ${palette.length} colours`;
	if (kind === "lightness") return "black-and-white pictures of any size";
	if (kind === "chroma") return "their colours";
	return { 1: "gray pictures", 3: "colour pictures" }[channels] ?? `pictures of ${channels} channels`;
}

function show_loading(text, share) {
	$("loading").hidden = false;
	const bar = make("progress", { max: 1 });
	if (share !== undefined) bar.value = share;
	$("loading").replaceChildren(text, bar);
}

let models = [];
try {
	const loaded = await backend.load();
	models = loaded.models;
	$("privacy").textContent = `${loaded.privacy} gluon-pix2pix ${loaded.version}.`;
	$("model").replaceChildren(...models.map(({ name }) => new Option(name, name)));
	$("model-choice").hidden = models.length < 2;
	await choose_model(models.find(({ name }) => name === kept("model")) ?? models[0]);
} catch (error) {
	$("loading").hidden = false;
	$("loading").className = "problem";
	$("loading").textContent = sentence(error.message);
}
