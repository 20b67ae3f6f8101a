// What gluon_pix2pix.translation does, without tiles, by ONNX Runtime.

const LARGEST = 1 << 22; // pixels at once
const sessions = new Map();
let runtime; // { ort, gpu }

onmessage = async ({ data: { id, load, model, picture, options } }) => {
	try {
		if (load) return void postMessage({ id, ready: await session_of(load).then(() => true) });
		const answer = await translate(model, picture, options);
		postMessage({ id, picture: answer, where: runtime.gpu ? "WebGPU" : "WebAssembly" }, [answer.data.buffer]);
	} catch (error) {
		postMessage({ id, error: { text: error.message ?? String(error), about_picture: error.about_picture } });
	}
};

// Loading

const megabytes = bytes => `${(bytes / 1e6).toFixed(1)} MB`;

async function fetch_all(address, bytes, what) {
	const answer = await fetch(address);
	if (!answer.ok) throw new Error(`${address} does not come (${answer.status})`);
	const data = new Uint8Array(bytes);
	let at = 0;
	for (const reader = answer.body.getReader(); ; ) {
		const { done, value } = await reader.read();
		if (done) break;
		if (at + value.length > bytes) throw new Error(`${address} is longer than it was when this page was made`);
		data.set(value, at);
		at += value.length;
		postMessage({ text: `Loading ${what}: ${megabytes(at)} of ${megabytes(bytes)}`, share: at / bytes });
	}
	if (at < bytes) throw new Error(`${address} is cut off`);
	return data;
}

async function start(files, gpu) {
	const [program, wasm] = gpu ? ["ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"] : ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.wasm"];
	const ort = await import(`./runtime/${program}`);
	ort.env.wasm.wasmPaths = new URL("runtime/", import.meta.url).href;
	ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;
	ort.env.wasm.wasmBinary = await fetch_all(`runtime/${wasm}`, files[wasm], "ONNX Runtime");
	return { ort, gpu };
}

async function session_of(model) {
	if (sessions.has(model.name)) return sessions.get(model.name);
	const gpu = runtime ? runtime.gpu : await navigator.gpu?.requestAdapter().then(Boolean, () => false);
	runtime ??= await start(model.runtime, gpu);
	const data = await fetch_all(model.file, model.bytes, `the model ${model.name}`);
	postMessage({ text: "Starting" });
	let session;
	try {
		session = await open(data);
	} catch (error) {
		if (!runtime.gpu) throw error;
		runtime = await start(model.runtime, false); // a GPU that cannot
		session = await open(data);
	}
	sessions.set(model.name, session);
	return session;
}

const open = data => runtime.ort.InferenceSession.create(data, { executionProviders: runtime.gpu ? ["webgpu", "wasm"] : ["wasm"] });

// Pictures here are { width, height, channels, data }, channel by channel.

async function translate(model, picture, options) {
	const session = await session_of(model), given = take(picture, model);
	const [height, width] = size_of(options.size, model, picture);
	const prepared = resize(given, height, width, model.source.kind === "labels");
	const padded = [height, width].map(side => Math.ceil(Math.max(side, 8) / model.multiple) * model.multiple);
	if (padded[0] * padded[1] > LARGEST) throw Object.assign(new Error(`${width} × ${height} pixels are too many for the browser: choose another size`), { about_picture: true });
	const source = pad(to_network(prepared, model), ...padded);
	const input = new runtime.ort.Tensor("float32", source.data, [1, source.channels, ...padded]);
	const { output } = await session.run({ data: input });
	const values = output.data ?? (await output.getData()), channels = model.target.channels;
	const answer = crop({ width: padded[1], height: padded[0], channels, data: values }, height, width);
	return from_network(answer, model, given);
}

function size_of(word, model, picture) {
	if (word === "trained" && model.trained_at) return model.trained_at;
	const sides = word.split("x").map(Number);
	return isNaN(sides[0]) ? [picture.height, picture.width] : [sides[0], sides[sides.length - 1]];
}

// RGBA bytes to the channels that the model is given, 0 to 255.
function take({ width, height, data }, { source, task }) {
	const count = width * height, colour = source.kind === "picture" && source.channels === 3;
	const planes = new Float32Array(count * (colour ? 3 : 1));
	for (let i = 0; i < count; i++) {
		const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
		if (colour) [planes[i], planes[count + i], planes[2 * count + i]] = [r, g, b];
		else if (source.kind === "labels") planes[i] = r;
		else if (task === "colorization") planes[i] = gray_of(r, g, b);
		else planes[i] = (r * 4899 + g * 9617 + b * 1868 + 8192) >> 14; // as OpenCV
	}
	return { width, height, channels: colour ? 3 : 1, data: planes };
}

function to_network({ width, height, channels, data }, { source }) {
	if (source.kind === "labels") {
		const hot = new Float32Array(source.channels * width * height).fill(-1);
		data.forEach((label, i) => (hot[label * width * height + i] = 1));
		return { width, height, channels: source.channels, data: hot };
	}
	const scale = source.kind === "lightness" ? value => lightness(linear(value)) / 50 - 1 : value => value / 127.5 - 1;
	return { width, height, channels, data: data.map(scale) };
}

function from_network(answer, { target }, given) {
	if (target.kind === "chroma") return coloured(resize(answer, given.height, given.width, false, true), given);
	const { width, height, data } = answer, count = width * height;
	const rgba = new Uint8ClampedArray(4 * count).fill(255); // assigning rounds to the nearest and cuts at 0 and 255
	for (let i = 0; i < count; i++) {
		if (target.kind === "labels") {
			let best = 0;
			for (let c = 1; c < target.channels; c++) if (data[c * count + i] > data[best * count + i]) best = c;
			rgba.fill(best, 4 * i, 4 * i + 3);
		} else for (let c = 0; c < 3; c++) rgba[4 * i + c] = (data[(target.channels < 3 ? 0 : c) * count + i] + 1) * 127.5;
	}
	return { width, height, data: rgba };
}

// CIE L*a*b* of sRGB under D65, as far as grays and the way back go

const linear = value => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const bent = value => 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
const lightness = y => (y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y);
const unlight = l => (l > 8 ? ((l + 16) / 116) ** 3 : l / 903.3);
const gray_of = (r, g, b) => Math.round(bent(0.212671 * linear(r) + 0.71516 * linear(g) + 0.072169 * linear(b)));

function coloured({ width, height, data }, given) {
	const count = width * height, rgba = new Uint8ClampedArray(4 * count).fill(255);
	const back = t => (t > 0.206893 ? t ** 3 : (t - 16 / 116) / 7.787);
	for (let i = 0; i < count; i++) {
		const l = lightness(linear(given.data[i])), f = (l + 16) / 116, y = unlight(l);
		const x = 0.950456 * back(f + (110 * data[i]) / 500), z = 1.088754 * back(f - (110 * data[count + i]) / 200);
		rgba[4 * i] = bent(3.240479 * x - 1.53715 * y - 0.498535 * z);
		rgba[4 * i + 1] = bent(-0.969256 * x + 1.875991 * y + 0.041556 * z);
		rgba[4 * i + 2] = bent(0.055648 * x - 0.204043 * y + 1.057311 * z);
	}
	return { width, height, data: rgba };
}

// Sizes

// Weights of the pixels that make up each new one: areas to shrink, the two nearest to enlarge; the nearest for labels.
function weights(from, to, nearest) {
	const scale = from / to;
	return Array.from({ length: to }, (_, i) => {
		if (nearest) return [[Math.min(Math.floor((i + 0.5) * scale), from - 1), 1]];
		if (scale > 1) {
			const [begin, end] = [i * scale, (i + 1) * scale], parts = [];
			for (let k = Math.floor(begin); k < Math.min(Math.ceil(end), from); k++) parts.push([k, (Math.min(k + 1, end) - Math.max(k, begin)) / scale]);
			return parts;
		}
		const at = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), from - 1), low = Math.floor(at);
		return [[low, 1 - at + low], [Math.min(low + 1, from - 1), at - low]];
	});
}

function resize(picture, height, width, nearest, exact = false) {
	if (picture.height === height && picture.width === width) return picture;
	const { channels, data } = picture, across = weights(picture.width, width, nearest), down = weights(picture.height, height, nearest);
	const halved = picture.height === 2 * height && picture.width === 2 * width; // OpenCV rounds halves up there, else to even
	const round = value => Math.round(value) - (!halved && value % 1 === 0.5 && Math.round(value) % 2);
	const narrow = new Float32Array(channels * picture.height * width), out = new Float32Array(channels * height * width);
	for (let row = 0; row < channels * picture.height; row++) for (let x = 0; x < width; x++) {
		let sum = 0;
		for (const [k, weight] of across[x]) sum += weight * data[row * picture.width + k];
		narrow[row * width + x] = sum;
	}
	for (let c = 0; c < channels; c++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
		let sum = 0;
		for (const [k, weight] of down[y]) sum += weight * narrow[(c * picture.height + k) * width + x];
		out[(c * height + y) * width + x] = exact ? sum : round(sum);
	}
	return { width, height, channels, data: out };
}

const reflected = (i, length) => (length === 1 ? 0 : (i %= 2 * length - 2) < length ? i : 2 * length - 2 - i);

function pad({ width, height, channels, data }, tall, wide) {
	const out = new Float32Array(channels * tall * wide);
	for (let c = 0, to = 0; c < channels; c++) for (let y = 0; y < tall; y++) {
		const row = (c * height + reflected(y, height)) * width;
		for (let x = 0; x < wide; x++) out[to++] = data[row + reflected(x, width)];
	}
	return { width: wide, height: tall, channels, data: out };
}

function crop({ width, height, channels, data }, tall, wide) {
	const out = new Float32Array(channels * tall * wide);
	for (let c = 0; c < channels; c++) for (let y = 0; y < tall; y++) out.set(data.subarray((c * height + y) * width, (c * height + y) * width + wide), (c * tall + y) * wide);
	return { width: wide, height: tall, channels, data: out };
}
