// mcp-remote: a program that speaks stdio to a local client and signs in for it. The local client is
// the SDK; the browser is ours, by BROWSER and by PATH.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

import { exercise } from './calls.mjs';
import { openers } from './opener.mjs';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'mcp-remote-'));
const { environment, visits } = openers(home);

async function visit(extra = []) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [here('node_modules/mcp-remote/dist/proxy.js'), process.env.MCP_URL, ...extra],
    env: {
      ...process.env,
      HOME: home,
      MCP_REMOTE_CONFIG_DIR: join(home, 'state'),
      ...environment,
    },
    stderr: 'pipe',
  });
  let said = '';
  transport.stderr.on('data', data => (said += data));
  const client = new Client({ name: 'sandbox-test-local', version: '1.0.0' });
  try {
    await client.connect(transport);
    return await exercise(client);
  } catch (error) {
    throw new Error(`${error.message}\n${said}`);
  } finally {
    await client.close();
  }
}

try {
  const done = await visit();
  assert.equal(visits().length, 1, `the browser was opened ${visits().length} times`);
  await visit();
  assert.equal(visits().length, 1, 'the second start opened the browser again');
  console.log(`${done}; second start without a browser`);
} finally {
  rmSync(home, { recursive: true, force: true });
}
process.exit(0);
