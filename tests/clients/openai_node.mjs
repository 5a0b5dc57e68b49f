// The `openai` package for JavaScript, over TLS as it insists.
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { answered, drive, Inbox, Microphone, order, pause, SAMPLE_RATE } from "./microphone.mjs";

const client = new OpenAI({ apiKey: order.key, baseURL: order.baseUrl });
const inbox = new Inbox();
/** @type {OpenAIRealtimeWS} */
let realtime;

async function connect() {
  realtime = new OpenAIRealtimeWS({ model: "gpt-realtime" }, client);
  realtime.on("event", (event) => inbox.add(event));
  realtime.on("error", (error) => inbox.add({ type: "error", error: error.error ?? String(error) }));
  await inbox.until("session.created");
  await configure({ type: "server_vad" });
  return new Microphone((chunk) =>
    realtime.send({ type: "input_audio_buffer.append", audio: chunk.toString("base64") }),
  );
}

/** @param {any} detection */
async function configure(detection) {
  const input = { turn_detection: detection, transcription: { model: "whisper-1" } };
  realtime.send({ type: "session.update", session: { type: "realtime", audio: { input } } });
  const updated = await inbox.until("session.updated");
  const got = updated.session.audio.input.turn_detection;
  if ((got === null) !== (detection === null)) throw new Error(`turn_detection is ${JSON.stringify(got)}`);
}

const scenarios = {
  /** @param {Microphone} microphone */
  async turn(microphone) {
    microphone.speak(order.question);
    const heard = await inbox.until("conversation.item.input_audio_transcription.completed");
    const done = answered(await inbox.until("response.done"));
    return { heard: heard.transcript, ...done, sound_ms: inbox.soundMs };
  },

  /** @param {Microphone} microphone */
  async barge_in(microphone) {
    microphone.speak(order.question);
    while (inbox.soundMs < 500) await inbox.until("response.output_audio.delta");
    microphone.speak(order.question);
    const done = answered(await inbox.until("response.done"));
    const sound_ms = inbox.soundMs;
    const played_ms = Math.floor(sound_ms / 2);
    const { item } = done;
    realtime.send({
      type: "conversation.item.truncate",
      item_id: item,
      content_index: 0,
      audio_end_ms: played_ms,
    });
    const { audio_end_ms } = await inbox.until("conversation.item.truncated");
    realtime.send({ type: "conversation.item.retrieve", item_id: item });
    const retrieved = (await inbox.until("conversation.item.retrieved")).item;
    const kept = { kept: retrieved.content[0].transcript, status_kept: retrieved.status };
    return { ...done, ...kept, sound_ms, played_ms, audio_end_ms };
  },

  /** @param {Microphone} microphone */
  async manual(microphone) {
    await configure(null);
    microphone.speak(order.question);
    await pause((order.question.length / 2 / SAMPLE_RATE) * 1000);
    const early = inbox.types.includes("response.created");
    realtime.send({ type: "input_audio_buffer.commit" });
    realtime.send({ type: "response.create", response: { metadata: { asked: "by hand" } } });
    const created = await inbox.until("response.created");
    const done = answered(await inbox.until("response.done"));
    return { early, metadata: created.response.metadata, ...done, sound_ms: inbox.soundMs };
  },

  async typed() {
    const content = [{ type: "input_text", text: "What is two plus two?" }];
    realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    const added = await inbox.until("conversation.item.added");
    realtime.send({ type: "response.create" });
    const done = answered(await inbox.until("response.done"));
    return { typed: added.item.content[0].text, ...done, sound_ms: inbox.soundMs };
  },
};

drive(async () => {
  const microphone = await connect();
  const report = await scenarios[order.scenario](microphone);
  microphone.stop();
  realtime.close();
  return { ...report, types: inbox.types };
});
