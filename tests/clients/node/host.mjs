// The real server as a child process, for tests that need it with other settings than the sandbox's.

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

export async function freePort() {
  const server = createServer();
  await new Promise(listening => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise(closed => server.close(closed));
  return port;
}

/** Starts `datahub-mcp serve` with these variables; `stop()` ends it. */
export async function startHost(settings, port) {
  port ??= await freePort();
  const child = spawn(process.env.HOST_PROGRAM, ['serve', '--host', '127.0.0.1', '--port', String(port)], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATAHUB_GMS_URL: process.env.GMS_URL, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (said += data));
  const ended = new Promise(resolve => child.on('exit', resolve));
  process.on('exit', () => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`the server ended:\n${said}`);
    const health = await fetch(`${url}/health`).catch(() => undefined);
    if (health?.ok) return { url: `${url}/mcp`, log: () => said, stop: () => (child.kill(), ended) };
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`the server does not answer:\n${said}`);
}

/** The HTTP status of `tools/list` with a token. */
export async function listTools(url, token) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
  });
  await response.arrayBuffer();
  return response.status;
}
