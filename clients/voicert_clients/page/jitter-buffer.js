// @ts-check
// The assistant's voice between the network and the speaker: a small adaptive buffer. No audio API, no clock;
// time is the number of samples pulled.
//
//   push(item, samples) ─▶ [segment][segment]… ─▶ pull(out)
//
// A sound starts when what is queued and what has been waited make up `target`; each underrun lengthens the
// target, each long clean stretch shortens it. Lag beyond the target is taken back in pauses of the speech
// (lag.js); above the bound the oldest samples go. A pause falls silent and keeps all that waits; a flush falls
// silent and forgets it.

import { FADE, Joins } from "./joins.js";
import { Lag, PIECE } from "./lag.js";
import { AUDIBLE, WIRE_RATE_HZ } from "./pcm.js";
import { Segments } from "./segments.js";

/**
 * @typedef {object} Notice
 * @property {"started" | "audible" | "ended" | "flushed" | "paused" | "resumed"} type
 * @property {string} item
 * @property {number} position samples of this item that have been played (or passed over) by then
 * @property {number} offset index into the pulled block
 */

/** @typedef {import("./segments.js").Segment} Segment */

/** @param {number} ms @returns {number} samples */
const samplesOf = (ms) => Math.round((ms * WIRE_RATE_HZ) / 1000);

const STEP = samplesOf(5);
const MAX_TARGET = samplesOf(150);
/** The target is one step shorter after this much playing without an underrun. */
const CLEAN = samplesOf(10_000);

export class JitterBuffer {
  /** @param {{ targetMs?: number, boundMs?: number }} [options] */
  constructor({ targetMs = 30, boundMs = 400 } = {}) {
    this.leastTarget = samplesOf(targetMs);
    this.target = this.leastTarget;
    this.bound = samplesOf(boundMs);
    this.queue = new Segments();
    /** What arrives, and how much of it has. @type {{ item: string | null, samples: number }} */
    this.arriving = { item: null, samples: 0 };
    /** The item of which nothing more will arrive. @type {string | null} */
    this.complete = null;
    /** The item that plays, and how far. @type {string | null} */
    this.item = null;
    this.position = 0;
    this.audible = false;
    this.running = false;
    this.paused = false;
    /** The queue ran empty in the middle of an item. */
    this.starved = false;
    /** Samples waited since the first one was queued. */
    this.waited = 0;
    /** Samples that a pause left waiting and still do: the bound does not count them. */
    this.held = 0;
    this.cleanFor = 0;
    this.counts = { played: 0, underruns: 0, dropped: 0, shortened: 0 };
    this.joins = new Joins();
    this.lag = new Lag();
    /** @type {Notice[]} */
    this.notices = [];
  }

  /** @returns {number} samples waiting */
  get queued() {
    return this.queue.samples;
  }

  /**
   * @param {string} item
   * @param {Float32Array} samples [n] at 24 kHz
   */
  push(item, samples) {
    if (samples.length === 0) return;
    if (this.arriving.item !== item) this.arriving = { item, samples: 0 };
    if (this.starved && item === this.item) {
      this.counts.underruns += 1;
      this.target = Math.min(Math.max(MAX_TARGET, this.leastTarget), this.target + STEP);
      this.cleanFor = 0;
      this.lag.forget();
      this.joins.setIn();
    }
    this.starved = false;
    this.held = Math.min(this.held, this.queued);
    this.queue.push({ item, position: this.arriving.samples, samples });
    this.arriving.samples += samples.length;
    if (this.paused) return;
    if (this.running) this.lag.arrive(samples.length, this.queued, this.target);
    const bound = Math.max(this.bound, this.leastTarget) + this.held;
    if (this.queued > bound) this.skip(this.queued - this.target);
  }

  /** Nothing more will arrive of this item. @param {string} item */
  finish(item) {
    this.complete = item;
  }

  /** Fall silent within 5 ms; `resume` goes on at the same sample. */
  pause() {
    if (this.paused) return;
    this.paused = true;
    this.lag.forget();
    if (this.running && this.joins.fading.length === 0) this.joins.fallSilent(this.queue.peek(FADE));
    this.tell("paused");
  }

  /** Go on where `pause` stopped: what faded out then fades in now, so that nothing is lost. */
  resume() {
    if (!this.paused) return;
    this.paused = false;
    this.held = this.queued;
    if (this.running) this.joins.setIn();
    this.tell("resumed");
  }

  /** Fall silent within 5 ms and forget what was queued. */
  flush() {
    if (this.running && !this.paused && this.joins.fading.length === 0) {
      const heard = this.take(FADE);
      this.counts.played += heard.length;
      this.joins.fallSilent(heard);
    }
    this.joins.setInAtOnce();
    this.tell("flushed");
    this.queue.clear();
    this.held = 0;
    this.item = null;
    this.paused = this.running = this.starved = false;
    this.waited = 0;
    this.lag.forget();
  }

  /** A notice about the item that plays, or is the next to. @param {Notice["type"]} type */
  tell(type) {
    const item = this.item ?? this.queue.head?.item;
    if (item === undefined) return;
    this.notices.push({ type, item, position: this.item === null ? 0 : this.position, offset: 0 });
  }

  /**
   * Fill a block with the next samples, or with silence.
   * @param {Float32Array} out [n] at 24 kHz
   * @returns {Notice[]} what happened until its end, in order
   */
  pull(out) {
    out.fill(0);
    let at = this.joins.takeFading(out);
    let dryAt = 0;
    while (at < out.length && !this.paused) {
      const { head } = this.queue;
      if (head === undefined) {
        dryAt = this.runDry(at);
        break;
      }
      at = this.running ? this.play(head, out, at) : this.wait(head, at, out.length);
    }
    this.joins.addTail(out, dryAt);
    const notices = this.notices;
    this.notices = [];
    return notices;
  }

  /** @param {Segment} head @param {number} at @param {number} end @returns {number} where the wait ended */
  wait(head, at, end) {
    const missing = this.target - this.queued - this.waited;
    const run = head.item === this.complete ? 0 : Math.max(0, Math.min(missing, end - at));
    this.waited += run;
    this.running = at + run < end;
    return at + run;
  }

  /**
   * @param {Segment} head @param {Float32Array} out @param {number} at
   * @returns {number} where the run of the first segment ended
   */
  play(head, out, at) {
    if (head.item !== this.item) this.begin(head, at);
    // Pieces are looked at on a grid, so that the size of a block does not matter.
    const onGrid = this.lag.samples >= FADE;
    if (onGrid) this.shorten(head);
    const run = Math.min(head.samples.length, onGrid ? FADE - (head.position % FADE) : Infinity);
    const before = head.position;
    const block = out.subarray(at, at + Math.min(run, out.length - at));
    block.set(this.take(block.length));
    this.lag.play(block);
    if (!this.audible) this.seekAudible(block, at, before);
    this.joins.rampUp(block);
    this.counts.played += block.length;
    this.cleanFor += block.length;
    if (this.cleanFor >= CLEAN) {
      this.cleanFor = 0;
      this.target = Math.max(this.leastTarget, this.target - STEP);
    }
    return at + block.length;
  }

  /** Leave out 5 ms where it does not matter. @param {Segment} head */
  shorten(head) {
    const piece = head.position % FADE ? null : this.lag.shorten(head.samples.subarray(0, PIECE));
    if (piece === null) return;
    this.queue.replace(PIECE, piece);
    this.counts.shortened += FADE;
  }

  /** @param {Segment} head @param {number} offset */
  begin(head, offset) {
    this.end(offset);
    this.item = head.item;
    this.position = head.position;
    this.audible = false;
    this.lag.begin();
    this.notices.push({ type: "started", item: head.item, position: this.position, offset });
  }

  /** @param {number} offset */
  end(offset) {
    if (this.item === null) return;
    this.notices.push({ type: "ended", item: this.item, position: this.position, offset });
    this.item = null;
    this.starved = false;
  }

  /** Remove the oldest samples. @param {number} most @returns {Float32Array} */
  take(most) {
    const { samples, reached } = this.queue.take(most);
    this.position = reached.get(this.item ?? "") ?? this.position;
    if (samples.length > 0) this.joins.last = samples[samples.length - 1];
    return samples;
  }

  /** Pass over the oldest samples, softly. @param {number} count */
  skip(count) {
    if (this.running) {
      this.joins.breakOff();
      this.joins.setIn();
    }
    this.take(count);
    this.lag.forget();
    this.counts.dropped += count;
  }

  /** Nothing is queued: the item is over, or the network is late. @param {number} at @returns {number} where the tail begins */
  runDry(at) {
    let tailAt = 0;
    if (this.running) {
      this.running = false;
      this.waited = 0;
      this.lag.forget();
      this.joins.breakOff();
      this.starved = true;
      tailAt = at;
    }
    if (this.item === this.complete) this.end(at);
    return tailAt;
  }

  /** @param {Float32Array} block @param {number} at @param {number} before position of its first sample */
  seekAudible(block, at, before) {
    const index = block.findIndex((sample) => Math.abs(sample) > AUDIBLE);
    if (index < 0 || this.item === null) return;
    this.audible = true;
    this.notices.push({ type: "audible", item: this.item, position: before + index, offset: at + index });
  }
}
