// @ts-check
// From the microphone to chunks of 20 ms at 24 kHz, each with its time on the audio clock.

import { WIRE_RATE_HZ, rms, toPcm16 } from "./pcm.js";
import { Resampler } from "./resampler.js";

const CHUNK = WIRE_RATE_HZ / 50;

/**
 * @typedef {object} CaptureChunk
 * @property {Int16Array<ArrayBuffer>} pcm [480]
 * @property {number} time of its first sample, in seconds on the context's clock
 * @property {number} level root mean square, linear
 */

class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, WIRE_RATE_HZ);
    this.chunk = new Float32Array(CHUNK);
    this.filled = 0;
    this.emitted = 0;
    this.startTime = -1;
  }

  /** @param {Float32Array[][]} inputs @param {Float32Array[][]} outputs @returns {boolean} */
  process(inputs, outputs) {
    if (this.startTime < 0) this.startTime = currentTime;
    // Without a connected source the clock still runs: the session hears silence, not a shorter time.
    const block = inputs[0][0] ?? new Float32Array(outputs[0][0].length);
    const samples = this.resampler.push(block);
    for (let read = 0; read < samples.length;) {
      const run = Math.min(samples.length - read, CHUNK - this.filled);
      this.chunk.set(samples.subarray(read, read + run), this.filled);
      this.filled += run;
      read += run;
      if (this.filled === CHUNK) this.emit();
    }
    return true;
  }

  emit() {
    const pcm = toPcm16(this.chunk);
    const time = this.startTime + this.emitted / WIRE_RATE_HZ;
    /** @type {CaptureChunk} */
    const message = { pcm, time, level: rms(this.chunk) };
    this.port.postMessage(message, [pcm.buffer]);
    this.emitted += CHUNK;
    this.filled = 0;
  }
}

registerProcessor("voicert-capture", CaptureProcessor);
