// @ts-check
// What the server's events do to the page's state.

import { interrupt, outcome } from "./effects.js";
import { withEntry, withoutEmpty } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {import("./effects.js").Effect} Effect */
/** @typedef {import("./effects.js").Outcome} Outcome */
/** @typedef {import("./effects.js").ServerEvent} ServerEvent */

/** What the page asks of each session. */
const VOICERT = { timing: true, playback: true };
const SESSION_UPDATE = { type: "session.update", session: { type: "realtime", voicert: VOICERT } };

/** @param {State} state @param {ServerEvent} event @returns {Outcome} */
export function onServerEvent(state, event) {
  switch (event.type) {
    case "session.created":
      return onSessionCreated(withSession(state, event.session));
    case "session.updated":
      return outcome(withSession(state, event.session));
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
    case "conversation.item.added":
      return outcome(withTyped(state, event.item));
    case "conversation.item.truncated":
      return outcome(cutTranscript(state, event));
    case "voicert.response.paused":
      return onPaused(state, event);
    case "voicert.response.resumed":
      return outcome({ ...state, paused: false }, { type: "resume" });
    default:
      return onResponseEvent(state, event);
  }
}

/** @param {State} state @returns {Outcome} */
function onSessionCreated(state) {
  const counts = { ...state.counts, connections: state.counts.connections + 1 };
  const open = { ...state, counts, notice: null, dropped: [] };
  return outcome(
    { ...open, link: "open" },
    { type: "send", event: SESSION_UPDATE },
    { type: "prove-later" },
  );
}

/** What the server says of the session. @param {State} state @param {Record<string, any>} session @returns {State} */
function withSession(state, session) {
  const detection = session?.audio?.input?.turn_detection;
  const interrupts = detection === undefined ? true : (detection?.interrupt_response ?? false);
  const capabilities = session?.voicert?.capabilities;
  return { ...state, interrupts, typing: Array.isArray(capabilities) ? capabilities.includes("typed_text") : true };
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
  const { state: silent, effects } = speaking && state.interrupts ? interrupt(state) : outcome(state);
  const cleaned = { ...silent, userSpeaking: true, transcript: silent.transcript.filter(worthKeeping) };
  const transcript = withEntry(cleaned, event.item_id, "user", () => ({}));
  return outcome({ ...cleaned, transcript }, ...effects);
}

/** The server is not sure yet whether it is interrupted. @param {State} state @param {ServerEvent} event @returns {Outcome} */
function onPaused(state, event) {
  const goesOn = state.response !== null || state.playing !== null;
  if (!goesOn || state.dropped.includes(event.item_id)) return outcome(state);
  const counts = { ...state.counts, pauses: state.counts.pauses + 1 };
  return outcome({ ...state, paused: true, counts }, { type: "pause" });
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

/** What the person typed has arrived. @param {State} state @param {Record<string, any>} item @returns {State} */
function withTyped(state, item) {
  if (item?.role !== "user" || item.content?.[0]?.type !== "input_text") return state;
  /** @type {{ text?: string }[]} */
  const parts = item.content;
  const text = parts.map((part) => part.text ?? "").join(" ");
  return { ...state, transcript: withEntry(state, item.id, "user", () => ({ text, status: "done" })) };
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
    case "response.created":
      return onResponseCreated(state, event.response.id);
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

/** @param {State} state @param {string} id @returns {Outcome} */
function onResponseCreated(state, id) {
  const counts = { ...state.counts, responses: state.counts.responses + 1 };
  const speaking = { ...state, response: { id, items: [] }, counts, userSpeaking: false, interrupted: false };
  // An answer that was held is over by now; what is left of it must not hold up the next one.
  return state.paused ? outcome({ ...speaking, paused: false }, { type: "resume" }) : outcome(speaking);
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

/** What was heard of an answer became shorter. @param {State} state @param {ServerEvent} event @returns {State} */
function cutTranscript(state, { item_id: id, transcript: text }) {
  if (typeof text !== "string" || !state.transcript.some((entry) => entry.id === id)) return state;
  return { ...state, transcript: withoutEmpty(withEntry(state, id, "assistant", () => ({ text, status: "cut" }))) };
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
