import assert from "node:assert/strict";
import { test } from "node:test";

import { JitterBuffer } from "../../clients/voicert_clients/page/jitter-buffer.js";

const FRAME = 480; // 20 ms
const BLOCK = 128; // what an AudioWorklet renders at a time
const FADE = 120; // 5 ms

/** @param {number} start @param {number} length numbers that tell where in the item a sample stood */
const ramp = (start, length) => Float32Array.from({ length }, (_, i) => 0.1 + (start + i) / 100_000);

/** Pull `samples`, in blocks. @returns {{ sound: Float32Array, notices: object[] }} */
function pull(buffer, samples) {
  const sound = new Float32Array(samples);
  const notices = [];
  for (let at = 0; at < samples; at += BLOCK) {
    notices.push(...buffer.pull(sound.subarray(at, Math.min(samples, at + BLOCK))));
  }
  return { sound, notices };
}

/** @returns {JitterBuffer} which has played `played` samples of ten frames */
function playing(played) {
  const buffer = new JitterBuffer({ targetMs: 20 });
  for (let i = 0; i < 10; i++) buffer.push("a", ramp(i * FRAME, FRAME));
  pull(buffer, played);
  return buffer;
}

/** @param {Float32Array} actual @param {Float32Array} expected */
function assertClose(actual, expected) {
  assert.equal(actual.length, expected.length);
  assert.ok(actual.every((sample, i) => Math.abs(sample - expected[i]) < 1e-6));
}

test("a pause falls silent within 5 ms, keeps what waits, and tells where it stopped", () => {
  const buffer = playing(700);
  buffer.pause();
  const { sound, notices } = pull(buffer, 4 * FRAME);
  assert.deepEqual(notices, [{ type: "paused", item: "a", position: 700, offset: 0 }]);
  assert.ok(sound[0] > 0.1);
  assert.ok(sound.subarray(FADE).every((sample) => sample === 0));
  assert.equal(buffer.queued, 10 * FRAME - 700);
  assert.equal(buffer.item, "a");
});

test("it resumes at the same sample: what faded out fades in", () => {
  const buffer = playing(700);
  buffer.pause();
  const { sound: out } = pull(buffer, 4 * FRAME);
  buffer.resume();
  const { sound: back, notices } = pull(buffer, 10 * FRAME - 700);
  assert.deepEqual(notices[0], { type: "resumed", item: "a", position: 700, offset: 0 });
  for (let i = 0; i < FADE; i++) back[i] += out[i];
  assertClose(back, ramp(700, 10 * FRAME - 700));
  assert.equal(buffer.position, 10 * FRAME);
});

test("a flush while it is held says the position of the pause", () => {
  const buffer = playing(700);
  buffer.pause();
  pull(buffer, 1000);
  buffer.flush();
  const { sound, notices } = pull(buffer, 1000);
  assert.deepEqual(notices, [{ type: "flushed", item: "a", position: 700, offset: 0 }]);
  assert.ok(sound.every((sample) => sample === 0));
  assert.equal(buffer.paused, false);
});

test("pausing twice, or resuming what plays, is nothing", () => {
  const buffer = playing(700);
  buffer.resume();
  buffer.pause();
  buffer.pause();
  const { notices } = pull(buffer, 1000);
  assert.deepEqual(
    notices.map(({ type }) => type),
    ["paused"],
  );
});

test("lag is taken back in silence, and nowhere else", () => {
  const buffer = new JitterBuffer({ targetMs: 30 });
  const quiet = new Float32Array(FRAME);
  let pushed = 0;
  const push = () => {
    buffer.push("a", pushed % 10 < 5 ? ramp(0, FRAME) : quiet);
    pushed += 1;
  };
  for (let i = 0; i < 12; i++) push();
  let loud = 0;
  for (let i = 0; i < 200; i++) {
    loud += pull(buffer, FRAME).sound.filter((sample) => sample !== 0).length;
    push();
  }
  assert.ok(buffer.counts.shortened >= 8 * FRAME);
  assert.ok(buffer.queued <= 3 * 30 * 24);
  assert.equal(buffer.counts.dropped, 0);
  loud += pull(buffer, buffer.queued).sound.filter((sample) => sample !== 0).length;
  assert.ok(loud >= Math.floor(pushed / 10) * 5 * FRAME);
  assert.equal(buffer.position, pushed * FRAME);
});
