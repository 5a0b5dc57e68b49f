import assert from "node:assert/strict";
import { test } from "node:test";

import {
  GapMeter,
  GapStatistics,
  InputClock,
  median,
  turnTiming,
} from "../../clients/voicert_clients/page/gap.js";

const CHUNK = 480;

/** A clock over `chunks` of 20 ms that began at `time`. */
function clockFrom(time, chunks) {
  const clock = new InputClock(24000);
  for (let i = 0; i < chunks; i++) clock.advance(CHUNK, time + i * 0.02);
  return clock;
}

test("the session's clock maps to the audio clock", () => {
  const clock = clockFrom(3, 100);
  assert.equal(clock.anchors.length, 1);
  assert.ok(Math.abs(clock.timeOf(24000) - 4) < 1e-9);
});

test("chunks that were not sent shift what comes after them", () => {
  const clock = clockFrom(3, 50);
  for (let i = 0; i < 50; i++) clock.advance(CHUNK, 4.5 + i * 0.02);
  assert.equal(clock.anchors.length, 2);
  assert.ok(Math.abs(clock.timeOf(12000) - 3.5) < 1e-9);
  assert.ok(Math.abs(clock.timeOf(36000) - 5) < 1e-9);
});

test("the map is bounded", () => {
  const clock = new InputClock(24000);
  for (let i = 0; i < 10_000; i++) clock.advance(CHUNK, i * 0.03);
  assert.ok(clock.anchors.length <= 64);
});

test("the gap runs from the end of speech to the first audible sample, devices included", () => {
  const meter = new GapMeter(clockFrom(10, 100));
  const timing = { inputEndMs: 1000, firstAudibleMs: 1140, engineMs: 6 };
  assert.equal(meter.timed("a", timing, 0.03), null);
  const gap = meter.audible("a", 11.2, 0.03);
  assert.ok(gap);
  assert.equal(Math.round(gap.totalMs), 230);
  assert.equal(Math.round(gap.decisionMs), 140);
  assert.equal(Math.round(gap.engineMs), 6);
  assert.equal(Math.round(gap.devicesMs), 30);
  assert.equal(Math.round(gap.restMs), 54);
});

test("speaker and server may report in either order, of the same answer only, once", () => {
  const meter = new GapMeter(clockFrom(0, 100));
  const timing = { inputEndMs: 500, firstAudibleMs: 600, engineMs: 5 };
  assert.equal(meter.audible("a", 0.7, 0), null);
  assert.equal(meter.timed("b", timing, 0), null);
  assert.equal(Math.round(meter.timed("a", timing, 0)?.totalMs ?? 0), 200);
  assert.equal(meter.audible("a", 0.9, 0), null);
});

test("without any input there is no gap", () => {
  const meter = new GapMeter(new InputClock(24000));
  meter.timed("a", { inputEndMs: 0, firstAudibleMs: 100, engineMs: 5 }, 0);
  assert.equal(meter.audible("a", 1, 0), null);
});

test("median and statistics", () => {
  assert.equal(median([]), null);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  const statistics = new GapStatistics();
  assert.deepEqual(statistics.summary(), { count: 0, last: null, medianMs: null });
  for (let i = 1; i <= 250; i++) {
    statistics.add({ totalMs: i, decisionMs: 0, engineMs: 0, devicesMs: 0, restMs: 0 });
  }
  const { count, last, medianMs } = statistics.summary();
  assert.deepEqual([count, last?.totalMs, medianMs], [100, 250, 200.5]);
});

test("the server's timing of a turn, and of an answer to nothing", () => {
  const stages_ms = { queue: 1, encode: 2, model: 3, decode: 4 };
  const event = { input_end_ms: 100, first_audio_ms: 200, first_audible_ms: 220, stages_ms };
  assert.deepEqual(turnTiming(event), { inputEndMs: 100, firstAudibleMs: 220, engineMs: 10 });
  assert.equal(turnTiming({ ...event, input_end_ms: null }), null);
});
