import assert from "node:assert/strict";
import { test } from "node:test";

import {
  fromBase64,
  fromPcm16,
  loudness,
  rms,
  toBase64,
  toPcm16,
} from "../../clients/voicert_clients/page/pcm.js";
import { Resampler } from "../../clients/voicert_clients/page/resampler.js";

/** @param {number} hz @param {number} rate @param {number} length */
const tone = (hz, rate, length) =>
  Float32Array.from({ length }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));

for (const [from, to] of [
  [48000, 24000],
  [44100, 24000],
  [16000, 24000],
  [24000, 44100],
  [24000, 48000],
]) {
  test(`${from} → ${to} Hz: a tone keeps its time, pitch and level`, () => {
    for (const hz of [100, 1000, 6000]) {
      const out = new Resampler(from, to).push(tone(hz, from, from));
      const expected = tone(hz, to, out.length);
      let worst = 0;
      for (let i = 200; i < out.length; i++) worst = Math.max(worst, Math.abs(out[i] - expected[i]));
      assert.ok(worst < 0.002, `${hz} Hz differs by ${worst}`);
      assert.ok(out.length > to - 100 && out.length <= to);
    }
  });

  test(`${from} → ${to} Hz: any split gives the same samples`, () => {
    const input = tone(777, from, 9000);
    const whole = new Resampler(from, to).push(input);
    for (const sizes of [[128], [1, 2, 3], [480, 1000, 1]]) {
      const resampler = new Resampler(from, to);
      const parts = [];
      for (let at = 0, turn = 0; at < input.length; turn++) {
        const size = sizes[turn % sizes.length];
        parts.push(...resampler.push(input.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(Float32Array.from(parts), whole);
    }
  });
}

test("what lies above the new Nyquist frequency does not fold back", () => {
  for (const hz of [13_000, 16_000, 20_000]) {
    const out = new Resampler(48000, 24000).push(tone(hz, 48000, 48000));
    assert.ok(rms(out.subarray(200)) < 0.001, `${hz} Hz leaves ${rms(out.subarray(200))}`);
  }
});

test("equal rates pass through", () => {
  const input = tone(440, 24000, 500);
  assert.deepEqual(new Resampler(24000, 24000).push(input), input);
});

test("a rate that is not a whole number is refused", () => {
  assert.throws(() => new Resampler(44100.5, 24000), RangeError);
  assert.throws(() => new Resampler(48000, 0), RangeError);
});

test("decode(encode(samples)) == samples, and pcm16 is little-endian", () => {
  const pcm = Int16Array.from([0, 1, -1, 32767, -32768, 258]);
  assert.deepEqual(fromBase64(toBase64(pcm)), pcm);
  assert.equal(toBase64(Int16Array.from([258])), Buffer.from([2, 1]).toString("base64"));
  const long = toPcm16(tone(300, 24000, 50_000));
  assert.deepEqual(fromBase64(toBase64(long)), long);
  assert.deepEqual(toPcm16(Float32Array.from([2, -2, 0.5])), Int16Array.from([32767, -32767, 16384]));
  assert.deepEqual(fromPcm16(Int16Array.from([-32768, 16384])), Float32Array.from([-1, 0.5]));
});

test("loudness runs from a quiet room to a loud voice", () => {
  assert.equal(loudness(0), 0);
  assert.equal(loudness(0.0005), 0);
  assert.equal(loudness(1), 1);
  assert.ok(loudness(0.01) > 0.3 && loudness(0.01) < 0.5);
});
