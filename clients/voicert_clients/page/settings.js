// @ts-check
// What the page remembers in this browser.

/**
 * @typedef {object} Settings
 * @property {string} deviceId of the microphone; "" for the browser's choice
 * @property {boolean} processing echo cancellation, noise suppression and gain control
 */

const KEY = "voicert";

/** @returns {Settings} */
export function loadSettings() {
  try {
    const saved = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { deviceId: String(saved.deviceId ?? ""), processing: saved.processing !== false };
  } catch {
    return { deviceId: "", processing: true };
  }
}

/** @param {Settings} settings */
export function saveSettings(settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A browser that keeps nothing: the choice lasts until the page is closed.
  }
}
