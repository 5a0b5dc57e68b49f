// @ts-check
// Both voices on the depth contours of a round water: the user's voice runs in from the rim, the assistant's
// out from the core. Each contour shows the level of a moment ago, so what one sees is what was heard.

/** @typedef {import("./state.js").Phase} Phase */
/** @typedef {[number, number, number]} Colour red, green, blue */

const RINGS = 17;
const POINTS = 120;
/** A ring hands its level to its neighbour after this time. */
const STEP_MS = 42;
const FRAME_MS = 30;
const CALM_FRAME_MS = 66;
const TURN = 2 * Math.PI;

/** @param {Colour} a @param {Colour} b @param {number} part @returns {string} */
function mix(a, b, part) {
  const [red, green, blue] = a.map((value, i) => Math.round(value + (b[i] - value) * part));
  return `rgb(${red} ${green} ${blue})`;
}

/** @param {number} from @param {number} to @param {number} part */
const blend = (from, to, part) => from + (to - from) * part;

export class Orb {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** Levels in [0, 1], and what the rings show of them, the latest first. */
    this.user = { now: 0, past: new Float32Array(RINGS + 1) };
    this.assistant = { now: 0, past: new Float32Array(RINGS + 1) };
    /** @type {Phase} */
    this.phase = "idle";
    this.drawnAt = 0;
    this.stepAt = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.colours = this.readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = this.readColours();
    });
    requestAnimationFrame((now) => this.frame(now));
  }

  /** @param {number} level in [0, 1] */
  hearUser(level) {
    this.user.now = Math.max(level, this.user.now * 0.6);
  }

  /** @param {number} level in [0, 1] */
  hearAssistant(level) {
    this.assistant.now = Math.max(level, this.assistant.now * 0.6);
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    /** @param {string} name @returns {Colour} */
    const read = (name) => {
      this.pen.fillStyle = style.getPropertyValue(name).trim();
      const hex = String(this.pen.fillStyle);
      /** @param {number} at */
      const channel = (at) => parseInt(hex.slice(at, at + 2), 16);
      return [channel(1), channel(3), channel(5)];
    };
    const line = read("--ring");
    return { user: read("--user"), assistant: read("--assistant"), line, depth: read("--depth") };
  }

  /** @param {number} now in milliseconds */
  frame(now) {
    requestAnimationFrame((later) => this.frame(later));
    const silent = [this.user, this.assistant].every(({ past }) => past.every((level) => level < 0.01));
    const calm = this.still.matches || silent;
    if (now - this.drawnAt < (calm ? CALM_FRAME_MS : FRAME_MS)) return;
    this.drawnAt = now;
    this.advance(now);
    this.draw(now);
  }

  /** @param {number} now */
  advance(now) {
    if (now - this.stepAt > RINGS * STEP_MS) this.stepAt = now - STEP_MS;
    for (; now - this.stepAt >= STEP_MS; this.stepAt += STEP_MS) {
      for (const voice of [this.user, this.assistant]) {
        voice.past.copyWithin(1, 0, RINGS);
        voice.past[0] = voice.now;
        voice.now *= 0.72;
      }
    }
  }

  /** @param {number} now */
  draw(now) {
    const { canvas, pen } = this;
    const scale = Math.min(2, devicePixelRatio || 1);
    const size = Math.round(canvas.clientWidth * scale);
    if (size === 0) return;
    if (canvas.width !== size) canvas.width = canvas.height = size;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const side = size / scale;
    pen.clearRect(0, 0, side, side);
    pen.translate(side / 2, side / 2);
    const rim = side * 0.44;
    const core = rim * 0.2;
    const awake = !["disconnected", "at-capacity", "error"].includes(this.phase);
    this.drawRings(now, core, rim, awake);
    this.drawCore(now, core, awake);
    this.drawRim(now, rim, awake);
  }

  /** @param {number} now @param {number} core @param {number} rim @param {boolean} awake */
  drawRings(now, core, rim, awake) {
    const gap = (rim - core) / RINGS;
    const part = this.still.matches ? 1 : Math.min(1, (now - this.stepAt) / STEP_MS);
    for (let ring = RINGS - 1; ring > 0; ring--) {
      const fromRim = RINGS - 1 - ring;
      const inward = this.levelAt(this.user, fromRim, part) * (1 - fromRim / RINGS) ** 0.8;
      const outward = this.levelAt(this.assistant, ring - 1, part) * (1 - ring / RINGS) ** 0.55;
      const level = Math.max(inward, outward);
      const voice = inward > outward ? this.colours.user : this.colours.assistant;
      this.trace(core + ring * gap, gap * 1.9 * inward, gap * 1.9 * outward, now / 1000, ring);
      this.pen.fillStyle = mix(this.colours.depth, voice, Math.min(0.8, level));
      this.pen.globalAlpha = awake ? 0.035 : 0.012;
      this.pen.fill();
      this.pen.strokeStyle = mix(this.colours.line, voice, Math.min(1, level * 1.9));
      this.pen.globalAlpha = (awake ? 0.5 : 0.34) + 0.5 * level;
      this.pen.lineWidth = 1 + 1.3 * level;
      this.pen.stroke();
    }
    this.pen.globalAlpha = 1;
  }

  /** @param {{ past: Float32Array, now: number }} voice @param {number} age in rings @param {number} part */
  levelAt(voice, age, part) {
    if (this.still.matches) return voice.past[0] * 0.8;
    return blend(voice.past[age + 1], voice.past[age], part);
  }

  /**
   * A circle with a wave of each voice on it.
   * @param {number} radius @param {number} inward @param {number} outward
   * @param {number} seconds @param {number} ring
   */
  trace(radius, inward, outward, seconds, ring) {
    const { pen } = this;
    const drift = this.still.matches ? 0 : seconds;
    const breath = this.still.matches ? 0 : Math.sin(seconds * 0.9 - ring * 0.35) * radius * 0.008;
    pen.beginPath();
    for (let i = 0; i <= POINTS; i++) {
      const angle = (i / POINTS) * TURN;
      const incoming =
        Math.sin(4 * angle + drift * 0.9 + ring * 0.32) + 0.5 * Math.sin(7 * angle - drift * 0.6);
      const outgoing =
        Math.sin(3 * angle - drift * 1.1 - ring * 0.4) + 0.5 * Math.sin(5 * angle + drift * 0.8);
      const r = radius + breath + inward * incoming * 0.62 + outward * outgoing * 0.62;
      pen.lineTo(r * Math.cos(angle), r * Math.sin(angle));
    }
    pen.closePath();
  }

  /** The assistant. @param {number} now @param {number} core @param {boolean} awake */
  drawCore(now, core, awake) {
    const { pen } = this;
    const level = this.assistant.past[0];
    const breath = this.still.matches ? 0 : 0.03 * Math.sin(now / 900);
    pen.fillStyle = mix(this.colours.line, this.colours.assistant, awake ? 1 : 0.25);
    pen.globalAlpha = 0.18;
    pen.beginPath();
    pen.arc(0, 0, core * (0.86 + breath + 0.55 * level), 0, TURN);
    pen.fill();
    pen.globalAlpha = 1;
    pen.beginPath();
    pen.arc(0, 0, core * (0.6 + breath + 0.3 * level), 0, TURN);
    pen.fill();
  }

  /** The user. @param {number} now @param {number} rim @param {boolean} awake */
  drawRim(now, rim, awake) {
    const { pen } = this;
    const level = this.user.past[0];
    pen.strokeStyle = mix(this.colours.line, this.colours.user, awake ? 1 : 0.2);
    pen.lineWidth = 1.6 + 4 * level;
    pen.setLineDash(awake ? [] : [2, 7]);
    const connecting = this.phase === "connecting";
    const start = connecting && !this.still.matches ? (now / 700) % TURN : 0;
    const length = connecting ? TURN * 0.28 : TURN;
    pen.beginPath();
    pen.arc(0, 0, rim + 2 * level, start, start + length);
    pen.stroke();
    pen.setLineDash([]);
  }
}
