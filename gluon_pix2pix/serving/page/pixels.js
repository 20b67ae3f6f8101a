// Files to pixels and back. Pixels are RGBA bytes; a PNG is made here, since what a canvas gives back some browsers alter.

export async function read_picture(file, largest = Infinity) {
	const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
	const scale = Math.min(largest / Math.max(bitmap.width, bitmap.height), 1), side = length => Math.max(Math.round(length * scale), 1);
	const canvas = new OffscreenCanvas(side(bitmap.width), side(bitmap.height)), pen = canvas.getContext("2d", { willReadFrequently: true });
	pen.imageSmoothingQuality = "high";
	pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
	bitmap.close();
	const { width, height, data } = pen.getImageData(0, 0, canvas.width, canvas.height);
	return { width, height, data };
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
	for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
	return n;
});

function chunk(name, data) {
	const bytes = new Uint8Array(data.length + 12), view = new DataView(bytes.buffer);
	view.setUint32(0, data.length);
	[...name].forEach((letter, i) => (bytes[4 + i] = letter.charCodeAt(0)));
	bytes.set(data, 8);
	let crc = ~0;
	for (let i = 4; i < data.length + 8; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
	view.setUint32(data.length + 8, ~crc);
	return bytes;
}

// Write RGBA bytes as a PNG of 1 channel (the red one), 3 or 4.
export async function write_png({ width, height, data }, channels = 3) {
	const rows = new Uint8Array(height * (width * channels + 1)); // a filter's number, 0, begins each
	for (let y = 0, to = 0; y < height; y++) {
		to++;
		for (let from = y * width * 4; from < (y + 1) * width * 4; from += 4) for (let c = 0; c < channels; c++) rows[to++] = data[from + c];
	}
	const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
	const head = new DataView(new ArrayBuffer(13));
	head.setUint32(0, width);
	head.setUint32(4, height);
	head.setUint8(8, 8);
	head.setUint8(9, { 1: 0, 3: 2, 4: 6 }[channels]);
	const body = new Uint8Array(await new Response(packed).arrayBuffer());
	const parts = [Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), chunk("IHDR", new Uint8Array(head.buffer)), chunk("IDAT", body), chunk("IEND", new Uint8Array())];
	return new Blob(parts, { type: "image/png" });
}
