// @ts-check
// What the page knows, and what it is called. Plain data.

/**
 * @typedef {"idle" | "connecting" | "listening" | "user-speaking" | "assistant-speaking" | "paused" | "interrupted"
 *   | "at-capacity" | "disconnected" | "error"} Phase
 */

/** @typedef {{ code: string, detail: string }} Problem see problems.js for the codes */

/**
 * @typedef {object} Entry one line of the transcript
 * @property {string} id the item's id
 * @property {"user" | "assistant"} role
 * @property {string} text
 * @property {"live" | "done" | "cut"} status
 * @property {number} conversation which connection it belongs to, counted from 1
 */

/**
 * @typedef {object} State
 * @property {"off" | "preparing" | "connecting" | "open" | "waiting"} link
 * @property {boolean} full the server had no place left
 * @property {number} attempts to connect, since a connection last held for a while
 * @property {number | null} retryInMs how long the page waits before the next one
 * @property {Problem | null} problem keeps a conversation from starting
 * @property {string | null} notice a remark that does not end the conversation
 * @property {boolean} muted
 * @property {boolean} soundPaused by the browser: nothing is heard or played
 * @property {boolean} userSpeaking as the server hears it
 * @property {{ id: string, items: string[] } | null} response the one the server is making
 * @property {string | null} playing the item that the speaker plays
 * @property {string[]} dropped items that were flushed; whatever still arrives of them is not played
 * @property {boolean} paused the speaker holds the answer until the server knows whether it is interrupted
 * @property {boolean} interrupts the server cancels an answer that the person talks over
 * @property {boolean} typing the model reads typed text
 * @property {boolean} interrupted a moment ago
 * @property {Entry[]} transcript
 * @property {{ connections: number, responses: number, interruptions: number, flushes: number, pauses: number }} counts
 */

/** The transcript keeps as many lines; the oldest go first. */
const TRANSCRIPT_LINES = 300;

/** @returns {State} */
export function initialState() {
  return {
    link: "off",
    full: false,
    attempts: 0,
    retryInMs: null,
    problem: null,
    notice: null,
    muted: false,
    soundPaused: false,
    userSpeaking: false,
    response: null,
    playing: null,
    dropped: [],
    paused: false,
    interrupts: true,
    typing: true,
    interrupted: false,
    transcript: [],
    counts: { connections: 0, responses: 0, interruptions: 0, flushes: 0, pauses: 0 },
  };
}

/** @param {State} state @returns {Phase} */
export function phaseOf(state) {
  if (state.problem) return "error";
  if (state.link === "off") return "idle";
  if (state.link === "waiting") return state.full ? "at-capacity" : "disconnected";
  if (state.link !== "open") return "connecting";
  if (state.interrupted) return "interrupted";
  if (state.paused) return "paused";
  if (state.userSpeaking) return "user-speaking";
  return state.playing === null ? "listening" : "assistant-speaking";
}

/**
 * The transcript with one line changed, or added at its end.
 * @param {State} state
 * @param {string} id
 * @param {"user" | "assistant"} role
 * @param {(entry: Entry) => Partial<Entry>} change
 * @returns {Entry[]}
 */
export function withEntry(state, id, role, change) {
  if (state.transcript.some((entry) => entry.id === id)) {
    return state.transcript.map((entry) => (entry.id === id ? { ...entry, ...change(entry) } : entry));
  }
  /** @type {Entry} */
  const entry = { id, role, text: "", status: "live", conversation: state.counts.connections };
  return [...state.transcript, { ...entry, ...change(entry) }].slice(-TRANSCRIPT_LINES);
}

/** Lines in which nothing was said are no lines. @param {readonly Entry[]} entries @returns {Entry[]} */
export function withoutEmpty(entries) {
  return entries.filter((entry) => entry.text.trim() !== "");
}
