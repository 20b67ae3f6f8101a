// The network in the browser itself: a worker computes, so that the page stays quick.

export const only_shown = true; // it takes pixels, not files

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let number = 0, progress = () => {};

worker.onmessage = ({ data: { id, error, share, text, ...answer } }) => {
	if (text) return progress(text, share);
	const { resolve, reject } = waiting.get(id);
	waiting.delete(id);
	error ? reject(Object.assign(new Error(error.text), error)) : resolve(answer);
};
worker.onerror = event => {
	for (const { reject } of waiting.values()) reject(new Error(`The browser cannot compute this: ${event.message ?? "its worker does not start"}`));
	waiting.clear();
};

function ask(words) {
	return new Promise((resolve, reject) => {
		waiting.set(++number, { resolve, reject });
		worker.postMessage({ id: number, ...words });
	});
}

export async function load() {
	if (location.protocol === "file:") throw new Error("Browsers load no modules from disk: serve this folder, for example with python3 -m http.server");
	const answer = await fetch("models.json");
	if (!answer.ok) throw new Error("models.json, which belongs beside this page, does not come");
	return { ...(await answer.json()), privacy: "All is computed in your browser: your pictures stay on this machine." };
}

export async function prepare(model, told) {
	progress = told;
	await ask({ load: model });
}

export async function translate(model, { picture }, options) {
	const begun = performance.now();
	const answer = await ask({ model, picture, options });
	return { ...answer, seconds: (performance.now() - begun) / 1000 };
}
