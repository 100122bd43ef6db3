// The validator `introspection` against authorization servers that nobody here wrote: who is let in, and
// what is not the caller's fault.
//   oidc-provider   the npm package: opaque tokens for an audience
//   django          django-oauth-toolkit: no audiences, and asked with a secret or with a bearer token

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

import { listTools, startHost } from './host.mjs';

const AUDIENCE = 'datahub-mcp';
const RESOURCE_SERVER = { client_id: 'mcp-server', client_secret: 'of the server: 100 %' };
const JOB = { client_id: 'nightly', client_secret: 'of-the-job' };

/** Posts a form as a client; the answer's JSON, if it has any. */
async function post(url, { client_id, client_secret }, form) {
  const encode = encodeURIComponent;
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${encode(client_id)}:${encode(client_secret)}`)}` },
    body: new URLSearchParams(form),
  });
  const text = await response.text();
  assert(response.ok, `${url}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** oidc-provider; the path of a resource says the audience and how many seconds its tokens live. */
async function oidcProvider() {
  const server = createServer();
  await new Promise(listening => server.listen(0, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const machine = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
  const provider = new Provider(issuer, {
    clients: [RESOURCE_SERVER, JOB].map(client => ({ ...client, ...machine })),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_context, resource) {
          const [, audience, seconds] = new URL(resource).pathname.split('/');
          return { scope: 'read', audience, accessTokenFormat: 'opaque', accessTokenTTL: Number(seconds) };
        },
      },
    },
  });
  server.on('request', provider.callback());
  const token = async (audience, seconds) => {
    const resource = `https://tokens.example/${audience}/${seconds}`;
    const form = { grant_type: 'client_credentials', scope: 'read', resource };
    return (await post(`${issuer}/token`, JOB, form)).access_token;
  };
  const expired = await token(AUDIENCE, 1);
  const asked = () => post(`${issuer}/token/introspection`, RESOURCE_SERVER, { token: expired });
  // It is the provider's clock that has to move on.
  while ((await asked()).active) await new Promise(later => setTimeout(later, 100));
  return {
    // The endpoint is found by discovery.
    config: { ...RESOURCE_SERVER, issuer_url: issuer, audience: AUDIENCE, subject_claim: 'client_id' },
    token: () => token(AUDIENCE, 600),
    bad: { expired, 'for another audience': await token('another-service', 600) },
    revoke: token => post(`${issuer}/token/revocation`, JOB, { token }),
    down: () => (server.closeAllConnections(), new Promise(closed => server.close(closed))),
  };
}

async function django() {
  const child = spawn(process.env.PYTHON_PROGRAM, [process.env.DJANGO_SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout), 'line');
  const { url } = JSON.parse(line);
  const person = { grant_type: 'password', username: 'ada', password: 'ada-password', scope: 'read' };
  const config = { introspection_endpoint: `${url}/o/introspect/`, any_audience: true };
  return {
    config: { ...config, ...RESOURCE_SERVER },
    others: { bearer: { ...config, client_auth: 'bearer', client_secret: 'bearer-of-the-resource-server' } },
    token: async () => (await post(`${url}/o/token/`, JOB, person)).access_token,
    bad: { expired: 'expired-token-of-ada' },
    revoke: token => post(`${url}/o/revoke_token/`, JOB, { token }),
    down: () => (child.stdin.end(), once(child, 'exit')),
  };
}

/** A server that keeps no answer longer than it takes to give it. */
function start(config) {
  return startHost({
    TOKEN_VALIDATOR_FACTORY: 'introspection',
    TOKEN_VALIDATOR_CONFIG: JSON.stringify({ ...config, cache_ttl: 0, negative_cache_ttl: 0 }),
  });
}

async function check(server) {
  const sent = [];
  const ask = (host, token) => (sent.push(token), listTools(host.url, token));
  const host = await start(server.config);
  const good = await server.token();
  assert.equal(await ask(host, good), 200, host.log());
  for (const [name, token] of Object.entries({ ...server.bad, unknown: 'a-token-of-nobody' })) {
    assert.equal(await ask(host, token), 401, `${name}: ${host.log()}`);
  }
  const revoked = await server.token();
  assert.equal(await ask(host, revoked), 200, host.log());
  await server.revoke(revoked);
  assert.equal(await ask(host, revoked), 401, `revoked: ${host.log()}`);

  const hosts = [host];
  for (const [name, config] of Object.entries(server.others ?? {})) {
    const other = await start(config);
    hosts.push(other);
    assert.equal(await ask(other, good), 200, `${name}: ${other.log()}`);
    assert.equal(await ask(other, revoked), 401, `${name}: ${other.log()}`);
  }
  // Who cannot ask does not know: 503 for good tokens and bad ones, and the log says whose fault it is.
  for (const config of [server.config, ...Object.values(server.others ?? {})]) {
    const stranger = await start({ ...config, client_secret: 'not-the-secret' });
    hosts.push(stranger);
    for (const token of [good, revoked]) assert.equal(await ask(stranger, token), 503, stranger.log());
    assert.match(stranger.log(), /"WARN".*misconfigured.*refuses our credentials.*`client_secret`/);
    assert(!stranger.log().includes('not-the-secret'), stranger.log());
  }
  await server.down();
  assert.equal(await ask(host, good), 503, `it is down: ${host.log()}`);
  for (const each of hosts) {
    await each.stop();
    for (const token of sent) assert(!each.log().includes(token), `a token in the log: ${each.log()}`);
  }
  return 'active served; expired, revoked, unknown 401; our credentials refused, or nobody there, 503';
}

const servers = { 'oidc-provider': oidcProvider, django };
console.log(await check(await servers[process.argv[2]]()));
process.exit(0);
