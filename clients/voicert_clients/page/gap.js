// @ts-check
// The response gap, measured where the person sits: end of the user's speech at the microphone → first
// audible assistant sample at the speaker. Both ends are read off the clock of one AudioContext by sample
// counters.

/** How many gaps the median looks back on. */
const REMEMBERED = 100;
/** Breaks in the stream that the clock map remembers; a break is rare (a full socket buffer). */
const BREAKS = 64;
const SAME_S = 0.002;

/** From the server's clock (samples of input since the session began) to the audio clock (seconds). */
export class InputClock {
  /** @param {number} rateHz of the input samples */
  constructor(rateHz) {
    this.rateHz = rateHz;
    this.sent = 0;
    /** Where the mapping changes. @type {{ sample: number, time: number }[]} */
    this.anchors = [];
  }

  /**
   * Samples have been sent.
   * @param {number} samples
   * @param {number} time at which the first of them left the microphone's stream, in seconds
   */
  advance(samples, time) {
    if (this.anchors.length === 0 || Math.abs(this.timeOf(this.sent) - time) > SAME_S) {
      this.anchors.push({ sample: this.sent, time });
      if (this.anchors.length > BREAKS) this.anchors.shift();
    }
    this.sent += samples;
  }

  /**
   * @param {number} sample of the session's input
   * @returns {number} seconds on the audio clock; NaN before anything was sent
   */
  timeOf(sample) {
    let anchor = this.anchors[0];
    for (const later of this.anchors) if (later.sample <= sample) anchor = later;
    return anchor ? anchor.time + (sample - anchor.sample) / this.rateHz : Number.NaN;
  }
}

/** @param {readonly number[]} values @returns {number | null} null for none */
export function median(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @typedef {object} Gap
 * @property {number} totalMs end of speech at the microphone → first audible sample at the speaker
 * @property {number} decisionMs the part in which the model waited to be sure, on the input clock
 * @property {number} engineMs the part that the server computed: queue, encode, model, decode
 * @property {number} devicesMs the part in the sound devices of this machine, as far as the browser knows it
 * @property {number} restMs everything else: transport, and the playback buffer
 */

/** @typedef {{ inputEndMs: number, firstAudibleMs: number, engineMs: number }} TurnTiming */

/**
 * @param {Record<string, any>} event `voicert.turn.timing`
 * @returns {TurnTiming | null} null for an answer to nothing that was said
 */
export function turnTiming({
  input_end_ms: inputEndMs,
  first_audible_ms: firstAudibleMs,
  stages_ms: stages,
}) {
  if (typeof inputEndMs !== "number" || typeof firstAudibleMs !== "number") return null;
  const { queue = 0, encode = 0, model = 0, decode = 0 } = stages ?? {};
  return { inputEndMs, firstAudibleMs, engineMs: queue + encode + model + decode };
}

/** Brings together what the server knows of a turn and what the speaker knows of it. */
export class GapMeter {
  /** @param {InputClock} clock */
  constructor(clock) {
    this.clock = clock;
    /** @type {{ item: string, timing: TurnTiming } | null} */
    this.turn = null;
    /** @type {{ item: string, time: number } | null} */
    this.heard = null;
  }

  /**
   * The server's timing of the answer `item`.
   * @param {string} item @param {TurnTiming} timing
   * @param {number} devicesS latency of microphone and speaker
   * @returns {Gap | null} once both ends are known
   */
  timed(item, timing, devicesS) {
    this.turn = { item, timing };
    return this.measure(devicesS);
  }

  /**
   * The first audible sample of `item` went to the speaker.
   * @param {string} item @param {number} time on the audio clock @param {number} devicesS
   * @returns {Gap | null} once both ends are known
   */
  audible(item, time, devicesS) {
    this.heard = { item, time };
    return this.measure(devicesS);
  }

  /** @param {number} devicesS @returns {Gap | null} */
  measure(devicesS) {
    if (!this.turn || !this.heard || this.turn.item !== this.heard.item) return null;
    const { inputEndMs, firstAudibleMs, engineMs } = this.turn.timing;
    const spokenUntil = this.clock.timeOf((inputEndMs * this.clock.rateHz) / 1000);
    const totalMs = (this.heard.time - spokenUntil + devicesS) * 1000;
    this.turn = null;
    this.heard = null;
    if (!Number.isFinite(totalMs)) return null;
    const devicesMs = devicesS * 1000;
    const decisionMs = firstAudibleMs - inputEndMs;
    return { totalMs, decisionMs, engineMs, devicesMs, restMs: totalMs - decisionMs - engineMs - devicesMs };
  }
}

/** The last gap and the median of the last hundred. */
export class GapStatistics {
  constructor() {
    /** @type {Gap[]} */
    this.gaps = [];
  }

  /** @param {Gap} gap */
  add(gap) {
    this.gaps.push(gap);
    if (this.gaps.length > REMEMBERED) this.gaps.shift();
  }

  /** @returns {{ count: number, last: Gap | null, medianMs: number | null }} */
  summary() {
    return {
      count: this.gaps.length,
      last: this.gaps.at(-1) ?? null,
      medianMs: median(this.gaps.map((gap) => gap.totalMs)),
    };
  }
}
