// Agents as people use them, without an account at their makers: each signs in at the server by its own command,
// with the person of `browser.mjs` in front of its browser, and is connected at its next start without a browser.
// The same agent is connected with a given token.
//   agents.mjs codex|claude|gemini|opencode DIRECTORY    with its packages in DIRECTORY

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { ORDERS } from './calls.mjs';
import { freePort, startHost } from './host.mjs';
import { openers } from './opener.mjs';

const CLIENT = 'datahub-mcp';
const LIMIT_MILLIS = 100_000;
const [name, directory] = process.argv.slice(2);
const modules = join(directory, 'node_modules');
const home = join(directory, 'home');
rmSync(home, { recursive: true, force: true });
const { environment, visits } = openers(home);
const work = join(home, 'work');
mkdirSync(work);

/** Nothing of the environment that the tests run in: it may hold settings or accounts of the same agents. */
const env = {
  ...environment,
  HOME: home,
  XDG_CONFIG_HOME: join(home, 'config'),
  XDG_DATA_HOME: join(home, 'data'),
  XDG_STATE_HOME: join(home, 'state'),
  XDG_CACHE_HOME: join(home, 'cache'),
  CODEX_HOME: join(home, 'codex'),
  // without a display, some do not even try to open a browser
  DISPLAY: ':99',
  TERM: 'xterm-256color',
  MCP_TOKEN: process.env.MCP_TOKEN,
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  GEMINI_API_KEY: 'none',
  GEMINI_CLI_TRUST_WORKSPACE: 'true',
};

function write(path, text) {
  mkdirSync(join(home, path, '..'), { recursive: true });
  writeFileSync(join(home, path), text);
}

/** Runs a command to its end; what it said. */
async function run([program, ...args], statuses = [0]) {
  const options = { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MILLIS };
  const child = spawn(program, args, options);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (said += data));
  const [code] = await once(child, 'close');
  assert(statuses.includes(code), `${args.join(' ')} (${code}): ${said}`);
  return said;
}

/** The same in a terminal; once `question` is on the screen, `answer` is typed. */
const inTerminal = (command, question = '', answer = '', statuses) =>
  run([process.env.PYTHON_PROGRAM, process.env.TERMINAL_SCRIPT, question, answer, ...command], statuses);

/** Calls a tool through Codex's own client, as an editor with Codex in it would: JSON-RPC over stdio. */
async function callWithCodex(codex, server) {
  const child = spawn(codex[0], [...codex.slice(1), 'app-server'], { cwd: work, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const send = message => child.stdin.write(`${JSON.stringify(message)}\n`);
  let id = 0;
  const request = async (method, params) => {
    send({ id: ++id, method, params });
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      const message = JSON.parse(line.value);
      if (message.id !== id || message.method) continue;
      assert(message.result, `${method}: ${line.value}`);
      return message.result;
    }
    throw new Error(`Codex ended at ${method}`);
  };
  await request('initialize', { clientInfo: { name: 'sandbox-test', title: 'sandbox test', version: '1.0.0' } });
  send({ method: 'initialized' });
  const { thread } = await request('thread/start', {});
  const call = { threadId: thread.id, server, tool: 'search', arguments: { query: 'fct_orders' } };
  const result = await request('mcpServer/tool/call', call);
  assert(JSON.stringify(result.content).includes(ORDERS), JSON.stringify(result).slice(0, 300));
  child.kill();
}

const agents = {
  async codex(url) {
    const codex = [process.execPath, join(modules, '@openai/codex/bin/codex.js')];
    write(
      'codex/config.toml',
      `mcp_oauth_credentials_store = "file"
[mcp_servers.person]
url = "${url}"
[mcp_servers.token]
url = "${url}"
bearer_token_env_var = "MCP_TOKEN"
`,
    );
    const list = () => run([...codex, 'mcp', 'list']);
    assert.match(await list(), /person .*Not logged in/);
    assert.match(await run([...codex, 'mcp', 'login', 'person']), /Successfully logged in/);
    assert.match(await list(), /person .*OAuth/);
    for (const server of ['person', 'token']) await callWithCodex(codex, server);
    return 'signed in; search answered, also with a given token';
  },

  async claude(url) {
    const platform = `${process.platform}-${process.arch}`;
    const claude = [join(modules, `@anthropic-ai/claude-code-${platform}/claude`)];
    const add = [...claude, 'mcp', 'add', '--scope', 'user', '--transport', 'http'];
    await run([...add, 'person', url]);
    await run([...add, 'token', url, '--header', `Authorization: Bearer ${env.MCP_TOKEN}`]);
    const list = () => run([...claude, 'mcp', 'list']);
    const before = await list();
    assert.match(before, /person: .*Needs authentication/);
    assert.match(before, /token: .*Connected/);
    await inTerminal([...claude, 'mcp', 'login', 'person']);
    assert.match(await list(), /person: .*Connected/);
    return 'signed in and connected; connected with a given token';
  },

  async gemini(url) {
    const gemini = [process.execPath, join(modules, '@google/gemini-cli/bundle/gemini.js')];
    const settings = {
      mcpServers: {
        person: { type: 'http', url },
        token: { type: 'http', url, headers: { Authorization: `Bearer ${env.MCP_TOKEN}` } },
      },
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    };
    write('.gemini/settings.json', JSON.stringify(settings));
    const list = () => run([...gemini, 'mcp', 'list']);
    const before = await list();
    assert.match(before, /person: .*Disconnected/);
    assert.match(before, /token: .*Connected/);
    // 42: the command's answer is for its screen, which a single prompt does not have; it is signed in all the same
    const said = await inTerminal([...gemini, '-p', '/mcp auth person'], '[Y/n]', 'y', [0, 42]);
    assert.match(said, /Successfully authenticated/);
    assert.match(await list(), /person: .*Connected/);
    return 'signed in and connected; connected with a given token';
  },

  async opencode(url) {
    const opencode = [join(modules, 'opencode-linux-x64-baseline/bin/opencode')];
    const headers = { Authorization: 'Bearer {env:MCP_TOKEN}' };
    const mcp = {
      person: { type: 'remote', url },
      token: { type: 'remote', url, headers, oauth: false },
    };
    write('config/opencode/opencode.json', JSON.stringify({ mcp, autoupdate: false, share: 'disabled' }));
    const list = async () => (await run([...opencode, 'mcp', 'list'])).replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, '');
    const before = await list();
    assert.match(before, /person needs authentication/);
    assert.match(before, /token connected/);
    assert.match(await run([...opencode, 'mcp', 'auth', 'person']), /Authentication successful/);
    assert.match(await list(), /person connected/);
    return 'signed in and connected; connected with a given token';
  },
};

const port = await freePort();
const issuer = process.env.IDP_ISSUER;
const allowed = await fetch(`${issuer}/control/redirect-uri`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ client_id: CLIENT, redirect_uri: `http://127.0.0.1:${port}/oauth/callback` }),
});
assert(allowed.ok, `the provider's controls: ${allowed.status}`);
const host = await startHost(
  {
    OIDC_ISSUER_URL: issuer,
    OIDC_AUDIENCE: CLIENT,
    OIDC_CLIENT_ID: CLIENT,
    OAUTH_TOKEN_KEYS: randomBytes(32).toString('base64'),
    // Codex and Claude Code would name documents at their makers' hosts, which a test does not reach
    OAUTH_CLIENT_METADATA: 'false',
  },
  port,
);
try {
  const done = await agents[name](host.url);
  assert.equal(visits().length, 1, `the browser was opened ${visits().length} times`);
  assert.match(visits()[0], /^question .*, login /);
  console.log(done);
} catch (error) {
  const said = host.log().split('\n').filter(line => /"(WARN|ERROR)"/.test(line));
  throw new Error([error.stack, ...said.slice(-20)].join('\n'));
} finally {
  await host.stop();
  rmSync(home, { recursive: true, force: true });
}
process.exit(0);
