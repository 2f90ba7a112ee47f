// A server of WebSockets around observer-js, for comparison: it takes the same messages as a node of ours, observes
// them, and writes every report as a line of JSON, to /dev/null.
//
//     node observer-js.js PORT
//
// The first sample of a connection opens its client; four connections share a call.

"use strict";

const fs = require("node:fs");
const { Observer } = require("@observertc/observer-js");
const { WebSocketServer } = require("ws");

const CALL_SIZE = 4;

const observer = new Observer({
  defaultServiceId: "bench",
  defaultMediaUnitId: "load",
  maxReports: 200,
  maxCollectingTimeInMs: 1000,
});
const nowhere = fs.openSync("/dev/null", "w");

observer.on("reports", (byType) => {
  for (const reports of Object.values(byType)) {
    if (!Array.isArray(reports) || reports.length === 0) continue;
    fs.writeSync(nowhere, reports.map((report) => JSON.stringify(report) + "\n").join(""));
  }
});

let clientsSoFar = 0;
let troubleTold = 0;

function openClient(sample) {
  const callId = `call-${Math.floor(clientsSoFar++ / CALL_SIZE)}`;
  const call =
    observer.observedCalls.get(callId) ||
    observer.createObservedCall({ roomId: sample.roomId || "room", callId, appData: {} });
  const client = call.createClient({ clientId: sample.clientId, mediaUnitId: "load", appData: {} });
  return { call, client };
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: false,
  backlog: 4096,
});

server.on("connection", (socket) => {
  let opened = null;
  socket.on("error", () => {});
  socket.on("close", () => {
    if (!opened) return;
    opened.client.close();
    if (opened.call.clients.size === 0) opened.call.close();
  });
  socket.on("message", (data) => {
    try {
      for (const sample of JSON.parse(data.toString()).clientSamples) {
        opened = opened || openClient(sample);
        opened.client.accept(sample);
      }
    } catch (error) {
      if (troubleTold++ < 3) console.error(error);
    }
  });
});
