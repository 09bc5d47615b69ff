// The peer of `make bench`: the npm package `chat` with its Slack adapter, counting approvals in memory.
// It verifies each signature, parses each tap and calls the handler; it keeps nothing and calls nobody.
// With BENCH_POSTGRES (a database's URL) its state is there, as its documentation advises for production.
// Prints one line of JSON when it listens: {"port": …, "version": …, "count": "/"}. GET / answers with the count.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createSlackAdapter } from "@chat-adapter/slack";
import { createMemoryState } from "@chat-adapter/state-memory";
import { createPostgresState } from "@chat-adapter/state-pg";
import { Chat } from "chat";

let count = 0;
const quiet = { debug() {}, info() {}, warn() {}, error: console.error, child: () => quiet };
const url = process.env.BENCH_POSTGRES;
const bot = new Chat({
  userName: "bench",
  logger: "silent",
  state: url ? createPostgresState({ url, logger: quiet }) : createMemoryState(),
  adapters: {
    slack: createSlackAdapter({
      botToken: "xoxb-bench",
      botUserId: "U0000BOT00", // given, so that it asks Slack for nothing
      signingSecret: process.env.BENCH_SIGNING_SECRET,
    }),
  },
});
bot.onAction(["approve", "decline"], async () => {
  count += 1;
});
await bot.initialize();

const answer = (out, status, text) => {
  const body = Buffer.from(text);
  out.writeHead(status, { "content-type": "text/plain", "content-length": body.length });
  out.end(body);
};

const server = createServer((incoming, out) => {
  if (incoming.method === "GET") return answer(out, 200, String(count));
  const chunks = [];
  incoming.on("data", (chunk) => chunks.push(chunk));
  incoming.on("end", async () => {
    const request = new Request(`http://bench${incoming.url}`, {
      method: "POST",
      headers: incoming.headers,
      body: Buffer.concat(chunks),
    });
    const response = await bot.webhooks.slack(request);
    answer(out, response.status, await response.text());
  });
});
server.keepAliveTimeout = 60_000;
const { version } = JSON.parse(readFileSync(new URL("node_modules/chat/package.json", import.meta.url)));
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port, version, count: "/" })));
