// @ts-check
// The page: its buttons drive the conversation, and the conversation is shown.

import { exampleRequests } from "./connection.js";
import { Conversation } from "./conversation.js";
import { listMicrophones } from "./microphone.js";
import { Orb } from "./orb.js";
import { loudness } from "./pcm.js";
import { loadSettings, saveSettings } from "./settings.js";
import { phaseOf } from "./state.js";
import { View, part } from "./view.js";
import { publish } from "./window-state.js";

class App {
  constructor() {
    this.view = new View();
    this.orb = new Orb(part("orb", HTMLCanvasElement));
    this.conversation = new Conversation(new URL(document.baseURI), loadSettings(), {
      onChange: () => this.renderSoon(),
      onUserLevel: (level) => this.showUserLevel(loudness(level)),
      onAssistantLevel: (level) => this.orb.hearAssistant(loudness(level)),
    });
    this.rendering = false;
    this.listening = false;
    this.view.processing.checked = this.conversation.settings.processing;
    publish(this.conversation);
    this.listen();
    if (this.conversation.checkBrowser()) void this.conversation.checkDoor();
    void this.showExamples();
    this.render();
  }

  async showExamples() {
    const { apiKey } = this.conversation.settings;
    this.view.renderExamples(await exampleRequests(document.baseURI, apiKey));
  }

  listen() {
    const { view, conversation } = this;
    view.start.onclick = () => this.start();
    view.end.onclick = () => conversation.dispatch({ type: "end" });
    view.cancel.onclick = () => conversation.dispatch({ type: "cancel" });
    view.mute.onclick = () => conversation.setMuted(!conversation.state.muted);
    view.type.onsubmit = (event) => {
      event.preventDefault();
      conversation.dispatch({ type: "say", text: view.text.value });
      view.text.value = "";
    };
    view.key.onsubmit = (event) => {
      event.preventDefault();
      this.useKey(view.keyText.value.trim(), view.keyKeep.checked);
    };
    view.device.onchange = () => this.chooseMicrophone();
    view.processing.onchange = () => this.chooseMicrophone();
    document.addEventListener("keydown", ({ key, defaultPrevented }) => {
      const helpIsOpen = document.querySelector(":popover-open") !== null;
      if (key === "Escape" && !defaultPrevented && !helpIsOpen) conversation.dispatch({ type: "cancel" });
    });
    document.addEventListener("click", () => void conversation.audio?.context.resume());
    window.addEventListener("online", () => {
      if (conversation.state.link === "waiting") this.start();
    });
    document.addEventListener("visibilitychange", () => this.renderSoon());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.listDevices());
    setInterval(() => conversation.state.link === "waiting" && this.renderSoon(), 500);
  }

  start() {
    const waiting = this.conversation.state.link === "waiting";
    this.conversation.dispatch({ type: waiting ? "reconnect" : "start" });
  }

  /** @param {string} apiKey @param {boolean} keepKey */
  useKey(apiKey, keepKey) {
    const settings = { ...this.conversation.settings, apiKey, keepKey };
    saveSettings(settings);
    this.conversation.settings = settings;
    this.conversation.useKey(apiKey);
    void this.showExamples();
    this.start();
  }

  chooseMicrophone() {
    const { settings: before } = this.conversation;
    const settings = {
      ...before,
      deviceId: this.view.device.value,
      processing: this.view.processing.checked,
    };
    saveSettings(settings);
    void this.conversation.changeMicrophone(settings).then(() => this.listDevices());
  }

  async listDevices() {
    const { audio, settings } = this.conversation;
    this.view.renderDevices(await listMicrophones(), audio?.microphone.deviceId ?? settings.deviceId);
  }

  /** @param {number} level in [0, 1] */
  showUserLevel(level) {
    this.orb.hearUser(level);
    this.view.renderLevel(level);
  }

  renderSoon() {
    if (this.rendering) return;
    this.rendering = true;
    requestAnimationFrame(() => this.render());
  }

  render() {
    this.rendering = false;
    const { state, address, reachable, retryAt, gaps, progress, audio } = this.conversation;
    const place = { host: address.hostname, port: address.port, reachable };
    const left = Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
    this.orb.phase = phaseOf(state);
    this.view.render(state, place, state.link === "waiting" ? left : null);
    this.view.renderGap(gaps.summary());
    if (progress && audio) this.view.renderPlayback(progress, audio.context.sampleRate);
    const listening = audio !== null;
    if (listening !== this.listening) {
      this.listening = listening;
      // The devices have names only once the person has allowed one.
      if (listening) void this.listDevices();
      else this.view.renderLevel(0);
    }
  }
}

new App();
