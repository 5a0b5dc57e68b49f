// @ts-check
// A streaming resampler for browsers whose audio does not run at 24 kHz: a linear-phase windowed sinc,
// evaluated at the exact rational position of every output sample.
//
//   input   x0   x1   x2   x3   x4 …        rate = M / L input samples per output sample
//   output  y0      y1      y2 …            y[n] sits at input position n·M/L, so output time = input time;
//                                           the filter is centred and waits for `half` input samples.

const ZERO_CROSSINGS = 16;
const KAISER_BETA = 8;
/** The pass band ends here, as a part of the lower Nyquist frequency. */
const PASS_BAND = 0.92;

/** @param {number} x @returns {number} modified Bessel function of the first kind, order 0 */
function bessel0(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** @param {number} a @param {number} b @returns {number} */
function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * @param {number} x in input samples
 * @param {number} cutoff as a part of the input's Nyquist frequency
 * @param {number} half width in input samples
 */
function tap(x, cutoff, half) {
  if (Math.abs(x) >= half) return 0;
  const angle = Math.PI * x * cutoff;
  const sinc = x === 0 ? 1 : Math.sin(angle) / angle;
  const window = bessel0(KAISER_BETA * Math.sqrt(1 - (x / half) ** 2)) / bessel0(KAISER_BETA);
  return cutoff * sinc * window;
}

export class Resampler {
  /**
   * @param {number} fromHz whole number
   * @param {number} toHz whole number
   * @throws {RangeError} when a rate is not a positive whole number
   */
  constructor(fromHz, toHz) {
    if (!(Number.isInteger(fromHz) && Number.isInteger(toHz) && fromHz > 0 && toHz > 0)) {
      throw new RangeError(`cannot resample from ${fromHz} Hz to ${toHz} Hz`);
    }
    const common = greatestCommonDivisor(fromHz, toHz);
    this.up = toHz / common; // L
    this.down = fromHz / common; // M
    this.same = fromHz === toHz;
    const narrower = Math.min(1, toHz / fromHz);
    this.half = Math.ceil(ZERO_CROSSINGS / narrower);
    this.taps = this.makeTaps(narrower * PASS_BAND);
    /** Input not yet used up; it begins with `half` zeros so that y[0] sits on x[0]. */
    this.pending = new Float32Array(this.half);
    /** Where in `pending` the next output's taps begin, in units of 1/L input sample. */
    this.phase = 0;
  }

  /** @param {number} cutoff @returns {Float32Array[]} a row of 2·half taps per phase, with unit gain at DC */
  makeTaps(cutoff) {
    const rows = [];
    for (let phase = 0; phase < this.up; phase++) {
      const row = new Float32Array(2 * this.half);
      let sum = 0;
      for (let k = 0; k < row.length; k++) {
        row[k] = tap(k - this.half - phase / this.up, cutoff, this.half);
        sum += row[k];
      }
      rows.push(row.map((value) => value / sum));
    }
    return rows;
  }

  /**
   * @param {Float32Array} input any length
   * @returns {Float32Array} the outputs that this input completes, in order
   */
  push(input) {
    if (this.same) return input.slice();
    const all = new Float32Array(this.pending.length + input.length);
    all.set(this.pending);
    all.set(input, this.pending.length);
    /** @type {number[]} */
    const out = [];
    let start = Math.floor(this.phase / this.up);
    while (start + 2 * this.half <= all.length) {
      const row = this.taps[this.phase % this.up];
      let sum = 0;
      for (let k = 0; k < row.length; k++) sum += row[k] * all[start + k];
      out.push(sum);
      this.phase += this.down;
      start = Math.floor(this.phase / this.up);
    }
    const used = Math.min(start, all.length);
    this.phase -= used * this.up;
    this.pending = all.slice(used);
    return Float32Array.from(out);
  }
}
