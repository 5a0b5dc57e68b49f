// @ts-check
// Sound that waits to be played, piece by piece, each knowing its place in its item.

/** @typedef {{ item: string, position: number, samples: Float32Array }} Segment position of its first sample */

/** First in, first out. */
export class Segments {
  constructor() {
    /** @type {Segment[]} */
    this.queue = [];
    /** That wait. */
    this.samples = 0;
  }

  /** @returns {Segment | undefined} what comes next */
  get head() {
    return this.queue[0];
  }

  /** @param {Segment} segment */
  push(segment) {
    this.queue.push(segment);
    this.samples += segment.samples.length;
  }

  clear() {
    this.queue = [];
    this.samples = 0;
  }

  /** The oldest samples; they stay. @param {number} most @returns {Float32Array} */
  peek(most) {
    const found = new Float32Array(Math.min(most, this.samples));
    for (let at = 0, i = 0; at < found.length; i++) {
      const { samples } = this.queue[i];
      const run = Math.min(samples.length, found.length - at);
      found.set(samples.subarray(0, run), at);
      at += run;
    }
    return found;
  }

  /**
   * Remove the oldest samples.
   * @param {number} most
   * @returns {{ samples: Float32Array, reached: Map<string, number> }} and how far their items have come
   */
  take(most) {
    const samples = this.peek(most);
    this.samples -= samples.length;
    const reached = new Map();
    for (let left = samples.length; left > 0;) {
      const head = this.queue[0];
      const run = Math.min(head.samples.length, left);
      head.samples = head.samples.subarray(run);
      head.position += run;
      left -= run;
      reached.set(head.item, head.position);
      if (head.samples.length === 0) this.queue.shift();
    }
    return { samples, reached };
  }

  /**
   * Put shorter sound in the place of the next samples, all of which are in the first segment.
   * @param {number} count @param {Float32Array} samples
   */
  replace(count, samples) {
    const head = this.queue[0];
    const less = count - samples.length;
    head.samples = head.samples.slice(less);
    head.samples.set(samples);
    head.position += less;
    this.samples -= less;
  }
}
