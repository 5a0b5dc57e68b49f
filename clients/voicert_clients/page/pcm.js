// @ts-check
// Samples and their forms on the wire: float32 in [-1, 1] inside, little-endian pcm16 as base64 outside.

/** The only sample rate of the wire and of every sample counter on this page. */
export const WIRE_RATE_HZ = 24000;

/** A sample counts as audible above -50 dBFS. */
export const AUDIBLE = 10 ** (-50 / 20);

/**
 * @param {Float32Array} samples [n], clipped to [-1, 1]
 * @returns {Int16Array<ArrayBuffer>} [n]
 */
export function toPcm16(samples) {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const clipped = Math.max(-1, Math.min(1, samples[i]));
    pcm[i] = Math.round(clipped * 32767);
  }
  return pcm;
}

/**
 * @param {Int16Array} pcm [n]
 * @returns {Float32Array<ArrayBuffer>} [n]
 */
export function fromPcm16(pcm) {
  const samples = new Float32Array(pcm.length);
  for (let i = 0; i < pcm.length; i++) samples[i] = pcm[i] / 32768;
  return samples;
}

/**
 * @param {Int16Array} pcm
 * @returns {string} base64 of its little-endian bytes (every browser runs little-endian)
 */
export function toBase64(pcm) {
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return btoa(text);
}

/**
 * @param {string} base64 of little-endian pcm16; a last odd byte is ignored
 * @returns {Int16Array<ArrayBuffer>}
 * @throws {DOMException} when it is not base64
 */
export function fromBase64(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length - (text.length % 2));
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return new Int16Array(bytes.buffer);
}

/**
 * @param {Float32Array} samples
 * @returns {number} root mean square, 0 for no samples
 */
export function rms(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}

/**
 * Where a level stands between a quiet room and a loud voice.
 * @param {number} level root mean square, linear
 * @returns {number} 0 at -60 dBFS and below, 1 at -12 dBFS and above
 */
export function loudness(level) {
  if (level <= 0) return 0;
  const decibels = 20 * Math.log10(level);
  return Math.max(0, Math.min(1, (decibels + 60) / 48));
}
