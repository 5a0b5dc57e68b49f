// @ts-check
// One WebSocket at a time to the server that this page came from.

/** A slow network may hold back this much; beyond it microphone chunks are dropped, so lag never grows. */
const MOST_BUFFERED_BYTES = 256 * 1024;

/** @typedef {import("./effects.js").ServerEvent} ServerEvent */

/**
 * @param {string} base the page's address
 * @returns {string} the address of the Realtime endpoint beside it
 */
export function realtimeUrl(base) {
  const url = new URL("v1/realtime", base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  url.hash = "";
  return url.href;
}

export class Connection {
  /**
   * @param {string} url
   * @param {{ onEvent: (event: ServerEvent) => void, onClosed: () => void }} handlers
   */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.droppedChunks = 0;
  }

  open() {
    this.close();
    const socket = new WebSocket(this.url, ["realtime"]);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      if (this.socket === socket) this.handlers.onEvent(JSON.parse(data));
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.handlers.onClosed();
    };
  }

  /** @param {ServerEvent} event */
  send(event) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  /**
   * @param {string} audio base64
   * @returns {boolean} whether it went out
   */
  sendAudio(audio) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    if (this.socket.bufferedAmount > MOST_BUFFERED_BYTES) {
      this.droppedChunks += 1;
      return false;
    }
    this.send({ type: "input_audio_buffer.append", audio });
    return true;
  }

  /** Without a call of onClosed. */
  close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
  }
}

/**
 * What the loaded model says that one can ask it.
 * @param {string} base the page's address
 * @returns {Promise<string[]>} none when the server does not tell
 */
export async function exampleRequests(base) {
  try {
    const response = await fetch(new URL("v1/models", base), { signal: AbortSignal.timeout(3000) });
    const examples = (await response.json()).data[0].voicert.examples;
    return Array.isArray(examples) ? examples.map(String) : [];
  } catch {
    return [];
  }
}

/**
 * Does the server answer at all?
 * @param {string} base the page's address
 * @returns {Promise<boolean>}
 */
export async function answers(base) {
  try {
    const response = await fetch(new URL("health", base), {
      cache: "no-store",
      signal: AbortSignal.timeout(3000),
    });
    return response.ok;
  } catch {
    return false;
  }
}
