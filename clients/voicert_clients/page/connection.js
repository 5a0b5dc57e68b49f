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
    /** Which the server asks for; "" for none. */
    this.apiKey = "";
    this.handlers = handlers;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.droppedChunks = 0;
  }

  open() {
    this.close();
    // A browser can send a key with a WebSocket only in this way.
    const key = this.apiKey === "" ? [] : [`openai-insecure-api-key.${this.apiKey}`];
    const socket = new WebSocket(this.url, ["realtime", ...key]);
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

/** @param {string} apiKey "" for none @returns {Record<string, string>} headers */
const bearer = (apiKey) => (apiKey === "" ? {} : { Authorization: `Bearer ${apiKey}` });

/**
 * What the loaded model says that one can ask it.
 * @param {string} base the page's address
 * @param {string} apiKey "" for none
 * @returns {Promise<string[]>} none when the server does not tell
 */
export async function exampleRequests(base, apiKey) {
  try {
    const headers = bearer(apiKey);
    const response = await fetch(new URL("v1/models", base), { headers }); // late is better than never
    const examples = (await response.json()).data[0].voicert.examples;
    return Array.isArray(examples) ? examples.map(String) : [];
  } catch {
    return [];
  }
}

/** @typedef {"open" | "closed" | "key-needed" | "key-refused"} Door */

/**
 * Does the server answer at all, and would it let this page in?
 * @param {string} base the page's address
 * @param {string} apiKey "" for none
 * @returns {Promise<Door>}
 */
export async function doorOf(base, apiKey) {
  try {
    const { status } = await fetch(new URL("v1/models", base), {
      cache: "no-store",
      headers: bearer(apiKey),
      signal: AbortSignal.timeout(3000),
    });
    if (status === 401) return apiKey === "" ? "key-needed" : "key-refused";
    return status === 200 ? "open" : "closed";
  } catch {
    return "closed";
  }
}
