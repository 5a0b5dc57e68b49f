import assert from "node:assert/strict";
import { test } from "node:test";

import { JitterBuffer } from "../../clients/voicert_clients/page/jitter-buffer.js";

const FRAME = 480; // 20 ms
const BLOCK = 128; // what an AudioWorklet renders at a time

/** @param {number} start @param {number} length numbers that tell where in the item a sample stood */
const ramp = (start, length) => Float32Array.from({ length }, (_, i) => 0.1 + (start + i) / 100_000);

/** Pull `samples`, in blocks. @returns {{ sound: Float32Array, notices: object[] }} offsets count from the start */
function pull(buffer, samples, block = BLOCK) {
  const sound = new Float32Array(samples);
  const notices = [];
  for (let at = 0; at < samples; at += block) {
    const out = sound.subarray(at, Math.min(samples, at + block));
    for (const notice of buffer.pull(out)) notices.push({ ...notice, offset: notice.offset + at });
  }
  return { sound, notices };
}

/** @param {Float32Array} sound */
const firstSound = (sound) => sound.findIndex((sample) => sample !== 0);

test("an item comes out exactly as it went in, whatever the block size", () => {
  for (const block of [1, 7, BLOCK, 480, 4000]) {
    const buffer = new JitterBuffer({ targetMs: 30 });
    for (let i = 0; i < 10; i++) buffer.push("a", ramp(i * FRAME, FRAME));
    buffer.finish("a");
    const { sound, notices } = pull(buffer, 11 * FRAME, block);
    assert.deepEqual(sound.subarray(0, 10 * FRAME), ramp(0, 10 * FRAME));
    assert.deepEqual(
      notices.map(({ type, position, offset }) => [type, position, offset]),
      [
        ["started", 0, 0],
        ["audible", 0, 0],
        ["ended", 10 * FRAME, 10 * FRAME],
      ],
    );
    assert.equal(buffer.counts.played, 10 * FRAME);
  }
});

test("the first sample waits until queue and wait make up the target", () => {
  for (const [targetMs, waitedMs] of [
    [20, 0],
    [30, 10],
    [45, 25],
  ]) {
    const buffer = new JitterBuffer({ targetMs });
    pull(buffer, 1000);
    buffer.push("a", ramp(0, FRAME));
    const { sound } = pull(buffer, 2 * FRAME);
    assert.equal(firstSound(sound), waitedMs * 24);
  }
});

test("an item shorter than the target does not wait", () => {
  const buffer = new JitterBuffer({ targetMs: 100 });
  buffer.push("a", ramp(0, 100));
  buffer.finish("a");
  assert.equal(firstSound(pull(buffer, 500).sound), 0);
});

test("the first audible sample is the first above -50 dBFS", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  const samples = new Float32Array(FRAME).fill(0.003);
  samples[300] = -0.0032;
  buffer.push("a", samples);
  const { notices } = pull(buffer, FRAME);
  assert.deepEqual(
    notices.find(({ type }) => type === "audible"),
    {
      type: "audible",
      item: "a",
      position: 300,
      offset: 300,
    },
  );
});

test("each underrun adds 5 ms, and nothing is lost", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  buffer.push("a", ramp(0, FRAME));
  const before = pull(buffer, FRAME + 240).sound;
  assert.deepEqual(before.subarray(0, FRAME), ramp(0, FRAME));
  buffer.push("a", ramp(FRAME, FRAME));
  assert.equal(buffer.counts.underruns, 1);
  assert.equal(buffer.target, 25 * 24);
  const after = pull(buffer, 3 * FRAME).sound;
  const start = firstSound(after);
  assert.equal(start, 5 * 24); // waited the 5 ms
  assert.deepEqual(after.subarray(start + 120, start + FRAME), ramp(FRAME + 120, FRAME - 120));
  assert.equal(buffer.counts.played, 2 * FRAME);
});

test("sound breaks off and comes back without a step", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  buffer.push("a", new Float32Array(FRAME).fill(0.5));
  const first = pull(buffer, 2 * FRAME).sound;
  buffer.push("a", new Float32Array(FRAME).fill(0.5));
  const second = pull(buffer, FRAME).sound;
  const sound = [...first.subarray(1), ...second];
  const steps = sound.slice(1).map((sample, i) => Math.abs(sample - sound[i]));
  assert.ok(Math.max(...steps) < 0.5 / 100);
});

test("the end of an item is no underrun", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  buffer.push("a", ramp(0, FRAME));
  pull(buffer, 2 * FRAME);
  buffer.finish("a");
  const { notices } = pull(buffer, FRAME);
  assert.deepEqual(
    notices.map(({ type, position }) => [type, position]),
    [["ended", FRAME]],
  );
  buffer.push("b", ramp(0, FRAME));
  assert.equal(buffer.counts.underruns, 0);
});

test("above the bound the oldest samples go, and the position knows", () => {
  const buffer = new JitterBuffer({ targetMs: 40, boundMs: 200 });
  for (let i = 0; i < 11; i++) buffer.push("a", ramp(i * FRAME, FRAME));
  assert.equal(buffer.queued, 40 * 24);
  assert.equal(buffer.counts.dropped, 9 * FRAME);
  const { sound, notices } = pull(buffer, FRAME);
  assert.deepEqual(sound, ramp(9 * FRAME, FRAME));
  assert.equal(notices[0].position, 9 * FRAME);
  assert.equal(buffer.position, 10 * FRAME);
});

test("a flush fades within 5 ms, says how far it came, and leaves nothing", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  for (let i = 0; i < 5; i++) buffer.push("a", new Float32Array(FRAME).fill(0.8));
  pull(buffer, 1000);
  buffer.flush();
  const { sound, notices } = pull(buffer, 2 * FRAME);
  assert.deepEqual(notices, [{ type: "flushed", item: "a", position: 1120, offset: 0 }]);
  assert.ok(sound[0] > 0.79 && sound[60] < 0.41 && sound[60] > 0.35);
  assert.ok(sound.subarray(119).every((sample) => sample === 0));
  assert.equal(buffer.queued, 0);
  assert.equal(buffer.item, null);
});

test("a flush of an item that never started reports nothing heard", () => {
  const buffer = new JitterBuffer({ targetMs: 100 });
  buffer.push("a", ramp(0, FRAME));
  buffer.flush();
  const { sound, notices } = pull(buffer, FRAME);
  assert.deepEqual(notices, [{ type: "flushed", item: "a", position: 0, offset: 0 }]);
  assert.ok(sound.every((sample) => sample === 0));
});

test("a flush of nothing is nothing", () => {
  const buffer = new JitterBuffer();
  buffer.flush();
  assert.deepEqual(pull(buffer, FRAME).notices, []);
});

test("after a flush the next item plays from its beginning", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  buffer.push("a", ramp(0, 2 * FRAME));
  pull(buffer, 300);
  buffer.flush();
  pull(buffer, FRAME);
  buffer.push("b", ramp(0, FRAME));
  const { sound, notices } = pull(buffer, FRAME);
  assert.deepEqual(sound, ramp(0, FRAME));
  assert.deepEqual(notices[0], { type: "started", item: "b", position: 0, offset: 0 });
});

test("two items in a row end and start at the sample between them", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  buffer.push("a", ramp(0, FRAME));
  buffer.finish("a");
  buffer.push("b", ramp(0, FRAME));
  buffer.finish("b");
  const { notices } = pull(buffer, 3 * FRAME);
  assert.deepEqual(
    notices.filter(({ type }) => type !== "audible").map(({ type, item, offset }) => [type, item, offset]),
    [
      ["started", "a", 0],
      ["ended", "a", FRAME],
      ["started", "b", FRAME],
      ["ended", "b", 2 * FRAME],
    ],
  );
});

test("a long clean stretch takes the 5 ms back, not below the first target", () => {
  const buffer = new JitterBuffer({ targetMs: 20 });
  buffer.push("a", ramp(0, FRAME));
  pull(buffer, 2 * FRAME);
  buffer.push("a", ramp(FRAME, FRAME));
  assert.equal(buffer.target, 25 * 24);
  for (let i = 0; i < 600; i++) {
    buffer.push("a", ramp(0, FRAME));
    buffer.pull(new Float32Array(FRAME));
  }
  assert.equal(buffer.target, 20 * 24);
});

test("it never holds more than its bound", () => {
  const buffer = new JitterBuffer({ targetMs: 30, boundMs: 400 });
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < 3000; i++) {
    if (random() < 0.6) buffer.push("a", ramp(0, Math.ceil(random() * 2000)));
    if (random() < 0.05) buffer.flush();
    const out = new Float32Array(Math.ceil(random() * 500));
    buffer.pull(out);
    assert.ok(buffer.queued <= 400 * 24);
    assert.equal(
      buffer.queued,
      buffer.queue.queue.reduce((sum, { samples }) => sum + samples.length, 0),
    );
    assert.ok(out.every((sample) => Number.isFinite(sample) && Math.abs(sample) <= 1));
  }
});
