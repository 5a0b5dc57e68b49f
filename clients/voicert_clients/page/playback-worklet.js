// @ts-check
// From the jitter buffer to the speaker, with reports of what has been played and when.

import { AUDIBLE, WIRE_RATE_HZ, fromPcm16, rms } from "./pcm.js";
import { JitterBuffer } from "./jitter-buffer.js";
import { Resampler } from "./resampler.js";

const REPORT = WIRE_RATE_HZ / 50;

/** @typedef {import("./jitter-buffer.js").Notice} Notice */

/**
 * @typedef {{ type: "push", item: string, pcm: Int16Array }
 *   | { type: "finish", item: string }
 *   | { type: "pause" | "resume" | "flush" }} PlaybackOrder
 */

/**
 * @typedef {object} PlaybackProgress every 20 ms of sound
 * @property {string | null} item
 * @property {number} position samples of the item that have been played
 * @property {number} level root mean square of the last 20 ms, linear
 * @property {number} queuedMs
 * @property {number} targetMs
 * @property {number} played samples played since the page opened its speaker
 * @property {number} audible those of them above -50 dBFS
 * @property {number} underruns
 * @property {number} dropped samples that the bound took
 * @property {number} shortened samples of silence that were left out to catch up
 */

/**
 * @typedef {{ type: "notice", notice: Notice, time: number }
 *   | { type: "progress", progress: PlaybackProgress }} PlaybackReport
 */

class PlaybackProcessor extends AudioWorkletProcessor {
  /** @param {AudioWorkletNodeOptions} options */
  constructor(options) {
    super();
    this.buffer = new JitterBuffer({ targetMs: options.processorOptions.targetMs });
    this.resampler = new Resampler(WIRE_RATE_HZ, sampleRate);
    /** Resampled sound that a former block left over. @type {Float32Array} */
    this.ready = new Float32Array(0);
    this.recent = new Float32Array(REPORT);
    this.filled = 0;
    this.audible = 0;
    this.idle = true;
    this.port.onmessage = ({ data }) => this.obey(data);
  }

  /** @param {PlaybackOrder} order */
  obey(order) {
    if (order.type === "push") this.buffer.push(order.item, fromPcm16(order.pcm));
    else if (order.type === "finish") this.buffer.finish(order.item);
    else this.buffer[order.type]();
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs @returns {boolean} */
  process(_inputs, outputs) {
    const out = outputs[0][0];
    while (this.ready.length < out.length) {
      const missing = out.length - this.ready.length;
      const block = new Float32Array(Math.ceil((missing * WIRE_RATE_HZ) / sampleRate));
      const time = currentTime + this.ready.length / sampleRate;
      for (const notice of this.buffer.pull(block)) {
        this.report({ type: "notice", notice, time: time + notice.offset / WIRE_RATE_HZ });
      }
      this.observe(block);
      const made = this.resampler.push(block);
      const ready = new Float32Array(this.ready.length + made.length);
      ready.set(this.ready);
      ready.set(made, this.ready.length);
      this.ready = ready;
    }
    for (const channel of outputs[0]) channel.set(this.ready.subarray(0, out.length));
    this.ready = this.ready.subarray(out.length);
    return true;
  }

  /** @param {Float32Array} block at 24 kHz, as played */
  observe(block) {
    for (const sample of block) if (Math.abs(sample) > AUDIBLE) this.audible += 1;
    const kept = Math.min(block.length, REPORT);
    this.recent.copyWithin(0, kept);
    this.recent.set(block.subarray(block.length - kept), REPORT - kept);
    this.filled += block.length;
    if (this.filled < REPORT) return;
    this.filled = 0;
    const level = rms(this.recent);
    const idle = this.buffer.item === null && level === 0;
    if (!(idle && this.idle)) this.report({ type: "progress", progress: this.progress(level) });
    this.idle = idle;
  }

  /** @param {number} level @returns {PlaybackProgress} */
  progress(level) {
    const { item, position, queued, target, counts } = this.buffer;
    const queuedMs = (queued * 1000) / WIRE_RATE_HZ;
    const targetMs = (target * 1000) / WIRE_RATE_HZ;
    return { item, position, level, queuedMs, targetMs, audible: this.audible, ...counts };
  }

  /** @param {PlaybackReport} report */
  report(report) {
    this.port.postMessage(report);
  }
}

registerProcessor("voicert-playback", PlaybackProcessor);
