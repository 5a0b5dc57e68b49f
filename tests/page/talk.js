// A conversation for the reducer's tests: actions, and what the server says in them.

import { reduce } from "../../clients/voicert_clients/page/reducer.js";
import { initialState, phaseOf } from "../../clients/voicert_clients/page/state.js";

/** Runs actions from the state given. @returns {{ state: object, effects: object[], phases: string[] }} */
export function run(actions, state = initialState()) {
  const effects = [];
  const phases = [];
  for (const action of actions) {
    const outcome = reduce(state, action);
    state = outcome.state;
    effects.push(...outcome.effects);
    phases.push(phaseOf(state));
  }
  return { state, effects, phases };
}

export const server = (type, fields = {}) => ({ type: "server", event: { type, event_id: "event_1", ...fields } });
export const playback = (notice, item) => ({ type: "playback", notice, item });
export const types = (effects) => effects.map(({ type }) => type);

export const open = [{ type: "start" }, { type: "ready" }, server("session.created", { session: {} })];
export const question = [
  server("input_audio_buffer.speech_started", { item_id: "u1", audio_start_ms: 100 }),
  server("conversation.item.input_audio_transcription.delta", { item_id: "u1", delta: "what" }),
  server("conversation.item.input_audio_transcription.delta", { item_id: "u1", delta: " time" }),
  server("input_audio_buffer.speech_stopped", { item_id: "u1", audio_end_ms: 900 }),
  server("conversation.item.input_audio_transcription.completed", { item_id: "u1", transcript: "what time" }),
];
export const answer = [
  server("response.created", { response: { id: "r1" } }),
  server("response.output_item.added", { item: { id: "a1" } }),
  server("response.output_audio_transcript.delta", { item_id: "a1", delta: "It is" }),
  server("response.output_audio.delta", { item_id: "a1", delta: "AAAA" }),
  playback("started", "a1"),
  server("response.output_audio_transcript.delta", { item_id: "a1", delta: " noon." }),
  server("response.output_audio.delta", { item_id: "a1", delta: "BBBB" }),
];
export const completed = [
  server("response.output_audio.done", { item_id: "a1" }),
  server("response.output_audio_transcript.done", { item_id: "a1", transcript: "It is noon." }),
  server("response.done", { response: { id: "r1", status: "completed", output: [{ id: "a1" }] } }),
  playback("ended", "a1"),
];
export const cancelled = [
  server("response.output_audio.done", { item_id: "a1" }),
  server("response.output_audio_transcript.done", { item_id: "a1", transcript: "It is" }),
  server("response.done", { response: { id: "r1", status: "cancelled", output: [{ id: "a1" }] } }),
];
export const bargeIn = server("input_audio_buffer.speech_started", { item_id: "u2", audio_start_ms: 2000 });
