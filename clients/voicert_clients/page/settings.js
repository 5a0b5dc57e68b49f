// @ts-check
// What the page remembers in this browser.

/**
 * @typedef {object} Settings
 * @property {string} deviceId of the microphone; "" for the browser's choice
 * @property {boolean} processing echo cancellation, noise suppression and gain control
 * @property {string} apiKey which the server asks for; "" for none
 * @property {boolean} keepKey it is remembered here beyond this page's life
 */

const KEY = "voicert";

/** @returns {Settings} */
export function loadSettings() {
  try {
    const saved = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const apiKey = String(saved.apiKey ?? "");
    return {
      deviceId: String(saved.deviceId ?? ""),
      processing: saved.processing !== false,
      apiKey,
      keepKey: apiKey !== "",
    };
  } catch {
    return { deviceId: "", processing: true, apiKey: "", keepKey: false };
  }
}

/** @param {Settings} settings */
export function saveSettings({ deviceId, processing, apiKey, keepKey }) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ deviceId, processing, ...(keepKey ? { apiKey } : {}) }));
  } catch {
    // A browser that keeps nothing: the choice lasts until the page is closed.
  }
}
