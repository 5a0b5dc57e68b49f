import assert from "node:assert/strict";
import { test } from "node:test";

import { realtimeUrl } from "../../clients/voicert_clients/page/connection.js";
import {
  browserProblem,
  helpFor,
  microphoneProblem,
  wantsKey,
} from "../../clients/voicert_clients/page/problems.js";
import { firstTargetMs } from "../../clients/voicert_clients/page/speaker.js";
import { initialState } from "../../clients/voicert_clients/page/state.js";
import { remarkFor, wordsFor } from "../../clients/voicert_clients/page/words.js";

const place = { host: "box.lan", port: "8400", reachable: true };

test("every failure of the microphone says what to do", () => {
  const said = new Set();
  const names = ["NotAllowedError", "NotFoundError", "NotReadableError", "TypeError"];
  for (const name of names) {
    const { title, advice, action } = helpFor(microphoneProblem({ name, message: "why" }), {
      ...place,
      detail: "why",
    });
    assert.ok(title.length > 10 && advice.length > 10 && action.length > 3);
    said.add(title);
  }
  assert.equal(said.size, names.length);
  assert.equal(
    microphoneProblem({ name: "NotAllowedError", message: "Permission denied by system" }),
    "blocked-by-system",
  );
});

test("an insecure address is told with the address that works", () => {
  const browser = { isSecureContext: false, hasWorklet: false, hasMicrophone: false };
  assert.equal(browserProblem(browser), "insecure-origin");
  const { advice } = helpFor("insecure-origin", { ...place, detail: "" });
  assert.match(advice, /http:\/\/localhost:8400/);
  assert.match(advice, /https:\/\/box\.lan:8400/);
  assert.equal(browserProblem({ ...browser, isSecureContext: true, hasMicrophone: true }), "no-worklet");
  assert.equal(browserProblem({ isSecureContext: true, hasWorklet: true, hasMicrophone: true }), null);
});

test("a broken connection, a dead server and a refusing one are told apart", () => {
  const waiting = { ...initialState(), link: "waiting" };
  const held = { ...waiting, counts: { ...waiting.counts, connections: 1 } };
  const advice = new Set([
    wordsFor(held, place).advice,
    wordsFor(held, { ...place, reachable: false }).advice,
    wordsFor(waiting, place).advice,
    wordsFor({ ...waiting, full: true }, place).advice,
  ]);
  assert.equal(advice.size, 4);
});

test("a button is offered when, and only when, there is something to press it for", () => {
  const state = initialState();
  assert.equal(wordsFor(state, place).action, "Start talking");
  assert.equal(wordsFor({ ...state, link: "open" }, place).action, null);
  assert.equal(wordsFor({ ...state, link: "waiting" }, place).action, "Reconnect now");
});

test("the WebSocket is beside the page, as secure as it", () => {
  assert.equal(realtimeUrl("http://127.0.0.1:8400/?x=1#y"), "ws://127.0.0.1:8400/v1/realtime");
  assert.equal(realtimeUrl("https://box.lan/voice/"), "wss://box.lan/voice/v1/realtime");
});

test("the buffer is short when the server is on this computer", () => {
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) assert.equal(firstTargetMs(host), 30);
  assert.equal(firstTargetMs("box.lan"), 60);
});

test("paused sound is told while it lasts, before anything else", () => {
  const state = { ...initialState(), link: "open", notice: "odd byte count" };
  assert.equal(remarkFor(state), "odd byte count");
  assert.match(remarkFor({ ...state, soundPaused: true }) ?? "", /Click anywhere/);
  assert.equal(remarkFor({ ...state, soundPaused: true, link: "off", notice: null }), null);
});

test("what a key would solve is told from the rest", () => {
  assert.ok(wantsKey({ code: "key-needed" }) && wantsKey({ code: "key-refused" }));
  assert.ok(!wantsKey({ code: "no-device" }) && !wantsKey(null));
  for (const code of ["key-needed", "key-refused"]) assert.equal(helpFor(code, place).action, "Connect");
});

test("an answer that is held is told", () => {
  const held = { ...initialState(), link: "open", playing: "a1", paused: true };
  assert.equal(wordsFor(held, place).title, "One moment");
});
