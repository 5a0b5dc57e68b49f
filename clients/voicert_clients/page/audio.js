// @ts-check
// One AudioContext with both worklets: at 24 kHz where the browser resamples, else at its own rate.

import { WIRE_RATE_HZ } from "./pcm.js";
import { Microphone } from "./microphone.js";
import { Speaker } from "./speaker.js";

/**
 * @typedef {object} Handlers
 * @property {(chunk: import("./capture-worklet.js").CaptureChunk) => void} onChunk
 * @property {() => void} onLost
 * @property {(notice: import("./jitter-buffer.js").Notice, time: number) => void} onNotice
 * @property {(progress: import("./playback-worklet.js").PlaybackProgress) => void} onProgress
 * @property {(item: string, samples: number, stopped: boolean) => void} onHeard
 */

/**
 * Call it in the very event of the person's click: browsers start sound for that reason only.
 * @returns {AudioContext} at 24 kHz if the browser likes
 */
export function wakeContext() {
  try {
    return new AudioContext({ sampleRate: WIRE_RATE_HZ, latencyHint: "interactive" });
  } catch {
    return new AudioContext({ latencyHint: "interactive" });
  }
}

/** @returns what this browser can do, for `browserProblem` */
export function abilities() {
  const hasWorklet = typeof AudioWorkletNode === "function";
  const hasMicrophone = typeof navigator.mediaDevices?.getUserMedia === "function";
  return { isSecureContext, hasWorklet, hasMicrophone };
}

/** @param {AudioContext} context */
async function load(context) {
  void context.resume(); // not awaited: where the browser wants another click first, it does not settle
  await Promise.all(
    ["capture-worklet.js", "playback-worklet.js"].map((name) =>
      context.audioWorklet.addModule(new URL(name, import.meta.url)),
    ),
  );
}

/** The whole way of a sound on this side: microphone in, speaker out. */
export class AudioPath {
  /**
   * @param {AudioContext} context
   * @param {Microphone} microphone
   * @param {Speaker} speaker
   */
  constructor(context, microphone, speaker) {
    this.context = context;
    this.microphone = microphone;
    this.speaker = speaker;
  }

  /**
   * @param {AudioContext} context from `wakeContext`
   * @param {MediaStream} stream
   * @param {number} targetMs
   * @param {Handlers} handlers
   * @returns {Promise<AudioPath>}
   */
  static async open(context, stream, targetMs, handlers) {
    await load(context);
    try {
      const microphone = new Microphone(context, stream, handlers);
      return new AudioPath(context, microphone, new Speaker(context, targetMs, handlers));
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotSupportedError") throw error;
    }
    // Firefox does not connect a microphone to a context of another rate. Then the worklets resample.
    await context.close();
    const own = new AudioContext({ latencyHint: "interactive" });
    await load(own);
    const microphone = new Microphone(own, stream, handlers);
    return new AudioPath(own, microphone, new Speaker(own, targetMs, handlers));
  }

  /** @returns {number} seconds that sound spends in the devices, in and out, as far as the browser knows */
  get latencyS() {
    return this.microphone.latencyS + this.speaker.latencyS;
  }

  async close() {
    this.microphone.close();
    this.speaker.close();
    if (this.context.state !== "closed") await this.context.close();
  }
}
