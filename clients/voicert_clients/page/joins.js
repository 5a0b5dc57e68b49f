// @ts-check
// How sound joins silence without a click: ramps of 5 ms wherever it breaks off or sets in.

import { WIRE_RATE_HZ } from "./pcm.js";

export const FADE = Math.round((5 * WIRE_RATE_HZ) / 1000);

/** To 0 over FADE samples; what fades out so and in as `1 - fall` is whole. @param {number} i @returns {number} */
export const fall = (i) => 1 - (i + 1) / FADE;

/** The ramps of one speaker. */
export class Joins {
  constructor() {
    /** The last sample played. */
    this.last = 0;
    /** A ramp down that is played before all else. @type {Float32Array} */
    this.fading = new Float32Array(0);
    /** Where sound broke off it decays over what comes next. */
    this.tail = { value: 0, left: 0 };
    /** Samples left of a ramp up. */
    this.rise = 0;
  }

  /** Sound ended at the last sample played: it decays over what comes next. */
  breakOff() {
    this.tail = { value: this.last, left: FADE };
  }

  /** The next sound comes up from silence. */
  setIn() {
    this.rise = FADE;
  }

  /** What was to come up from silence does not come. */
  setInAtOnce() {
    this.rise = 0;
  }

  /** Plays what would have come next as a ramp down. @param {Float32Array} samples up to FADE */
  fallSilent(samples) {
    this.fading = new Float32Array(FADE).fill(samples.length ? samples[samples.length - 1] : this.last);
    this.fading.set(samples);
    this.rampUp(this.fading);
    for (let i = 0; i < FADE; i++) this.fading[i] *= fall(i);
    this.rise = 0;
  }

  /** The next of the ramp down, into the beginning of `out`. @param {Float32Array} out @returns {number} how many */
  takeFading(out) {
    const run = Math.min(this.fading.length, out.length);
    out.set(this.fading.subarray(0, run));
    this.fading = this.fading.subarray(run);
    return run;
  }

  /** What is left of the ramp up, on the next samples to play. @param {Float32Array} samples */
  rampUp(samples) {
    for (let i = 0; i < samples.length && this.rise > 0; i++, this.rise--) {
      samples[i] *= 1 - fall(FADE - this.rise);
    }
  }

  /** What is left of the decay. @param {Float32Array} out @param {number} begin */
  addTail(out, begin) {
    const { tail } = this;
    for (let i = begin; i < out.length && tail.left > 0; i++, tail.left--) {
      out[i] += tail.value * fall(FADE - tail.left);
    }
  }
}
