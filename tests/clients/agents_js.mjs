// @openai/agents-realtime: a RealtimeSession over its WebSocket transport, with a key made for it.
import OpenAI from "openai";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";
import { answered, drive, Inbox, Microphone, order, pause, SAMPLE_RATE } from "./microphone.mjs";

const inbox = new Inbox();
const errors = [];
const rung = [];
const ring = tool({
  name: "ring",
  description: "Rings the bell.",
  parameters: z.object({ loud: z.boolean() }),
  execute: async ({ loud }) => {
    rung.push(loud);
    return "It rang.";
  },
});
const tools = order.scenario === "tool" ? [ring] : [];
const agent = new RealtimeAgent({ name: "Guide", instructions: "Answer briefly.", tools });
const transport = new OpenAIRealtimeWebSocket({ url: order.baseUrl.replace("http", "ws") + "/realtime" });
const manual = order.scenario === "manual";
const session = new RealtimeSession(agent, {
  transport,
  model: "gpt-realtime",
  config: { audio: { input: { turnDetection: manual ? null : { type: "server_vad", interruptResponse: true } } } },
});
transport.on("*", (event) => inbox.add(event));
session.on("error", (error) => errors.push(String(error.error?.message ?? JSON.stringify(error.error ?? error))));
let interrupted = 0;
session.on("audio_interrupted", () => (interrupted += 1));

/** A short-lived key, as a page gets it from its own server. */
async function clientSecret() {
  const client = new OpenAI({ apiKey: order.key, baseURL: order.baseUrl });
  const secret = await client.realtime.clientSecrets.create({ session: { type: "realtime" } });
  return secret.value;
}

const scenarios = {
  /** @param {Microphone} microphone */
  async turn(microphone) {
    microphone.speak(order.question);
    const heard = await inbox.until("conversation.item.input_audio_transcription.completed");
    const done = answered(await inbox.until("response.done"));
    return { heard: heard.transcript, ...done };
  },

  /** @param {Microphone} microphone */
  async barge_in(microphone) {
    microphone.speak(order.question);
    while (inbox.soundMs < 500) await inbox.until("response.output_audio.delta");
    microphone.speak(order.question);
    await inbox.until("input_audio_buffer.speech_started");
    // The SDK truncates by itself what it thinks was played.
    const { audio_end_ms } = await inbox.until("conversation.item.truncated");
    const cut = inbox.events.find((event) => event.type === "response.done");
    const done = answered(cut ?? (await inbox.until("response.done")));
    const retrieved = await inbox.until("conversation.item.retrieved"); // so does it ask for what is left
    const { content, status } = retrieved.item;
    return { ...done, kept: content[0].transcript, status_kept: status, audio_end_ms, interrupted };
  },

  /** @param {Microphone} microphone */
  async manual(microphone) {
    microphone.speak(order.question);
    await pause((order.question.length / 2 / SAMPLE_RATE) * 1000);
    const early = inbox.types.includes("response.created");
    transport.sendEvent({ type: "input_audio_buffer.commit" });
    transport.requestResponse({ metadata: { asked: "by hand" } });
    const created = await inbox.until("response.created");
    const done = answered(await inbox.until("response.done"));
    return { early, metadata: created.response.metadata, ...done };
  },

  /** @param {Microphone} microphone */
  async tool(microphone) {
    microphone.speak(order.question);
    const { output } = (await inbox.until("response.done")).response;
    const called = output.filter((item) => item.type === "function_call").map((item) => item.name);
    return { called, rung, ...answered(await inbox.until("response.done")) };
  },

  async typed() {
    session.sendMessage("What is two plus two?");
    const added = await inbox.until("conversation.item.added");
    const done = answered(await inbox.until("response.done"));
    return { typed: added.item.content[0].text, ...done };
  },
};

drive(async () => {
  await session.connect({ apiKey: await clientSecret() });
  await inbox.until("session.updated");
  const microphone = new Microphone((chunk) =>
    session.sendAudio(chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + chunk.length)),
  );
  const report = await scenarios[order.scenario](microphone);
  await pause(50); // the session takes note of the last events
  const history = session.history.map((item) => [item.role ?? item.type, item.status, item.content]);
  microphone.stop();
  session.close();
  return { ...report, sound_ms: inbox.soundMs, errors, history, types: inbox.types };
});
