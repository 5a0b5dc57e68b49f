// @ts-check
// The assistant's voice: the playback worklet, and its reports.

import { fromBase64 } from "./pcm.js";

/** @typedef {import("./playback-worklet.js").PlaybackProgress} PlaybackProgress */
/** @typedef {import("./playback-worklet.js").PlaybackOrder} PlaybackOrder */
/** @typedef {import("./jitter-buffer.js").Notice} Notice */

/** A buffer this long at first: short when the server is on this computer. */
const LOOPBACK_MS = 30;
const NETWORK_MS = 60;

/** The server hears of the heard position as often: every 80 ms. */
const HEARD_EVERY = 4;

/** Notices at which the server hears of it at once. @type {Set<Notice["type"]>} */
const STOPS = new Set(["paused", "flushed", "ended"]);

/** @param {string} hostname @returns {boolean} whether it means this computer */
export function isLoopback(hostname) {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** @param {string} hostname @returns {number} milliseconds */
export function firstTargetMs(hostname) {
  return isLoopback(hostname) ? LOOPBACK_MS : NETWORK_MS;
}

export class Speaker {
  /**
   * @param {AudioContext} context with the playback worklet loaded
   * @param {number} targetMs the buffer's first length
   * @param {object} handlers
   * @param {(notice: Notice, time: number) => void} handlers.onNotice time in seconds on the context's clock
   * @param {(progress: PlaybackProgress) => void} handlers.onProgress every 20 ms of sound
   * @param {(item: string, samples: number, stopped: boolean) => void} handlers.onHeard about every 80 ms, and at once when it stops
   */
  constructor(context, targetMs, handlers) {
    this.context = context;
    this.handlers = handlers;
    this.reports = 0;
    this.node = new AudioWorkletNode(context, "voicert-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { targetMs },
    });
    this.node.port.onmessage = ({ data }) => this.onReport(data);
    this.node.connect(context.destination);
  }

  /** @param {import("./playback-worklet.js").PlaybackReport} report */
  onReport(report) {
    if (report.type === "notice") {
      const { type, item, position } = report.notice;
      if (STOPS.has(type)) this.handlers.onHeard(item, position, true);
      this.handlers.onNotice(report.notice, report.time);
      return;
    }
    const { item, position } = report.progress;
    if (item !== null && ++this.reports % HEARD_EVERY === 0) this.handlers.onHeard(item, position, false);
    this.handlers.onProgress(report.progress);
  }

  /** @param {PlaybackOrder} order @param {Transferable[]} [transfer] */
  order(order, transfer = []) {
    this.node.port.postMessage(order, transfer);
  }

  /** @param {string} item @param {string} audio base64 pcm16 at 24 kHz */
  play(item, audio) {
    const pcm = fromBase64(audio);
    this.order({ type: "push", item, pcm }, [pcm.buffer]);
  }

  /** @param {string} item of which nothing more will arrive */
  finish(item) {
    this.order({ type: "finish", item });
  }

  /** Fall silent and keep what waits. */
  pause() {
    this.order({ type: "pause" });
  }

  /** Go on where `pause` stopped. */
  resume() {
    this.order({ type: "resume" });
  }

  /** Fall silent and forget what waits. */
  flush() {
    this.order({ type: "flush" });
  }

  /** @returns {number} seconds from the context to the air, as far as the browser knows */
  get latencyS() {
    return (this.context.baseLatency || 0) + (this.context.outputLatency || 0);
  }

  close() {
    this.node.port.onmessage = null;
    this.node.disconnect();
  }
}
