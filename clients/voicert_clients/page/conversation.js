// @ts-check
// The shell around the reducer: carries events of the socket and the audio to it, and does what it asks for.
// It knows no document; whoever shows the conversation is called when something changed.

import { AudioPath, abilities, wakeContext } from "./audio.js";
import { Connection, doorOf, realtimeUrl } from "./connection.js";
import { GapMeter, GapStatistics, InputClock, turnTiming } from "./gap.js";
import { openStream } from "./microphone.js";
import { WIRE_RATE_HZ, toBase64 } from "./pcm.js";
import { browserProblem, microphoneProblem } from "./problems.js";
import { reduce } from "./reducer.js";
import { firstTargetMs } from "./speaker.js";
import { initialState, phaseOf } from "./state.js";

/** @typedef {import("./reducer.js").Action} Action */
/** @typedef {import("./effects.js").Effect} Effect */
/** @typedef {import("./effects.js").ServerEvent} ServerEvent */
/** @typedef {import("./playback-worklet.js").PlaybackProgress} PlaybackProgress */

/** “Interrupted” is shown as long. */
const SETTLE_MS = 1200;
/** A connection that has held as long is a good one: after it, the waits between attempts begin anew. */
const PROVED_MS = 5000;
const PHASES_REMEMBERED = 100;

/**
 * @typedef {object} Watcher
 * @property {() => void} onChange
 * @property {(level: number) => void} onUserLevel root mean square of 20 ms, linear
 * @property {(level: number) => void} onAssistantLevel the same
 */

export class Conversation {
  /**
   * @param {URL} address of the page
   * @param {import("./settings.js").Settings} settings
   * @param {Watcher} watcher
   */
  constructor(address, settings, watcher) {
    this.address = address;
    this.settings = settings;
    this.watcher = watcher;
    this.state = initialState();
    this.connection = new Connection(realtimeUrl(address.href), {
      onEvent: (event) => this.onServerEvent(event),
      onClosed: () => this.onClosed(),
    });
    this.connection.apiKey = settings.apiKey;
    /** @type {AudioPath | null} */
    this.audio = null;
    this.gaps = new GapStatistics();
    this.meter = new GapMeter(new InputClock(WIRE_RATE_HZ));
    /** @type {PlaybackProgress | null} */
    this.progress = null;
    this.capturedSamples = 0;
    this.heard = { item: "", samples: 0 };
    /** The item that ends where the speaker stops. @type {string | null} */
    this.truncating = null;
    this.reachable = true;
    this.retryAt = 0;
    this.timers = { retry: 0, settle: 0, prove: 0 };
    /** @type {string[]} */
    this.phases = ["idle"];
  }

  /** @param {Action} action */
  dispatch(action) {
    const { state, effects } = reduce(this.state, action);
    this.state = state;
    const phase = phaseOf(state);
    if (phase !== this.phases.at(-1)) this.phases = [...this.phases, phase].slice(-PHASES_REMEMBERED);
    for (const effect of effects) this.perform(effect);
    this.watcher.onChange();
  }

  /** @param {Effect} effect */
  perform(effect) {
    switch (effect.type) {
      case "prepare":
        return this.prepare();
      case "connect":
        clearTimeout(this.timers.retry);
        this.meter = new GapMeter(new InputClock(WIRE_RATE_HZ));
        return this.connection.open();
      case "disconnect":
        clearTimeout(this.timers.retry);
        return this.connection.close();
      case "release":
        void this.audio?.close();
        this.audio = null;
        return;
      case "retry-later":
        this.retryAt = performance.now() + effect.delayMs;
        this.timers.retry = setTimeout(() => this.dispatch({ type: "retry" }), effect.delayMs);
        return;
      case "settle-later":
        clearTimeout(this.timers.settle);
        this.timers.settle = setTimeout(() => this.dispatch({ type: "settled" }), SETTLE_MS);
        return;
      case "prove-later":
        clearTimeout(this.timers.prove);
        this.timers.prove = setTimeout(() => this.dispatch({ type: "proved" }), PROVED_MS);
        return;
      case "send":
        return this.connection.send(effect.event);
      case "play":
        return this.audio?.speaker.play(effect.item, effect.audio);
      case "finish":
        return this.audio?.speaker.finish(effect.item);
      case "truncate":
        this.truncating = effect.item;
        return;
      case "pause":
      case "resume":
      case "flush":
        return this.audio?.speaker[effect.type]();
    }
  }

  /** Says what this browser lacks, before anyone presses a button. @returns {boolean} whether it will do */
  checkBrowser() {
    const code = browserProblem(abilities());
    if (code !== null) this.dispatch({ type: "problem", code, detail: "" });
    return code === null;
  }

  /** Runs in the event of the person's click, up to the first await. */
  prepare() {
    if (!this.checkBrowser()) return;
    const context = wakeContext();
    this.openAudio(context).catch((error) => {
      void context.close().catch(() => undefined);
      this.dispatch({
        type: "problem",
        code: microphoneProblem(error),
        detail: String(error.message ?? error),
      });
    });
  }

  /** @param {AudioContext} context */
  async openAudio(context) {
    const stream = await openStream(this.settings.deviceId, this.settings.processing);
    const audio = await AudioPath.open(context, stream, firstTargetMs(this.address.hostname), {
      onChunk: (chunk) => this.onChunk(chunk),
      onLost: () => this.dispatch({ type: "problem", code: "microphone-lost", detail: "" }),
      onNotice: (notice, time) => this.onNotice(notice, time),
      onProgress: (progress) => this.onProgress(progress),
      onHeard: (item, samples, stopped) => this.onHeard(item, samples, stopped),
    });
    if (this.state.link !== "preparing") return audio.close(); // ended while the browser asked for permission
    this.audio = audio;
    audio.microphone.setMuted(this.state.muted);
    audio.context.onstatechange = () => this.onContextState(audio.context.state);
    this.dispatch({ type: "ready" });
    this.onContextState(audio.context.state);
  }

  /** @param {string} contextState */
  onContextState(contextState) {
    const paused = contextState !== "running" && contextState !== "closed";
    this.dispatch({ type: "sound", paused });
  }

  /** @param {import("./capture-worklet.js").CaptureChunk} chunk */
  onChunk({ pcm, time, level }) {
    this.capturedSamples += pcm.length;
    this.watcher.onUserLevel(this.state.muted ? 0 : level);
    if (this.state.link !== "open") return;
    if (this.connection.sendAudio(toBase64(pcm))) this.meter.clock.advance(pcm.length, time);
  }

  /** @param {ServerEvent} event */
  onServerEvent(event) {
    if (event.type === "voicert.turn.timing") {
      const timing = turnTiming(event);
      if (timing) this.addGap(this.meter.timed(event.item_id, timing, this.audio?.latencyS ?? 0));
    }
    this.dispatch({ type: "server", event });
  }

  /** @param {import("./jitter-buffer.js").Notice} notice @param {number} time */
  onNotice({ type, item }, time) {
    if (type === "audible") this.addGap(this.meter.audible(item, time, this.audio?.latencyS ?? 0));
    this.dispatch({ type: "playback", notice: type, item });
  }

  /** @param {import("./gap.js").Gap | null} gap */
  addGap(gap) {
    if (gap === null) return;
    this.gaps.add(gap);
    this.watcher.onChange();
  }

  /** @param {PlaybackProgress} progress */
  onProgress(progress) {
    this.progress = progress;
    this.watcher.onAssistantLevel(progress.level);
  }

  /** @param {string} item @param {number} samples @param {boolean} stopped the speaker stands still there */
  onHeard(item, samples, stopped) {
    this.heard = { item, samples };
    const where = { item_id: item, content_index: 0, heard_samples: samples };
    this.connection.send({ type: "voicert.heard", ...where, stopped });
    if (!stopped || item !== this.truncating) return;
    this.truncating = null;
    const audio_end_ms = Math.floor((samples * 1000) / WIRE_RATE_HZ);
    this.connection.send({ type: "conversation.item.truncate", item_id: item, content_index: 0, audio_end_ms });
  }

  onClosed() {
    this.dispatch({ type: "socket-closed", random: Math.random() });
    void this.checkDoor();
  }

  /** Finds out whether the server is there, and whether it wants a key. */
  async checkDoor() {
    const door = await doorOf(this.address.href, this.connection.apiKey);
    this.reachable = door !== "closed";
    const asks = door === "key-needed" || door === "key-refused";
    if (asks) this.dispatch({ type: "problem", code: door, detail: "" });
    else this.watcher.onChange();
  }

  /** @param {string} apiKey */
  useKey(apiKey) {
    this.connection.apiKey = apiKey;
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.audio?.microphone.setMuted(muted);
    this.dispatch({ type: "mute", muted });
  }

  /** @param {import("./settings.js").Settings} settings */
  async changeMicrophone(settings) {
    this.settings = settings;
    const { audio } = this;
    if (audio === null) return;
    try {
      const stream = await openStream(settings.deviceId, settings.processing);
      audio.microphone.use(stream);
    } catch (error) {
      const code = microphoneProblem(/** @type {DOMException} */ (error));
      this.dispatch({ type: "problem", code, detail: String(error) });
    }
  }
}
