// @ts-check
// `window.voicert`: the conversation's state for tests and for a look from the console. Read-only.

import { phaseOf } from "./state.js";

/** @param {import("./conversation.js").Conversation} conversation */
export function publish(conversation) {
  const snapshot = {
    get phase() {
      return phaseOf(conversation.state);
    },
    /** The phases so far, the latest last. */
    get phases() {
      return conversation.phases;
    },
    get problem() {
      return conversation.state.problem?.code ?? null;
    },
    get notice() {
      return conversation.state.notice;
    },
    get soundPaused() {
      return conversation.state.soundPaused;
    },
    get muted() {
      return conversation.state.muted;
    },
    get transcript() {
      return conversation.state.transcript;
    },
    get counts() {
      return conversation.state.counts;
    },
    get gap() {
      return conversation.gaps.summary();
    },
    get playing() {
      return conversation.state.playing;
    },
    /** Counters of the playback worklet, null before it has played. */
    get playback() {
      return conversation.progress;
    },
    /** The last heard position that was reported. */
    get heard() {
      return conversation.heard;
    },
    get capturedSamples() {
      return conversation.capturedSamples;
    },
    get sampleRateHz() {
      return conversation.audio?.context.sampleRate ?? null;
    },
  };
  Object.defineProperty(window, "voicert", { value: Object.freeze(snapshot) });
}
