import assert from "node:assert/strict";
import { test } from "node:test";

import { phaseOf } from "../../clients/voicert_clients/page/state.js";
import { answer, bargeIn, cancelled, completed, open, playback, question, run, server, types } from "./talk.js";

const paused = server("voicert.response.paused", { response_id: "r1", item_id: "a1", audio_end_ms: 120 });
const resumed = server("voicert.response.resumed", { response_id: "r1", item_id: "a1" });

test("an answer that may be interrupted is held, and goes on", () => {
  const { state } = run([...open, ...question, ...answer]);
  const held = run([paused], state);
  assert.deepEqual(held.effects, [{ type: "pause" }]);
  assert.deepEqual(held.phases, ["paused"]);
  const on = run([playback("paused", "a1"), resumed, playback("resumed", "a1")], held.state);
  assert.deepEqual(on.effects, [{ type: "resume" }]);
  assert.equal(phaseOf(on.state), "assistant-speaking");
  assert.deepEqual([on.state.counts.pauses, on.state.counts.interruptions], [1, 0]);
  const end = run(completed, on.state);
  assert.equal(end.state.transcript.at(-1).status, "done");
});

test("an answer that is held and then interrupted is flushed", () => {
  const { state, effects, phases } = run([...open, ...question, ...answer, paused, bargeIn, ...cancelled]);
  assert.deepEqual(types(effects).slice(-3), ["pause", "flush", "settle-later"]);
  assert.equal(state.paused, false);
  assert.ok(phases.includes("interrupted"));
  assert.equal(state.transcript.find(({ id }) => id === "a1").status, "cut");
});

test("a pause of what was dropped already, or of nothing, is ignored", () => {
  assert.deepEqual(run([...open, paused]).effects.filter(({ type }) => type === "pause"), []);
  const { state } = run([...open, ...question, ...answer, bargeIn]);
  assert.deepEqual(run([paused], state).effects, []);
});

test("the next answer is not held up by a pause of the last one", () => {
  const { state } = run([...open, ...question, ...answer, paused, ...completed.slice(0, 3)]);
  const { state: next, effects } = run([server("response.created", { response: { id: "r2" } })], state);
  assert.deepEqual(types(effects), ["resume"]);
  assert.equal(next.paused, false);
});

for (const detection of [{ type: "server_vad", interrupt_response: false }, null]) {
  test(`where the server does not interrupt the answer is not flushed: ${JSON.stringify(detection)}`, () => {
    const session = { audio: { input: { turn_detection: detection } } };
    const opened = [{ type: "start" }, { type: "ready" }, server("session.created", { session })];
    const { state, effects } = run([...opened, ...question, ...answer, bargeIn]);
    assert.ok(!types(effects).includes("flush"));
    assert.equal(state.playing, "a1");
    const update = server("session.updated", { session: {} });
    const second = server("input_audio_buffer.speech_started", { item_id: "u3", audio_start_ms: 3000 });
    assert.ok(types(run([update, second], state).effects).includes("flush"));
  });
}

test("typed text is sent with a wish for an answer, and shown when the server has it", () => {
  const { state, effects } = run([...open, { type: "say", text: "  what time  " }]);
  const item = { type: "message", role: "user", content: [{ type: "input_text", text: "what time" }] };
  assert.deepEqual(
    effects.slice(-2).map(({ event }) => event),
    [{ type: "conversation.item.create", item }, { type: "response.create" }],
  );
  const added = server("conversation.item.added", { item: { id: "t1", ...item } });
  const shown = run([added], state).state.transcript.at(-1);
  assert.deepEqual([shown.role, shown.text, shown.status], ["user", "what time", "done"]);
});

test("typed text stops the answer first", () => {
  const { state } = run([...open, ...question, ...answer]);
  const sent = run([{ type: "say", text: "stop it" }], state).effects.filter(({ type }) => type === "send");
  assert.deepEqual(
    sent.map(({ event }) => event.type),
    ["response.cancel", "conversation.item.create", "response.create"],
  );
});

test("nothing typed is nothing sent, and without a connection nothing is", () => {
  assert.deepEqual(types(run([...open, { type: "say", text: " " }]).effects), types(run(open).effects));
  assert.deepEqual(run([{ type: "say", text: "hello" }]).effects, []);
});

test("items that are not typed text make no line", () => {
  const spoken = { id: "u1", role: "user", content: [{ type: "input_audio", transcript: null }] };
  const added = server("conversation.item.added", { item: spoken });
  assert.deepEqual(run([...open, added]).state.transcript, []);
});

test("a model that does not read text has no text box", () => {
  const session = (capabilities) => server("session.created", { session: { voicert: { capabilities } } });
  assert.equal(run([session(["typed_text"])]).state.typing, true);
  assert.equal(run([session([])]).state.typing, false);
});
