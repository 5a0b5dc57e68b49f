// @ts-check
// What can keep a conversation from starting, and what to do about it, in plain words.

/** @typedef {{ title: string, advice: string, action: string }} Help */

/** @typedef {{ host: string, port: string, detail: string }} Facts port "" for the usual one */

/** @type {Record<string, (facts: Facts) => Help>} */
const HELP = {
  "key-needed": () => ({
    title: "This server asks for a key.",
    advice: "Enter an API key that its owner has given you.",
    action: "Connect",
  }),
  "key-refused": () => ({
    title: "The server does not know this key.",
    advice: "Check that it was copied whole, or ask the server's owner for one.",
    action: "Connect",
  }),
  "insecure-origin": ({ host, port }) => ({
    title: "This address is not secure, so the browser keeps the microphone shut.",
    advice:
      `On the computer that runs voicert, open http://localhost${port && `:${port}`} instead. ` +
      `To talk from another device, start it with --tls-cert and --tls-key and open https://${host}${port && `:${port}`}.`,
    action: "Try again",
  }),
  "no-worklet": () => ({
    title: "This browser cannot process live audio.",
    advice: "Update it, or use a current Chrome, Edge, Firefox or Safari. (It lacks AudioWorklet.)",
    action: "Try again",
  }),
  "permission-denied": () => ({
    title: "The browser does not let this page use the microphone.",
    advice:
      "Try again and allow it. If the browser does not ask, click the icon at the left of the address bar " +
      "and set Microphone to “Allow”.",
    action: "Try again",
  }),
  "blocked-by-system": () => ({
    title: "The operating system does not let the browser use the microphone.",
    advice: "Open the system's privacy settings, allow the microphone for this browser, then try again.",
    action: "Try again",
  }),
  "no-device": () => ({
    title: "No microphone was found.",
    advice: "Plug one in, or turn on your headset, then try again.",
    action: "Try again",
  }),
  "device-busy": () => ({
    title: "The microphone could not be opened.",
    advice:
      "Another program may be using it. Close that program or choose another microphone, then try again.",
    action: "Try again",
  }),
  "microphone-lost": () => ({
    title: "The microphone went away.",
    advice: "Plug it in again or choose another one, then start again.",
    action: "Start again",
  }),
  "audio-failed": ({ detail }) => ({
    title: "The sound of this browser could not be started.",
    advice: `Reload the page and try again. The browser says: ${detail}`,
    action: "Try again",
  }),
};

/** @param {{ code: string } | null} problem @returns {boolean} whether a key would solve it */
export const wantsKey = (problem) => problem !== null && problem.code.startsWith("key-");

/**
 * @param {string} code
 * @param {Facts} facts
 * @returns {Help}
 */
export function helpFor(code, facts) {
  return (HELP[code] ?? HELP["audio-failed"])(facts);
}

/**
 * Why getUserMedia failed.
 * @param {{ name: string, message: string }} error
 * @returns {string} a code of this file
 */
export function microphoneProblem({ name, message }) {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return /system/i.test(message) ? "blocked-by-system" : "permission-denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "no-device";
    case "NotReadableError":
    case "AbortError":
      return "device-busy";
    default:
      return "audio-failed";
  }
}

/**
 * What the browser lacks before anything is tried.
 * @param {{ isSecureContext: boolean, hasWorklet: boolean, hasMicrophone: boolean }} browser
 * @returns {string | null} a code of this file
 */
export function browserProblem({ isSecureContext, hasWorklet, hasMicrophone }) {
  if (!isSecureContext) return "insecure-origin";
  return hasWorklet && hasMicrophone ? null : "no-worklet";
}

/**
 * Why there is no connection, in a sentence.
 * @param {"at-capacity" | "unreachable" | "refused" | "lost"} reason
 * @returns {string}
 */
export function connectionHelp(reason) {
  switch (reason) {
    case "at-capacity":
      return "Every place on this server is taken. One is free as soon as someone else ends a conversation.";
    case "refused":
      return (
        "The server answers but does not open a conversation. If there is a proxy in between, it must pass " +
        "WebSockets on."
      );
    case "lost":
      return "The connection broke off. A new conversation begins when it is back.";
    case "unreachable":
      return "The server does not answer. Check that “voicert serve” is still running and the network is up.";
  }
}
