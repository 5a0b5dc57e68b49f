// Server events, one JSON object a line on stdin, through the schemas of @openai/agents-realtime. Prints the
// problems as one JSON list; an event that the SDK does not know, which it passes on unread, is a problem too.
import { readFileSync } from "node:fs";
import { parseRealtimeEvent, realtimeServerEventSchema } from "./node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs";

const problems = [];
for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const { isGeneric } = parseRealtimeEvent({ data: line });
  if (!isGeneric) continue;
  const event = JSON.parse(line);
  const { error } = realtimeServerEventSchema.safeParse(event);
  problems.push(`agents-realtime rejects ${event.type}: ${JSON.stringify(error?.issues).slice(0, 600)}`);
}
console.log(JSON.stringify(problems));
