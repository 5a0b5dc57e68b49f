// @ts-check
// From state to the document. It decides nothing.

import { wantsKey } from "./problems.js";
import { phaseOf } from "./state.js";
import { remarkFor, wordsFor } from "./words.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Entry} Entry */

/** @typedef {import("./words.js").Place} Place */

/** @typedef {{ line: HTMLElement, entry: Entry | null }} Shown */

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
export function part(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page lacks its part #${id}`);
  return element;
}

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number | null | undefined} ms @returns {string} */
function milliseconds(ms) {
  return ms === null || ms === undefined ? "–" : `${Math.round(ms)} ms`;
}

export class View {
  constructor() {
    this.title = part("title", HTMLElement);
    this.advice = part("advice", HTMLElement);
    this.start = part("start", HTMLButtonElement);
    this.key = part("key", HTMLFormElement);
    this.keyText = part("key-text", HTMLInputElement);
    this.keyKeep = part("key-keep", HTMLInputElement);
    this.type = part("type", HTMLFormElement);
    this.text = part("text", HTMLInputElement);
    this.remark = part("remark", HTMLElement);
    this.lines = part("lines", HTMLElement);
    this.mute = part("mute", HTMLButtonElement);
    this.cancel = part("cancel", HTMLButtonElement);
    this.end = part("end", HTMLButtonElement);
    this.meter = part("meter", HTMLElement);
    this.device = part("device", HTMLSelectElement);
    this.processing = part("processing", HTMLInputElement);
    /** The lines on the page by their ids, and what they show. @type {Map<string, Shown>} */
    this.shown = new Map();
    /** @type {readonly Entry[]} */
    this.transcript = [];
    this.meterShows = -1;
  }

  /**
   * @param {State} state
   * @param {Place} place
   * @param {number | null} waitS seconds until the next attempt to connect
   */
  render(state, place, waitS) {
    const phase = phaseOf(state);
    const { title, advice, action } = wordsFor(state, place);
    document.body.dataset.phase = phase;
    document.body.classList.toggle("talking", state.link !== "off");
    document.body.classList.toggle("muted", state.muted);
    document.body.classList.toggle("spoken", state.transcript.length > 0);
    write(this.title, title);
    write(this.advice, advice);
    const locked = wantsKey(state.problem);
    this.start.hidden = action === null || locked;
    if (locked && this.key.hidden) requestAnimationFrame(() => this.keyText.focus());
    this.key.hidden = !locked;
    this.type.hidden = state.link !== "open" || !state.typing;
    write(this.start, waitS === null || action === null ? (action ?? "") : `${action} (${waitS} s)`);
    this.start.setAttribute("aria-label", action ?? "");
    const remark = remarkFor(state);
    this.remark.hidden = remark === null;
    write(this.remark, remark ?? "");
    this.mute.setAttribute("aria-pressed", String(state.muted));
    write(part("mute-label", HTMLElement), state.muted ? "Unmute" : "Mute");
    this.cancel.disabled = state.response === null && state.playing === null;
    this.renderTranscript(state.transcript);
  }

  /** @param {readonly Entry[]} entries */
  renderTranscript(entries) {
    if (entries === this.transcript) return;
    this.transcript = entries;
    const { lines } = this;
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 48;
    const ids = new Set(entries.map(({ id }) => id));
    for (const [id, { line }] of this.shown) {
      if (ids.has(id)) continue;
      line.remove();
      this.shown.delete(id);
    }
    for (const entry of entries) this.renderLine(entry);
    if (atEnd) lines.scrollTop = lines.scrollHeight;
  }

  /** @param {Entry} entry */
  renderLine(entry) {
    const shown = this.shown.get(entry.id) ?? this.addLine(entry);
    if (shown.entry === entry) return;
    shown.entry = entry;
    const { line } = shown;
    line.dataset.status = entry.status;
    // Assistive technology reads a line when it is whole, not word by word.
    line.setAttribute("aria-busy", String(entry.status === "live"));
    write(/** @type {HTMLElement} */ (line.lastElementChild), entry.text.trim() || "…");
  }

  /** @param {Entry} entry @returns {Shown} */
  addLine(entry) {
    const line = document.createElement("li");
    line.className = "line";
    line.dataset.role = entry.role;
    line.dataset.conversation = String(entry.conversation);
    const previous = this.lines.lastElementChild;
    const fresh =
      previous instanceof HTMLElement && previous.dataset.conversation !== line.dataset.conversation;
    line.classList.toggle("fresh", fresh);
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = entry.role === "user" ? "You" : "Assistant";
    const what = document.createElement("p");
    line.append(who, what);
    this.lines.append(line);
    /** @type {Shown} */
    const shown = { line, entry: null };
    this.shown.set(entry.id, shown);
    return shown;
  }

  /** @param {number} level in [0, 1] */
  renderLevel(level) {
    const percent = Math.round(level * 100);
    if (percent === this.meterShows) return;
    this.meterShows = percent;
    this.meter.style.setProperty("--level", String(level));
    this.meter.setAttribute("aria-valuenow", String(percent));
  }

  /** @param {{ count: number, last: import("./gap.js").Gap | null, medianMs: number | null }} summary */
  renderGap({ count, last, medianMs }) {
    /** @param {string} id @param {string} text */
    const put = (id, text) => write(part(id, HTMLElement), text);
    put("gap-last", last ? String(Math.round(last.totalMs)) : "–");
    put("gap-median", milliseconds(medianMs));
    put("gap-decision", milliseconds(last?.decisionMs));
    put("gap-engine", milliseconds(last?.engineMs));
    put("gap-rest", milliseconds(last?.restMs));
    put("gap-devices", milliseconds(last?.devicesMs));
    put("gap-total", milliseconds(last?.totalMs));
    put("gap-median-long", milliseconds(medianMs));
    put("gap-count", String(count));
  }

  /** @param {import("./playback-worklet.js").PlaybackProgress} progress @param {number} rateHz */
  renderPlayback({ targetMs, underruns, dropped }, rateHz) {
    const facts = [
      `Playback buffer ${Math.round(targetMs)} ms`,
      underruns === 1 ? "1 underrun" : `${underruns} underruns`,
      `sound at ${rateHz} Hz`,
    ];
    if (dropped > 0) facts.push(`${Math.round(dropped / 24)} ms dropped to keep up`);
    write(part("playback-facts", HTMLElement), `${facts.join(" · ")}.`);
  }

  /** @param {string[]} examples requests that the model understands */
  renderExamples(examples) {
    const items = examples.map((example) => {
      const item = document.createElement("li");
      item.textContent = `“${example}”`;
      return item;
    });
    part("examples", HTMLUListElement).replaceChildren(...items);
    part("ask", HTMLDivElement).hidden = examples.length === 0;
  }

  /** @param {readonly import("./microphone.js").Device[]} devices @param {string} chosen id */
  renderDevices(devices, chosen) {
    const options = devices.map(({ id, label }) => new Option(label, id, false, id === chosen));
    if (options.length === 0) options.push(new Option("Default microphone", ""));
    this.device.replaceChildren(...options);
  }
}
