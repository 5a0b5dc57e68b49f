// @ts-check
// What the page's logic asks of the shell (conversation.js), and how it falls silent.

/** @typedef {import("./state.js").State} State */

/** @typedef {{ type: string, [key: string]: any }} ServerEvent an event of the Realtime protocol */

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
 *   | { type: "pause" }
 *   | { type: "resume" }
 *   | { type: "truncate", item: string }
 *   | { type: "flush" }} Effect
 */

/** @typedef {{ state: State, effects: Effect[] }} Outcome */

/** Items flushed lately; the server's last deltas of one arrive within a round trip. */
const DROPPED_ITEMS = 16;

/** @param {State} state @param {Effect[]} effects @returns {Outcome} */
export const outcome = (state, ...effects) => ({ state, effects });

/**
 * Fall silent: what is queued is dropped, and whatever still arrives of it.
 * @param {State} state
 * @returns {Outcome}
 */
export function interrupt(state) {
  const inProgress = state.response !== null;
  const items = [...(state.response?.items ?? []), ...(state.playing === null ? [] : [state.playing])];
  const dropped = [...new Set([...state.dropped, ...items])].slice(-DROPPED_ITEMS);
  const interruptions = state.counts.interruptions + (inProgress ? 1 : 0);
  const counts = { ...state.counts, interruptions, flushes: state.counts.flushes + 1 };
  const silent = { ...state, playing: null, paused: false, dropped, counts };
  if (!inProgress) return outcome(silent, { type: "flush" });
  return outcome({ ...silent, interrupted: true }, { type: "flush" }, { type: "settle-later" });
}

/**
 * What the person asked for: silence, and an answer that ends. Of one whose end is here already the rest is cut.
 * @param {State} state
 * @returns {Outcome}
 */
export function cancel(state) {
  const stopped = interrupt(state);
  if (!state.response) {
    if (state.playing === null) return outcome(state);
    return outcome(stopped.state, { type: "truncate", item: state.playing }, ...stopped.effects);
  }
  const event = { type: "response.cancel", response_id: state.response.id };
  return outcome(stopped.state, ...stopped.effects, { type: "send", event });
}
