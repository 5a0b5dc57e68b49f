// @ts-check
// Catching up inside an answer: what waits longer than it must is shortened where nobody hears it.
//
// A burst of the network leaves the speaker behind for the rest of an answer. The lag is what still waits at the
// leanest moment of half a second, beyond the target; it is taken back out of pauses between words, 5 ms at a
// time, by fading from one quiet piece into the next.

import { FADE, fall } from "./joins.js";
import { AUDIBLE, WIRE_RATE_HZ } from "./pcm.js";

/** Of arriving sound, over which the leanest moment is sought. */
const WINDOW = WIRE_RATE_HZ / 2;
/** Of the answer's loudest sample: 30 dB below it nobody misses 5 ms. */
const QUIET_SHARE = 1 / 32;
/** Two of these halves become one. */
export const PIECE = 2 * FADE;

/** @param {Float32Array} samples @returns {number} */
function peakOf(samples) {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return peak;
}

/** How far the speaker is behind, and what can be shortened. */
export class Lag {
  constructor() {
    /** To be taken back. */
    this.samples = 0;
    /** Samples that waited. @type {number | null} */
    this.leanest = null;
    /** Samples since the window began. */
    this.arrived = 0;
    /** Of the answer so far. */
    this.loudest = 0;
  }

  /** Another answer, or a break in this one. */
  forget() {
    this.samples = 0;
    this.arrived = 0;
    this.leanest = null;
  }

  /** An answer begins to play. */
  begin() {
    this.loudest = 0;
  }

  /**
   * Samples arrived while sound played.
   * @param {number} samples @param {number} queued that wait with them @param {number} target
   */
  arrive(samples, queued, target) {
    this.leanest = this.leanest === null ? queued : Math.min(this.leanest, queued);
    this.arrived += samples;
    if (this.arrived < WINDOW) return;
    this.samples = Math.max(0, this.leanest - target);
    this.leanest = null;
    this.arrived = 0;
  }

  /** @param {Float32Array} samples that are played */
  play(samples) {
    this.loudest = Math.max(this.loudest, peakOf(samples));
  }

  /**
   * @param {Float32Array} piece [PIECE] what comes next
   * @returns {Float32Array | null} half as many; null where it would be heard or is not needed
   */
  shorten(piece) {
    if (this.samples < FADE || piece.length < PIECE) return null;
    if (peakOf(piece) > Math.max(AUDIBLE, this.loudest * QUIET_SHARE)) return null;
    this.samples -= FADE;
    return Float32Array.from({ length: FADE }, (_, i) => piece[i] * fall(i) + piece[FADE + i] * (1 - fall(i)));
  }
}
