// @ts-check
// The page's logic: (state, action) → state and effects. No DOM, no socket, no clock. The effects say what
// the shell (conversation.js) has to do, in order.

import { withEntry, withoutEmpty } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Entry} Entry */

/** @typedef {{ type: string, [key: string]: any }} ServerEvent an event of the Realtime protocol */

/**
 * @typedef {{ type: "start" }
 *   | { type: "ready" }
 *   | { type: "end" }
 *   | { type: "cancel" }
 *   | { type: "retry" }
 *   | { type: "reconnect" }
 *   | { type: "mute", muted: boolean }
 *   | { type: "server", event: ServerEvent }
 *   | { type: "socket-closed", random: number }
 *   | { type: "playback", notice: "started" | "audible" | "ended" | "flushed", item: string }
 *   | { type: "settled" }
 *   | { type: "proved" }
 *   | { type: "sound", paused: boolean }
 *   | { type: "problem", code: string, detail: string }} Action
 */

/**
 * @typedef {{ type: "prepare" }
 *   | { type: "connect" }
 *   | { type: "disconnect" }
 *   | { type: "release" }
 *   | { type: "retry-later", delayMs: number }
 *   | { type: "settle-later" }
 *   | { type: "prove-later" }
 *   | { type: "send", event: ServerEvent }
 *   | { type: "play", item: string, audio: string }
 *   | { type: "finish", item: string }
 *   | { type: "flush" }} Effect
 */

/** @typedef {{ state: State, effects: Effect[] }} Outcome */

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const FIRST_RETRY_WHEN_FULL_MS = 5_000;
/** Items flushed lately; the server's last deltas of one arrive within a round trip. */
const DROPPED_ITEMS = 16;

/** What the page asks of each session. */
const SESSION_UPDATE = { type: "session.update", session: { type: "realtime", voicert: { timing: true } } };

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

/** @param {State} state @param {Effect[]} effects @returns {Outcome} */
const outcome = (state, ...effects) => ({ state, effects });

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
  const nobodySpeaks = { userSpeaking: false, response: null, playing: null, interrupted: false };
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
  if (notice === "audible") return state.playing;
  return state.playing === item ? null : state.playing;
}

/** The person asked for silence. @param {State} state @returns {Outcome} */
function cancel(state) {
  if (!state.response && state.playing === null) return outcome(state);
  const stopped = interrupt(state);
  if (!state.response) return stopped;
  const event = { type: "response.cancel", response_id: state.response.id };
  return outcome(stopped.state, ...stopped.effects, { type: "send", event });
}

/**
 * Fall silent: what is queued is dropped, and whatever still arrives of it.
 * @param {State} state
 * @returns {Outcome}
 */
function interrupt(state) {
  const inProgress = state.response !== null;
  const items = [...(state.response?.items ?? []), ...(state.playing === null ? [] : [state.playing])];
  const dropped = [...new Set([...state.dropped, ...items])].slice(-DROPPED_ITEMS);
  const interruptions = state.counts.interruptions + (inProgress ? 1 : 0);
  const counts = { ...state.counts, interruptions, flushes: state.counts.flushes + 1 };
  const silent = { ...state, playing: null, dropped, counts };
  if (!inProgress) return outcome(silent, { type: "flush" });
  return outcome({ ...silent, interrupted: true }, { type: "flush" }, { type: "settle-later" });
}

/** @param {State} state @param {ServerEvent} event @returns {Outcome} */
function onServerEvent(state, event) {
  switch (event.type) {
    case "session.created": {
      const counts = { ...state.counts, connections: state.counts.connections + 1 };
      const open = { ...state, counts, notice: null, dropped: [] };
      return outcome(
        { ...open, link: "open" },
        { type: "send", event: SESSION_UPDATE },
        { type: "prove-later" },
      );
    }
    case "error":
      return onServerError(state, event.error ?? {});
    case "input_audio_buffer.speech_started":
      return onSpeechStarted(state, event);
    case "input_audio_buffer.speech_stopped":
      return outcome({ ...state, userSpeaking: false });
    case "conversation.item.input_audio_transcription.delta":
      return outcome(say(state, event.item_id, "user", event.delta));
    case "conversation.item.input_audio_transcription.completed":
      return outcome(finishUser(state, event));
    default:
      return onResponseEvent(state, event);
  }
}

/** @param {State} state @param {{ code?: string, message?: string }} error @returns {Outcome} */
function onServerError(state, error) {
  if (error.code === "at_capacity") return outcome({ ...state, full: true });
  // The answer was over before the request to stop it arrived: all is as the person wanted.
  if (error.code === "response_cancel_not_active") return outcome(state);
  return outcome({ ...state, notice: error.message ?? "The server reported an error without saying which." });
}

/** @param {State} state @param {ServerEvent} event @returns {Outcome} */
function onSpeechStarted(state, event) {
  const speaking = state.response !== null || state.playing !== null;
  const { state: silent, effects } = speaking ? interrupt(state) : outcome(state);
  const cleaned = { ...silent, userSpeaking: true, transcript: silent.transcript.filter(worthKeeping) };
  const transcript = withEntry(cleaned, event.item_id, "user", () => ({}));
  return outcome({ ...cleaned, transcript }, ...effects);
}

/** Not so an old line of the user in which nothing was understood. @param {Entry} entry @returns {boolean} */
function worthKeeping(entry) {
  return entry.role === "assistant" || entry.text.trim() !== "";
}

/**
 * @param {State} state @param {string} id @param {Entry["role"]} role @param {string} delta
 * @returns {State}
 */
function say(state, id, role, delta) {
  return { ...state, transcript: withEntry(state, id, role, ({ text }) => ({ text: text + delta })) };
}

/** @param {State} state @param {ServerEvent} event @returns {State} */
function finishUser(state, { item_id: id, transcript: text }) {
  const transcript = withEntry(state, id, "user", () => ({ text, status: "done" }));
  const nothing = text.trim() === "";
  return { ...state, transcript: nothing ? transcript.filter((entry) => entry.id !== id) : transcript };
}

/** @param {State} state @param {ServerEvent} event @returns {Outcome} */
function onResponseEvent(state, event) {
  const wanted = !state.dropped.includes(event.item_id);
  switch (event.type) {
    case "response.created": {
      const counts = { ...state.counts, responses: state.counts.responses + 1 };
      const response = { id: event.response.id, items: [] };
      return outcome({ ...state, response, counts, userSpeaking: false, interrupted: false });
    }
    case "response.output_item.added":
      return outcome(withItem(state, event.item.id));
    case "response.output_audio_transcript.delta":
      return outcome(wanted ? say(state, event.item_id, "assistant", event.delta) : state);
    case "response.output_audio_transcript.done":
      return outcome(finishAssistant(state, event));
    case "response.output_audio.delta":
      if (!wanted) return outcome(state);
      return outcome(withItem(state, event.item_id), play(event));
    case "response.output_audio.done":
      return wanted ? outcome(state, { type: "finish", item: event.item_id }) : outcome(state);
    case "response.done":
      return onResponseDone(state, event.response);
    default:
      return outcome(state);
  }
}

/** @param {ServerEvent} event @returns {Effect} */
const play = (event) => ({ type: "play", item: event.item_id, audio: event.delta });

/** @param {State} state @param {string} item @returns {State} */
function withItem(state, item) {
  if (!state.response || state.response.items.includes(item)) return state;
  return { ...state, response: { ...state.response, items: [...state.response.items, item] } };
}

/** @param {State} state @param {ServerEvent} event @returns {State} */
function finishAssistant(state, { item_id: id, transcript: text }) {
  return { ...state, transcript: withEntry(state, id, "assistant", () => ({ text })) };
}

/**
 * @param {State} state
 * @param {{ id: string, status: string, output?: { id: string }[] }} response
 * @returns {Outcome}
 */
function onResponseDone(state, response) {
  const whole = response.status === "completed";
  const current = state.response?.id === response.id ? state.response : null;
  const items = current?.items ?? (response.output ?? []).map((item) => item.id);
  const goesOn = items.some((item) => !state.dropped.includes(item));
  const { state: silent, effects } = !whole && current && goesOn ? interrupt(state) : outcome(state);
  /** @type {Entry["status"]} */
  const status = whole ? "done" : "cut";
  const transcript = silent.transcript
    .map((entry) => (items.includes(entry.id) ? { ...entry, status } : entry))
    .filter((entry) => !items.includes(entry.id) || entry.text.trim() !== "");
  return outcome({ ...silent, transcript, response: current ? null : state.response }, ...effects);
}
