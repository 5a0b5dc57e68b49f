// @ts-check
// What the page says of its state, and what a person can do.

import { connectionHelp, helpFor } from "./problems.js";
import { isLoopback } from "./speaker.js";
import { phaseOf } from "./state.js";

/** @typedef {import("./state.js").State} State */

/**
 * @typedef {object} Place
 * @property {string} host of the page's address
 * @property {string} port of it, "" for the usual one
 * @property {boolean} reachable whether the server answered when the connection was lost
 */

/** @typedef {{ title: string, advice: string, action: string | null }} Words */

/**
 * A remark that does not end the conversation.
 * @param {State} state
 * @returns {string | null}
 */
export function remarkFor(state) {
  if (state.link === "off" || !state.soundPaused) return state.notice;
  return "The browser has paused the sound. Click anywhere. If that does not help, check the sound output.";
}

/**
 * What the page says of its state.
 * @param {State} state
 * @param {Place} place
 * @returns {Words}
 */
export function wordsFor(state, place) {
  const { host } = place;
  switch (phaseOf(state)) {
    case "idle": {
      const where = isLoopback(host) ? "stays on this computer" : `goes to ${host} and nowhere else`;
      const advice = `Press the button and ask something aloud. Your voice ${where}.`;
      return { title: "Talk with your own machine", advice, action: "Start talking" };
    }
    case "connecting":
      if (state.link === "connecting") return { title: "Connecting", advice: "One moment.", action: null };
      return { title: "Opening the microphone", advice: "Allow it if the browser asks.", action: null };
    case "listening":
      if (state.muted) return { title: "Muted", advice: "Nothing you say is sent.", action: null };
      return {
        title: "Listening",
        advice: state.counts.responses ? "Your turn." : "Ask something aloud.",
        action: null,
      };
    case "user-speaking":
      return { title: "Hearing you", advice: "It answers when you stop.", action: null };
    case "assistant-speaking":
      return { title: "Answering", advice: "Talk over it to stop it.", action: null };
    case "paused":
      return { title: "One moment", advice: "It heard something. If it was nothing, it goes on.", action: null };
    case "interrupted":
      return { title: "Interrupted", advice: "It has stopped. Go on.", action: null };
    case "at-capacity":
      return { title: "All places are taken", advice: connectionHelp("at-capacity"), action: "Try now" };
    case "disconnected": {
      const known = state.counts.connections > 0 ? "lost" : "refused";
      return {
        title: "Disconnected",
        advice: connectionHelp(place.reachable ? known : "unreachable"),
        action: "Reconnect now",
      };
    }
    case "error": {
      const problem = state.problem ?? { code: "audio-failed", detail: "" };
      return helpFor(problem.code, { host, port: place.port, detail: problem.detail });
    }
  }
}
