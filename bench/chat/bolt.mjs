// The peer of `make bench`: Slack's own framework, Bolt for JavaScript, with a handler that does nothing but count.
// It verifies each signature, parses each tap, acknowledges it and keeps nothing; its own caller of Slack's API is never used.
// Prints one line of JSON when it listens: {"port": …, "version": …, "count": "/"}. GET / answers with the count.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import bolt from "@slack/bolt";

let count = 0;
const receiver = new bolt.HTTPReceiver({
  signingSecret: process.env.BENCH_SIGNING_SECRET,
  endpoints: "/slack",
  logLevel: "error",
  customRoutes: [{ path: "/", method: "GET", handler: (_, out) => out.end(String(count)) }],
});
const app = new bolt.App({
  receiver,
  logLevel: "error",
  authorize: async () => ({ botToken: "xoxb-bench", botId: "B00BENCH001", botUserId: "U0000BOT00" }), // so that it asks Slack for nothing
});
app.action(/^(approve|decline)$/, async ({ ack }) => {
  await ack();
  count += 1;
});

const server = createServer((incoming, out) => {
  if (incoming.method === "POST") out.setHeader("content-length", 0); // ack() has no body; the bench reads by length
  receiver.requestListener(incoming, out);
});
server.keepAliveTimeout = 60_000;
const { version } = JSON.parse(readFileSync(new URL("node_modules/@slack/bolt/package.json", import.meta.url)));
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port, version, count: "/" })));
