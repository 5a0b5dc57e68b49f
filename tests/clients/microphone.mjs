// What the drivers of the JavaScript clients share: a microphone in real time, waiting, and a report on stdout.
//
// A driver is run as `node DRIVER BASE_URL KEY QUESTION.pcm SCENARIO` beside a node_modules with the stock client,
// uses the server as any app would, and prints one JSON object. Sound is 16-bit PCM, mono, 24 kHz.
import { readFileSync } from "node:fs";

export const SAMPLE_RATE = 24_000;
const CHUNK_MS = 20;
const CHUNK_BYTES = ((SAMPLE_RATE * CHUNK_MS) / 1000) * 2;
const WAIT_MS = 60_000; // generous: the machine may be busy

const [, , baseUrl, key, question, scenario] = process.argv;
export const order = { baseUrl, key, question: readFileSync(question), scenario };

/** Sends 20 ms of sound every 20 ms: what was spoken into it, and silence otherwise. */
export class Microphone {
  /** @param {(chunk: Buffer) => void} send */
  constructor(send) {
    this.spoken = Buffer.alloc(0);
    this.begin = performance.now();
    this.chunks = 0;
    this.timer = setInterval(() => {
      while (this.begin + this.chunks * CHUNK_MS <= performance.now()) {
        const chunk = Buffer.alloc(CHUNK_BYTES);
        this.spoken.copy(chunk);
        this.spoken = this.spoken.subarray(CHUNK_BYTES);
        send(chunk);
        this.chunks += 1;
      }
    }, CHUNK_MS);
  }

  /** @param {Buffer} pcm somebody begins to say this now */
  speak(pcm) {
    this.spoken = Buffer.concat([this.spoken, pcm]);
  }

  stop() {
    clearInterval(this.timer);
  }
}

/** Everything that came, and promises of what is to come. */
export class Inbox {
  constructor() {
    /** @type {any[]} */
    this.events = [];
    this.read = 0;
    /** @type {(() => void)[]} */
    this.waiting = [];
  }

  /** @param {any} event */
  add(event) {
    this.events.push(event);
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** The next event of a type; an error of the server ends the driver. */
  async until(type) {
    for (;;) {
      while (this.read < this.events.length) {
        const event = this.events[this.read++];
        if (event.type === "error" && type !== "error") throw new Error(JSON.stringify(event.error));
        if (event.type === type) return event;
      }
      await new Promise((wake) => this.waiting.push(wake));
    }
  }

  get types() {
    return this.events.map((event) => event.type);
  }

  /** How much of the answers' sound has come. */
  get soundMs() {
    const deltas = this.events.filter((event) => event.type === "response.output_audio.delta");
    const bytes = deltas.reduce((sum, event) => sum + Buffer.from(event.delta, "base64").length, 0);
    return (bytes / 2 / SAMPLE_RATE) * 1000;
  }
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs one scenario, prints its report and ends. @param {() => Promise<object>} run */
export function drive(run) {
  const late = setTimeout(() => fail(new Error("nothing came any more")), WAIT_MS);
  /** @param {unknown} error */
  function fail(error) {
    console.error(error);
    process.exit(1);
  }
  run().then((report) => {
    clearTimeout(late);
    process.stdout.write(JSON.stringify(report) + "\n", () => process.exit(0));
  }, fail);
}

/** A response as a report. */
export function answered(done) {
  const [item] = done.response.output;
  return {
    status: done.response.status,
    reason: done.response.status_details?.reason ?? null,
    said: item.content[0].transcript,
    item: item.id,
    audio_tokens: done.response.usage.output_token_details.audio_tokens,
  };
}
