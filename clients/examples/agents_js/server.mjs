// Serves a page that talks with voicert through @openai/agents-realtime, and makes a short-lived key for it.
//
//   npm install openai @openai/agents-realtime
//   export OPENAI_BASE_URL=http://127.0.0.1:8400/v1 OPENAI_API_KEY=unused
//   node server.mjs    # then open the address that it prints
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";

const here = dirname(fileURLToPath(import.meta.url));
const sdk = join(dirname(fileURLToPath(import.meta.resolve("@openai/agents-realtime"))), "bundle");
const client = new OpenAI();

/** What the page needs to connect; the server's own key stays here. */
async function access() {
  const secret = await client.realtime.clientSecrets.create({ session: { type: "realtime" } });
  return { key: secret.value, url: client.baseURL.replace(/^http/, "ws") + "/realtime" };
}

const server = createServer(async (request, response) => {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  try {
    if (path === "/access" && request.method === "POST") {
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(await access()));
    } else if (path === "/") {
      response.setHeader("Content-Type", "text/html").end(await readFile(join(here, "index.html")));
    } else if (path.startsWith("/sdk/")) {
      response.setHeader("Content-Type", "text/javascript").end(await readFile(join(sdk, basename(path))));
    } else {
      response.writeHead(404).end();
    }
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address();
  console.log(`open http://127.0.0.1:${typeof address === "object" ? address?.port : address}`);
});
