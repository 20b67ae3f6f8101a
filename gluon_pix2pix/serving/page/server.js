// The service as the page sees it.
import { write_png } from "./pixels.js";

export const only_shown = false; // what the browser cannot read, the service may

export async function load() {
	const answer = await fetch("v1/models");
	if (!answer.ok) throw new Error(await line_of(answer));
	const { models, version } = await answer.json();
	return { models, version, privacy: "Your pictures are sent to the server that gave you this page. It keeps none of them." };
}

export async function prepare() {} // the models are loaded

async function line_of(answer) {
	try {
		return (await answer.json()).detail ?? `the service answered ${answer.status}`;
	} catch {
		return `the service answered ${answer.status}`;
	}
}

// Translate a file as it is, or pixels. Returns { blob, seconds }.
export async function translate(model, { file, picture, channels }, options, signal) {
	const body = file ?? (await write_png(picture, channels));
	const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value !== null && value !== undefined));
	for (let attempt = 0; ; attempt++) {
		const begun = performance.now();
		let answer;
		try {
			answer = await fetch(`v1/models/${encodeURIComponent(model.name)}/translate?${query}`, { method: "POST", body, signal });
		} catch (error) {
			if (error.name === "AbortError") throw error;
			throw new Error("The service does not answer. Is it still running?");
		}
		if (answer.status === 429 && attempt < 5) {
			await new Promise(done => setTimeout(done, 1000 * (Number(answer.headers.get("Retry-After")) || 1)));
			if (signal.aborted) throw new DOMException("", "AbortError");
			continue;
		}
		if (!answer.ok) throw Object.assign(new Error(await line_of(answer)), { about_picture: [413, 415].includes(answer.status) });
		return { blob: await answer.blob(), seconds: (performance.now() - begun) / 1000 };
	}
}
