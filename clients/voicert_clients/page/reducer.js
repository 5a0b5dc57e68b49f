// @ts-check
// The page's logic: (state, action) → state and effects. No DOM, no socket, no clock. The effects say what
// the shell (conversation.js) has to do, in order.

import { cancel, outcome } from "./effects.js";
import { onServerEvent } from "./server-events.js";
import { withoutEmpty } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {import("./effects.js").Effect} Effect */
/** @typedef {import("./effects.js").Outcome} Outcome */
/** @typedef {import("./effects.js").ServerEvent} ServerEvent */

/**
 * @typedef {{ type: "start" }
 *   | { type: "ready" }
 *   | { type: "end" }
 *   | { type: "cancel" }
 *   | { type: "say", text: string }
 *   | { type: "retry" }
 *   | { type: "reconnect" }
 *   | { type: "mute", muted: boolean }
 *   | { type: "server", event: ServerEvent }
 *   | { type: "socket-closed", random: number }
 *   | { type: "playback", notice: import("./jitter-buffer.js").Notice["type"], item: string }
 *   | { type: "settled" }
 *   | { type: "proved" }
 *   | { type: "sound", paused: boolean }
 *   | { type: "problem", code: string, detail: string }} Action
 */

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const FIRST_RETRY_WHEN_FULL_MS = 5_000;
/**
 * Twice as long each time, up to a bound, and a random part so that many pages do not come back at once.
 * @param {number} attempt from 1
 * @param {boolean} full
 * @param {number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function retryDelayMs(attempt, full, random) {
  const first = full ? FIRST_RETRY_WHEN_FULL_MS : FIRST_RETRY_MS;
  const delay = Math.min(LONGEST_RETRY_MS, first * 2 ** (attempt - 1));
  return Math.round(delay * (0.75 + 0.25 * random));
}

const CONNECTING = /** @type {const} */ ({ link: "connecting", full: false, retryInMs: null, problem: null });

/** @type {Effect[]} */
const GOODBYE = [{ type: "flush" }, { type: "disconnect" }, { type: "release" }];

/**
 * @param {State} state
 * @param {Action} action
 * @returns {Outcome}
 */
export function reduce(state, action) {
  switch (action.type) {
    case "start":
      return outcome({ ...state, link: "preparing", problem: null, notice: null }, { type: "prepare" });
    case "ready":
    case "reconnect":
      return outcome({ ...state, ...CONNECTING, attempts: 1 }, { type: "connect" });
    case "retry":
      return outcome({ ...state, ...CONNECTING, attempts: state.attempts + 1 }, { type: "connect" });
    case "end":
      return outcome({ ...quiet(state), link: "off", problem: null, notice: null }, ...GOODBYE);
    case "problem":
      return outcome({ ...quiet(state), link: "off", problem: action }, ...GOODBYE);
    case "cancel":
      return cancel(state);
    case "say":
      return say(state, action.text.trim());
    case "mute":
      return outcome({ ...state, muted: action.muted });
    case "sound":
      return outcome({ ...state, soundPaused: action.paused });
    case "proved":
      return outcome(state.link === "open" ? { ...state, attempts: 0 } : state);
    case "settled":
      return outcome({ ...state, interrupted: false });
    case "socket-closed":
      return closed(state, action.random);
    case "playback":
      return outcome({ ...state, playing: playingAfter(state, action) });
    case "server":
      return onServerEvent(state, action.event);
  }
}

/** No conversation goes on. @param {State} state @returns {State} */
function quiet(state) {
  const transcript = withoutEmpty(state.transcript).map(closeEntry);
  const nobodySpeaks = { userSpeaking: false, response: null, playing: null, paused: false, interrupted: false };
  return { ...state, ...nobodySpeaks, full: false, attempts: 0, retryInMs: null, transcript };
}

/** @param {Entry} entry @returns {Entry} */
function closeEntry(entry) {
  if (entry.status !== "live") return entry;
  return { ...entry, status: entry.role === "assistant" ? "cut" : "done" };
}

/** @param {State} state @param {number} random @returns {Outcome} */
function closed(state, random) {
  if (state.link === "off" || state.link === "waiting") return outcome(state);
  const { full, attempts } = state;
  const retryInMs = retryDelayMs(Math.max(1, attempts), full, random);
  const waiting = { ...quiet(state), full, attempts, retryInMs };
  return outcome(
    { ...waiting, link: "waiting" },
    { type: "flush" },
    { type: "retry-later", delayMs: retryInMs },
  );
}

/**
 * @param {State} state
 * @param {{ notice: string, item: string }} action
 * @returns {string | null}
 */
function playingAfter(state, { notice, item }) {
  if (notice === "started") return state.dropped.includes(item) ? state.playing : item;
  if (notice !== "ended" && notice !== "flushed") return state.playing;
  return state.playing === item ? null : state.playing;
}

/** The person typed something; an answer in progress gives way to it. @param {State} state @param {string} text @returns {Outcome} */
function say(state, text) {
  if (text === "" || state.link !== "open") return outcome(state);
  const { state: silent, effects } = cancel(state);
  const item = { type: "message", role: "user", content: [{ type: "input_text", text }] };
  return outcome(
    silent,
    ...effects,
    { type: "send", event: { type: "conversation.item.create", item } },
    { type: "send", event: { type: "response.create" } },
  );
}
