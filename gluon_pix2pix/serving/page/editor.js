// A canvas of hard-edged colours: an array of 32-bit pixels, of which strokes set whole ones.

const MOST = 48 << 20; // bytes of pictures that undo keeps
const STEP = 8; // pixels that an arrow key goes

export const packed = ([r, g, b], alpha = 255) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
export const unpacked = value => [value & 255, (value >> 8) & 255, (value >> 16) & 255];

export class Editor extends EventTarget {
	// Sends "paint" while pixels change, "picked" with the colour that was picked, and "say" with what a screen reader tells.
	constructor(canvas, overlay) {
		super();
		Object.assign(this, { canvas, overlay, tool: "rectangle", colour: packed([0, 0, 0]), brush: 8, names: new Map() });
		this.cursor = null; // where the keyboard is, once it is used
		this.from = null; // a stroke's last point, or a rectangle's first corner
		const on = (names, act) => names.split(" ").forEach(name => canvas.addEventListener(name, act));
		on("pointerdown", event => this.#down(event));
		on("pointermove", event => this.#move(event));
		on("pointerup", event => this.#up(event));
		on("pointercancel", () => this.#give_up());
		on("keydown", event => this.#key(event));
		on("blur", () => { this.cursor = null; if (this.keyed) this.#give_up(); this.#draw_over(); });
		new ResizeObserver(() => this.#draw_over()).observe(canvas);
		this.load(8, 8, new Uint32Array(64));
	}

	// Begin with a picture; what was before can be undone if it was of the same size.
	load(width, height, pixels, { undoable = false } = {}) {
		if (undoable && width === this.width && height === this.height) this.#remember();
		else [this.past, this.future] = [[], []];
		Object.assign(this, { width, height, from: null, keyed: false });
		[this.canvas.width, this.canvas.height] = [width, height];
		this.image = new ImageData(width, height);
		this.pixels = new Uint32Array(this.image.data.buffer);
		this.pixels.set(pixels);
		this.#show();
	}

	get can_undo() { return this.past.length > 0; }
	get can_redo() { return this.future.length > 0; }
	undo() { this.#step(this.past, this.future, "undone"); }
	redo() { this.#step(this.future, this.past, "done again"); }

	#step(from, to, word) {
		if (!from.length) return;
		to.push(this.pixels.slice());
		this.pixels.set(from.pop());
		this.#say(word);
		this.#show();
	}

	clear(colour) {
		this.#remember();
		this.pixels.fill(colour);
		this.#say("cleared");
		this.#show();
	}

	#remember() {
		this.past.push(this.pixels.slice());
		this.future = [];
		while (this.past.length * this.pixels.byteLength > MOST && this.past.length > 5) this.past.shift();
	}

	#show(left = 0, top = 0, right = this.width, bottom = this.height) {
		if (right <= left || bottom <= top) return;
		this.canvas.getContext("2d").putImageData(this.image, 0, 0, left, top, right - left, bottom - top);
		this.#draw_over();
		this.dispatchEvent(new Event("paint"));
	}

	#say(text) { this.dispatchEvent(new CustomEvent("say", { detail: text })); }

	// What is painted

	fill_rectangle([x0, y0], [x1, y1]) {
		const [left, right] = [Math.min(x0, x1), Math.max(x0, x1) + 1], [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1) + 1];
		this.#remember();
		for (let y = top; y < bottom; y++) this.pixels.fill(this.colour, y * this.width + left, y * this.width + right);
		this.#show(left, top, right, bottom);
	}

	#dab(x, y) { // a disc of `brush` pixels across
		const radius = this.brush / 2, centre = this.brush % 2 ? 0.5 : 0;
		for (let row = Math.floor(-radius); row <= radius; row++) {
			const half = Math.sqrt(radius * radius - (row + 0.5 - centre) ** 2), v = y + row;
			if (!(half >= 0) || v < 0 || v >= this.height) continue;
			const left = Math.max(Math.round(x + centre - half), 0), right = Math.min(Math.round(x + centre + half), this.width);
			if (right > left) this.pixels.fill(this.colour, v * this.width + left, v * this.width + right);
		}
	}

	stroke([x0, y0], [x1, y1]) {
		const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1), reach = this.brush + 1;
		for (let i = 0; i <= steps; i++) this.#dab(Math.round(x0 + ((x1 - x0) * i) / steps), Math.round(y0 + ((y1 - y0) * i) / steps));
		this.#show(Math.max(Math.min(x0, x1) - reach, 0), Math.max(Math.min(y0, y1) - reach, 0),
			Math.min(Math.max(x0, x1) + reach, this.width), Math.min(Math.max(y0, y1) + reach, this.height));
	}

	flood([x, y]) { // all that hangs together in the colour of (x, y)
		const { pixels, width, height, colour } = this, old = pixels[y * width + x];
		if (old === colour) return;
		this.#remember();
		const waiting = [y * width + x];
		while (waiting.length) {
			let left = waiting.pop();
			if (pixels[left] !== old) continue;
			const begin = left - (left % width), end = begin + width;
			let right = left;
			while (left > begin && pixels[left - 1] === old) left--;
			while (right < end && pixels[right] === old) right++;
			pixels.fill(colour, left, right);
			for (const shift of [-width, width]) {
				if (begin + shift < 0 || begin + shift >= width * height) continue;
				for (let i = left + shift; i < right + shift; i++) if (pixels[i] === old && (i === left + shift || pixels[i - 1] !== old)) waiting.push(i);
			}
		}
		this.#show();
	}

	pick([x, y]) {
		this.dispatchEvent(new CustomEvent("picked", { detail: this.pixels[y * this.width + x] }));
	}

	// The pointer

	#at(event) {
		const box = this.canvas.getBoundingClientRect();
		const inside = (value, size) => Math.min(Math.max(Math.floor(value), 0), size - 1);
		return [inside(((event.clientX - box.left) / box.width) * this.width, this.width),
			inside(((event.clientY - box.top) / box.height) * this.height, this.height)];
	}

	#down(event) {
		if (this.canvas.tabIndex < 0 || event.button || (this.pointer !== undefined && this.pointer !== event.pointerId)) return;
		event.preventDefault();
		this.canvas.focus({ preventScroll: true });
		this.canvas.setPointerCapture(event.pointerId);
		Object.assign(this, { pointer: event.pointerId, cursor: null, keyed: false });
		const here = this.#at(event);
		if (this.tool === "fill") this.flood(here);
		else if (this.tool === "pick") this.pick(here);
		else {
			this.from = this.to = here;
			if (this.tool === "brush") { this.#remember(); this.stroke(here, here); }
		}
		this.#draw_over();
	}

	#move(event) {
		this.hover = event.pointerType === "touch" ? null : this.#at(event);
		if (event.pointerId === this.pointer && this.from) {
			if (this.tool === "brush") {
				for (const part of event.getCoalescedEvents?.() ?? [event]) {
					const here = this.#at(part);
					this.stroke(this.from, here);
					this.from = here;
				}
			} else this.to = this.#at(event);
		}
		this.#draw_over();
	}

	#up(event) {
		if (event.pointerId !== this.pointer) return;
		const [from, tool] = [this.from, this.tool];
		this.pointer = undefined;
		this.from = null;
		if (from && tool === "rectangle") this.fill_rectangle(from, this.#at(event));
		this.#draw_over();
	}

	#give_up() {
		Object.assign(this, { pointer: undefined, from: null, keyed: false });
		this.#draw_over();
	}

	// The keyboard

	#key(event) {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const far = event.shiftKey ? 1 : STEP;
		const go = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
		if (go) {
			const [x, y] = this.cursor ?? [Math.floor(this.width / 2), Math.floor(this.height / 2)], had = this.cursor;
			this.cursor = had ? [Math.min(Math.max(x + go[0], 0), this.width - 1), Math.min(Math.max(y + go[1], 0), this.height - 1)] : [x, y];
			if (this.keyed) this.to = this.cursor;
			this.#say(`column ${this.cursor[0]}, row ${this.cursor[1]}: ${this.#name_at(this.cursor)}`);
		} else if (event.key === " " || event.key === "Enter") {
			this.cursor ??= [Math.floor(this.width / 2), Math.floor(this.height / 2)];
			this.#press(this.cursor);
		} else if (event.key === "Escape" && this.from) {
			this.#give_up();
			this.#say("given up");
		} else return;
		event.preventDefault();
		event.stopPropagation();
		this.#draw_over();
	}

	#press(here) {
		if (this.tool === "pick") return this.pick(here);
		if (this.tool === "fill") { this.flood(here); return this.#say("filled"); }
		if (this.tool === "brush") { this.#remember(); this.stroke(here, here); return this.#say("painted"); }
		if (!this.keyed) {
			Object.assign(this, { keyed: true, from: here, to: here });
			return this.#say("first corner; go to the second and press Space");
		}
		const from = this.from;
		Object.assign(this, { keyed: false, from: null });
		this.fill_rectangle(from, here);
		this.#say(`rectangle of ${Math.abs(here[0] - from[0]) + 1} by ${Math.abs(here[1] - from[1]) + 1} pixels`);
	}

	#name_at([x, y]) {
		const value = this.pixels[y * this.width + x];
		return this.names.get(value) ?? unpacked(value).join(" ");
	}

	// What lies over it: a rectangle to come, the brush, the keyboard's cursor

	#draw_over() {
		const { overlay, canvas } = this, density = devicePixelRatio || 1;
		[overlay.width, overlay.height] = [canvas.clientWidth * density, canvas.clientHeight * density];
		const pen = overlay.getContext("2d"), scale = overlay.width / this.width;
		pen.scale(scale, scale);
		const line = path => [["#fff", 3], ["#000", 1.2]].forEach(([colour, width]) => {
			pen.strokeStyle = colour;
			pen.lineWidth = (width * density) / scale;
			path();
			pen.stroke();
		});
		if (this.from && this.tool === "rectangle") {
			const [[x0, y0], [x1, y1]] = [this.from, this.to], box = [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0) + 1, Math.abs(y1 - y0) + 1];
			pen.fillStyle = `rgb(${unpacked(this.colour)})`;
			pen.fillRect(...box);
			line(() => { pen.beginPath(); pen.rect(...box); });
		} else if (this.tool === "brush" && (this.cursor || this.hover)) {
			const [x, y] = this.cursor ?? this.hover, centre = this.brush % 2 ? 0.5 : 0;
			line(() => { pen.beginPath(); pen.arc(x + centre, y + centre, Math.max(this.brush / 2, 0.5), 0, 7); });
		}
		if (this.cursor) {
			const [x, y] = [this.cursor[0] + 0.5, this.cursor[1] + 0.5], arm = (12 * density) / scale;
			line(() => { pen.beginPath(); pen.moveTo(x - arm, y); pen.lineTo(x + arm, y); pen.moveTo(x, y - arm); pen.lineTo(x, y + arm); });
		}
	}

	leave() { this.hover = null; this.#draw_over(); }
}
