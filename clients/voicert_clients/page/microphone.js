// @ts-check
// The person's voice: device choice, permission, and chunks from the capture worklet.

/** @typedef {import("./capture-worklet.js").CaptureChunk} CaptureChunk */

/** @typedef {{ id: string, label: string }} Device */

/**
 * @param {string} deviceId "" for the browser's choice
 * @param {boolean} processing echo cancellation, noise suppression and gain control
 * @returns {Promise<MediaStream>}
 * @throws {DOMException} as getUserMedia does
 */
export async function openStream(deviceId, processing) {
  const constraints = {
    channelCount: 1,
    echoCancellation: processing,
    noiseSuppression: processing,
    autoGainControl: processing,
  };
  if (deviceId === "") return navigator.mediaDevices.getUserMedia({ audio: constraints });
  const chosen = { ...constraints, deviceId: { exact: deviceId } };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: chosen });
  } catch (error) {
    // The chosen one is unplugged: better any microphone than none.
    if (!(error instanceof DOMException) || error.name !== "OverconstrainedError") throw error;
    return navigator.mediaDevices.getUserMedia({ audio: constraints });
  }
}

/** @returns {Promise<Device[]>} with names once the person has allowed a microphone */
export async function listMicrophones() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "")
    .map(({ deviceId, label }, index) => ({ id: deviceId, label: label || `Microphone ${index + 1}` }));
}

export class Microphone {
  /**
   * @param {AudioContext} context with the capture worklet loaded
   * @param {MediaStream} stream
   * @param {{ onChunk: (chunk: CaptureChunk) => void, onLost: () => void }} handlers
   * @throws {DOMException} when this browser does not connect a stream to a context of another sample rate
   */
  constructor(context, stream, { onChunk, onLost }) {
    this.context = context;
    this.handlers = { onLost };
    this.node = new AudioWorkletNode(context, "voicert-capture", {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    this.node.port.onmessage = ({ data }) => onChunk(data);
    // A worklet that leads nowhere may not run; it puts out silence.
    this.node.connect(context.destination);
    this.muted = false;
    this.stream = stream;
    this.source = this.attach(stream);
  }

  /** @param {MediaStream} stream @returns {MediaStreamAudioSourceNode} */
  attach(stream) {
    const source = this.context.createMediaStreamSource(stream);
    source.connect(this.node);
    const [track] = stream.getAudioTracks();
    track.enabled = !this.muted;
    track.onended = () => this.handlers.onLost();
    return source;
  }

  /** Change to another device; the clock of the samples runs on. @param {MediaStream} stream */
  use(stream) {
    this.detach();
    this.stream = stream;
    this.source = this.attach(stream);
  }

  detach() {
    this.source.disconnect();
    for (const track of this.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
  }

  /** A muted microphone sends silence, so the conversation goes on. @param {boolean} muted */
  setMuted(muted) {
    this.muted = muted;
    for (const track of this.stream.getAudioTracks()) track.enabled = !muted;
  }

  /** @returns {string} the id of the device in use */
  get deviceId() {
    return this.stream.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** @returns {number} seconds from the air to the stream, 0 where the browser does not know */
  get latencyS() {
    const settings = /** @type {{ latency?: number }} */ (
      this.stream.getAudioTracks()[0]?.getSettings() ?? {}
    );
    return settings.latency ?? 0;
  }

  close() {
    this.detach();
    this.node.port.onmessage = null;
    this.node.disconnect();
  }
}
