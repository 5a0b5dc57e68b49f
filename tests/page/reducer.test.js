import assert from "node:assert/strict";
import { test } from "node:test";

import { reduce, retryDelayMs } from "../../clients/voicert_clients/page/reducer.js";
import { phaseOf } from "../../clients/voicert_clients/page/state.js";
import { answer, bargeIn, cancelled, completed, open, playback, question, run, server, types } from "./talk.js";

test("a conversation from start to end", () => {
  const { state, effects, phases } = run([...open, ...question, ...answer, ...completed, { type: "end" }]);
  assert.deepEqual(
    [...new Set(phases)],
    ["connecting", "listening", "user-speaking", "assistant-speaking", "idle"],
  );
  assert.deepEqual(types(effects), [
    "prepare",
    "connect",
    "send",
    "prove-later",
    "play",
    "play",
    "finish",
    "flush",
    "disconnect",
    "release",
  ]);
  assert.deepEqual(
    state.transcript.map(({ role, text, status }) => [role, text, status]),
    [
      ["user", "what time", "done"],
      ["assistant", "It is noon.", "done"],
    ],
  );
  assert.deepEqual(effects[2].event.session, { type: "realtime", voicert: { timing: true, playback: true } });
});

test("the page is in the listening state until the speaker plays, and until it has ended", () => {
  const { phases } = run([...open, ...question, ...answer.slice(0, 4)]);
  assert.equal(phases.at(-1), "listening");
  const later = run([...open, ...question, ...answer, ...completed.slice(0, 3)]);
  assert.equal(later.phases.at(-1), "assistant-speaking");
});

test("talking over the answer flushes at once and drops what still arrives of it", () => {
  const before = run([...open, ...question, ...answer]).state;
  const { state, effects, phases } = run([bargeIn, answer[6], answer[5], ...cancelled], before);
  assert.deepEqual(types(effects), ["flush", "settle-later"]);
  assert.equal(phases[0], "interrupted");
  assert.deepEqual(state.counts, { connections: 1, responses: 1, interruptions: 1, flushes: 1, pauses: 0 });
  const line = state.transcript.find(({ id }) => id === "a1");
  assert.deepEqual([line?.text, line?.status], ["It is", "cut"]);
  assert.equal(phaseOf(run([{ type: "settled" }], state).state), "user-speaking");
});

test("reports of the speaker that cross the flush change nothing", () => {
  const before = run([...open, ...question, ...answer.slice(0, 4)]).state;
  const { state } = run([bargeIn, playback("started", "a1"), playback("flushed", "a1")], before);
  assert.equal(state.playing, null);
});

test("the next answer after an interruption plays", () => {
  const before = run([...open, ...question, ...answer, bargeIn, ...cancelled]).state;
  const { effects, phases } = run(
    [
      server("input_audio_buffer.speech_stopped", { item_id: "u2", audio_end_ms: 2600 }),
      server("response.created", { response: { id: "r2" } }),
      server("response.output_audio.delta", { item_id: "a2", delta: "CCCC" }),
      playback("started", "a2"),
    ],
    before,
  );
  assert.deepEqual(effects, [{ type: "play", item: "a2", audio: "CCCC" }]);
  assert.equal(phases.at(-1), "assistant-speaking");
});

test("speech over the tail of a finished answer silences it without calling it interrupted", () => {
  const { state, effects } = run([...open, ...question, ...answer, ...completed.slice(0, 3), bargeIn]);
  assert.equal(types(effects).at(-1), "flush");
  assert.equal(phaseOf(state), "user-speaking");
  assert.equal(state.counts.interruptions, 0);
  assert.equal(state.transcript.find(({ id }) => id === "a1")?.status, "done");
});

test("a response that the server cancels by itself is flushed", () => {
  const { effects } = run([...open, ...question, ...answer, ...cancelled]);
  assert.ok(types(effects).includes("flush"));
});

test("the stop button cancels the response and flushes; once is enough", () => {
  const before = run([...open, ...question, ...answer]).state;
  const { effects, state } = run([{ type: "cancel" }], before);
  assert.deepEqual(types(effects), ["flush", "settle-later", "send"]);
  assert.deepEqual(effects[2].event, { type: "response.cancel", response_id: "r1" });
  const done = run([...cancelled, { type: "cancel" }], state);
  assert.deepEqual(done.effects, []);
  assert.equal(done.state.counts.interruptions, 1);
});

test("the stop button cuts an answer that is over at the server and still plays", () => {
  const before = run([...open, ...question, ...answer, ...completed.slice(0, 3)]).state;
  const { effects, state } = run([{ type: "cancel" }], before);
  assert.deepEqual(effects, [{ type: "truncate", item: "a1" }, { type: "flush" }]);
  const fields = { item_id: "a1", content_index: 0, audio_end_ms: 300, transcript: "It is" };
  const shown = run([server("conversation.item.truncated", fields), { type: "cancel" }], state);
  const line = shown.state.transcript.find(({ id }) => id === "a1");
  assert.deepEqual([line.text, line.status, shown.effects], ["It is", "cut", []]);
});

test("a cancel that came too late is no error; other errors are shown", () => {
  const { state } = run([
    ...open,
    server("error", { error: { code: "response_cancel_not_active", message: "x" } }),
  ]);
  assert.equal(state.notice, null);
  const shown = run(
    [server("error", { error: { code: "invalid_audio", message: "odd byte count" } })],
    state,
  );
  assert.equal(shown.state.notice, "odd byte count");
  assert.equal(phaseOf(shown.state), "listening");
});

test("a lost connection is tried again, later each time, until one holds", () => {
  const lost = { type: "socket-closed", random: 1 };
  let { state, effects, phases } = run([...open, ...question, ...answer, lost]);
  assert.equal(phases.at(-1), "disconnected");
  assert.deepEqual(effects.slice(-2), [{ type: "flush" }, { type: "retry-later", delayMs: 500 }]);
  assert.equal(state.transcript.at(-1).status, "cut");
  const delays = [];
  for (let i = 0; i < 7; i++) {
    ({ state, effects } = run([{ type: "retry" }, lost], state));
    delays.push(effects.at(-1).delayMs);
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  ({ state } = run([{ type: "retry" }, open[2]], state));
  assert.equal(phaseOf(state), "listening");
  ({ effects } = run([lost], state));
  assert.equal(effects.at(-1).delayMs, 15000, "a session that fails at once does not begin the waits anew");
  ({ effects } = run([{ type: "proved" }, lost], state));
  assert.equal(effects.at(-1).delayMs, 500);
});

test("at capacity is told from a lost connection, and the button tries at once", () => {
  const full = server("error", { error: { type: "server_error", code: "at_capacity", message: "full" } });
  const { state, effects, phases } = run([open[0], open[1], full, { type: "socket-closed", random: 0 }]);
  assert.equal(phases.at(-1), "at-capacity");
  assert.equal(effects.at(-1).delayMs, 3750);
  const again = run([{ type: "reconnect" }], state);
  assert.deepEqual([phaseOf(again.state), types(again.effects)], ["connecting", ["connect"]]);
  const gone = run([{ type: "socket-closed", random: 0 }], again.state);
  assert.equal(phaseOf(gone.state), "disconnected");
});

test("delays between attempts are bounded and random", () => {
  for (let attempt = 1; attempt < 60; attempt++) {
    assert.ok(retryDelayMs(attempt, false, 0.999) <= 15_000);
    assert.ok(retryDelayMs(attempt, true, 0) >= 3_750);
  }
  assert.notEqual(retryDelayMs(3, false, 0), retryDelayMs(3, false, 0.5));
});

test("a problem ends the conversation and releases the microphone; start clears it", () => {
  const { state, effects, phases } = run([...open, { type: "problem", code: "microphone-lost", detail: "" }]);
  assert.equal(phases.at(-1), "error");
  assert.deepEqual(types(effects).slice(-3), ["flush", "disconnect", "release"]);
  assert.equal(phaseOf(run([{ type: "start" }], state).state), "connecting");
});

test("after the end, nothing that still arrives wakes the conversation", () => {
  const { phases, effects } = run([...open, { type: "end" }, { type: "socket-closed", random: 0 }]);
  assert.equal(phases.at(-1), "idle");
  assert.equal(types(effects).at(-1), "release");
});

test("a noise in which nothing was understood leaves no line", () => {
  const noise = server("input_audio_buffer.speech_started", { item_id: "u0", audio_start_ms: 0 });
  const nothing = { item_id: "u0", transcript: "" };
  const told = run([
    ...open,
    noise,
    server("conversation.item.input_audio_transcription.completed", nothing),
  ]);
  assert.deepEqual(told.state.transcript, []);
  const untold = run([...open, noise, ...question]);
  assert.deepEqual(
    untold.state.transcript.map(({ id }) => id),
    ["u1"],
  );
});

test("an answer of which nothing was heard leaves no line", () => {
  const none = server("response.output_audio_transcript.done", { item_id: "a1", transcript: "" });
  const { state } = run([...open, ...question, ...answer, bargeIn, cancelled[0], none, cancelled[2]]);
  assert.ok(!state.transcript.some(({ id }) => id === "a1"));
});

test("the transcript is bounded", () => {
  let { state } = run(open);
  for (let i = 0; i < 1000; i++) {
    const event = { item_id: `u${i}`, transcript: `line ${i}` };
    ({ state } = run([server("conversation.item.input_audio_transcription.completed", event)], state));
  }
  assert.equal(state.transcript.length, 300);
  assert.equal(state.transcript.at(-1).text, "line 999");
});

test("unknown events are ignored", () => {
  const { state } = run(open);
  assert.deepEqual(reduce(state, server("rate_limits.updated")), { state, effects: [] });
});

test("talking over the tail of an answer cuts its transcript", () => {
  const { state } = run([...open, ...question, ...answer, ...completed.slice(0, 3), bargeIn]);
  const cut = server("conversation.item.truncated", { item_id: "a1", audio_end_ms: 200, transcript: "It is" });
  const line = run([cut], state).state.transcript.find(({ id }) => id === "a1");
  assert.deepEqual([line.text, line.status], ["It is", "cut"]);
  const { transcript, ...plain } = cut.event;
  assert.equal(run([{ type: "server", event: plain }], state).state, state);
});
