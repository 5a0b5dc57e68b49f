// @ts-check
// The assistant's voice between the network and the speaker: a small adaptive buffer. No audio API, no clock;
// time is the number of samples pulled.
//
//   push(item, samples) ─▶ [segment][segment]… ─▶ pull(out)
//
// A sound starts when what is queued and what has been waited make up `target`; each underrun lengthens the
// target, each long clean stretch shortens it. Above the bound the oldest samples go, so lag never stays.

import { AUDIBLE, WIRE_RATE_HZ } from "./pcm.js";

/**
 * @typedef {object} Notice
 * @property {"started" | "audible" | "ended" | "flushed"} type
 * @property {string} item
 * @property {number} position samples of this item that have been played (or passed over) by then
 * @property {number} offset index into the pulled block
 */

/** @typedef {{ item: string, position: number, samples: Float32Array, read: number }} Segment */

/** @param {number} ms @returns {number} samples */
const samplesOf = (ms) => Math.round((ms * WIRE_RATE_HZ) / 1000);

const STEP = samplesOf(5);
const FADE = samplesOf(5);
const MAX_TARGET = samplesOf(150);
/** The target is one step shorter after this much playing without an underrun. */
const CLEAN = samplesOf(10_000);

export class JitterBuffer {
  /** @param {{ targetMs?: number, boundMs?: number }} [options] */
  constructor({ targetMs = 30, boundMs = 400 } = {}) {
    this.leastTarget = samplesOf(targetMs);
    this.target = this.leastTarget;
    this.bound = samplesOf(boundMs);
    /** @type {Segment[]} */
    this.queue = [];
    this.queued = 0;
    /** What arrives, and how much of it has. @type {{ item: string | null, samples: number }} */
    this.arriving = { item: null, samples: 0 };
    /** The item of which nothing more will arrive. @type {string | null} */
    this.complete = null;
    /** The item that plays, and how far. @type {string | null} */
    this.item = null;
    this.position = 0;
    this.audible = false;
    this.running = false;
    /** The queue ran empty in the middle of an item. */
    this.starved = false;
    /** Samples waited since the first one was queued. */
    this.waited = 0;
    this.cleanFor = 0;
    this.played = 0;
    this.underruns = 0;
    this.dropped = 0;
    /** The last sample played; where sound breaks off it decays as `tail`: no step, no click. */
    this.last = 0;
    this.tail = { value: 0, left: 0, offset: 0 };
    /** Samples left of a ramp up from silence. */
    this.rise = 0;
    /** What a flush left to play: a ramp down. @type {Float32Array} */
    this.fading = new Float32Array(0);
    /** @type {Notice[]} */
    this.notices = [];
  }

  /**
   * @param {string} item
   * @param {Float32Array} samples [n] at 24 kHz
   */
  push(item, samples) {
    if (samples.length === 0) return;
    if (this.arriving.item !== item) this.arriving = { item, samples: 0 };
    if (this.starved && item === this.item) {
      this.underruns += 1;
      this.target = Math.min(MAX_TARGET, this.target + STEP);
      this.cleanFor = 0;
      this.rise = FADE;
    }
    this.starved = false;
    this.queue.push({ item, position: this.arriving.samples, samples, read: 0 });
    this.arriving.samples += samples.length;
    this.queued += samples.length;
    if (this.queued > this.bound) this.skip(this.queued - this.target);
  }

  /** Nothing more will arrive of this item. @param {string} item */
  finish(item) {
    this.complete = item;
  }

  /** Fall silent within 5 ms and forget what was queued. */
  flush() {
    const item = this.item ?? this.queue[0]?.item;
    if (item === undefined) return;
    if (this.running) {
      const heard = new Float32Array(Math.min(FADE, this.queued));
      this.take(heard);
      this.played += heard.length;
      this.fading = new Float32Array(FADE).fill(this.last);
      this.fading.set(heard);
      for (let i = 0; i < FADE; i++) this.fading[i] *= 1 - (i + 1) / FADE;
    }
    this.notices.push({ type: "flushed", item, position: this.item === null ? 0 : this.position, offset: 0 });
    this.queue = [];
    this.queued = 0;
    this.item = null;
    this.running = false;
    this.starved = false;
    this.waited = 0;
    this.rise = 0;
  }

  /**
   * Fill a block with the next samples, or with silence.
   * @param {Float32Array} out [n] at 24 kHz
   * @returns {Notice[]} what happened until its end, in order
   */
  pull(out) {
    out.fill(0);
    let at = this.renderFade(out);
    while (at < out.length) {
      if (this.queue.length === 0) {
        this.runDry(at);
        break;
      }
      at = this.running ? this.play(out, at) : this.wait(at, out.length);
    }
    this.renderTail(out);
    const notices = this.notices;
    this.notices = [];
    return notices;
  }

  /** @param {number} at @param {number} end @returns {number} where the wait ended */
  wait(at, end) {
    const missing = this.target - this.queued - this.waited;
    const run = this.queue[0].item === this.complete ? 0 : Math.max(0, Math.min(missing, end - at));
    this.waited += run;
    this.running = at + run < end;
    return at + run;
  }

  /** @param {Float32Array} out @param {number} at @returns {number} where the run of one segment ended */
  play(out, at) {
    const head = this.queue[0];
    if (head.item !== this.item) this.begin(head, at);
    const before = this.position;
    const block = out.subarray(at, at + Math.min(head.samples.length - head.read, out.length - at));
    this.take(block);
    if (!this.audible) this.seekAudible(block, at, before);
    for (let i = 0; i < block.length && this.rise > 0; i++, this.rise--) block[i] *= 1 - this.rise / FADE;
    this.played += block.length;
    this.cleanFor += block.length;
    if (this.cleanFor >= CLEAN) {
      this.cleanFor = 0;
      this.target = Math.max(this.leastTarget, this.target - STEP);
    }
    return at + block.length;
  }

  /** @param {Segment} head @param {number} offset */
  begin(head, offset) {
    this.end(offset);
    this.item = head.item;
    this.position = head.position + head.read;
    this.audible = false;
    this.notices.push({ type: "started", item: head.item, position: this.position, offset });
  }

  /** @param {number} offset */
  end(offset) {
    if (this.item === null) return;
    this.notices.push({ type: "ended", item: this.item, position: this.position, offset });
    this.item = null;
    this.starved = false;
  }

  /** Move samples from the queue into all of `out`; the queue must hold as many. @param {Float32Array} out */
  take(out) {
    for (let at = 0; at < out.length;) {
      const head = this.queue[0];
      const run = Math.min(head.samples.length - head.read, out.length - at);
      out.set(head.samples.subarray(head.read, head.read + run), at);
      head.read += run;
      at += run;
      if (head.item === this.item) this.position = head.position + head.read;
      if (head.read === head.samples.length) this.queue.shift();
    }
    this.queued -= out.length;
    if (out.length > 0) this.last = out[out.length - 1];
  }

  /** Pass over the oldest samples, softly. @param {number} samples */
  skip(samples) {
    const heard = this.last;
    this.take(new Float32Array(samples));
    this.dropped += samples;
    if (this.running) {
      this.tail = { value: heard, left: FADE, offset: 0 };
      this.rise = FADE;
    }
  }

  /** Nothing is queued: the item is over, or the network is late. @param {number} offset */
  runDry(offset) {
    if (this.running) {
      this.running = false;
      this.waited = 0;
      this.tail = { value: this.last, left: FADE, offset };
      this.starved = true;
    }
    if (this.item === this.complete) this.end(offset);
  }

  /** @param {Float32Array} block @param {number} at @param {number} before position of its first sample */
  seekAudible(block, at, before) {
    const index = block.findIndex((sample) => Math.abs(sample) > AUDIBLE);
    if (index < 0 || this.item === null) return;
    this.audible = true;
    this.notices.push({ type: "audible", item: this.item, position: before + index, offset: at + index });
  }

  /** @param {Float32Array} out @returns {number} where the fade ended */
  renderFade(out) {
    const run = Math.min(this.fading.length, out.length);
    out.set(this.fading.subarray(0, run));
    this.fading = this.fading.subarray(run);
    return run;
  }

  /** @param {Float32Array} out */
  renderTail(out) {
    const tail = this.tail;
    for (let i = tail.offset; i < out.length && tail.left > 0; i++) {
      tail.left -= 1;
      out[i] += (tail.value * tail.left) / FADE;
    }
    tail.offset = 0;
  }
}
