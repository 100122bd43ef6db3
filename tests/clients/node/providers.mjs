// Identity providers that nobody here wrote, each behind the sign-in and as the issuer that the validator `oidc`
// trusts: a person goes through our consent page and the provider's own pages, DataHub is asked as that person, and
// the provider's own token is let in without our sign-in, unless it is forged.
//   providers.mjs canaille PROGRAM    with the Python that has it
//   providers.mjs better-auth DIRECTORY    with the packages in it
//   providers.mjs glewlwyd SCRIPT    with GLEWLWYD_ROOT in the environment

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { refreshSession, signInFlowOf } from './client_v2.mjs';
import { startDataHub, verified, whoAmI } from './company.mjs';
import { freePort, listTools, startHost } from './host.mjs';
import { Memory } from './sign_in.mjs';

const CLIENT_ID = 'datahub-mcp-sign-in';
const CLIENT_SECRET = 'a:secret/of+100%';
const [name, where] = process.argv.slice(2);

/** A provider in a process of its own, which ends with its standard input; what it printed when it listened. */
async function start(command, redirect) {
  const port = await freePort();
  const [program, ...args] = [...command, String(port), redirect];
  const env = { ...process.env, CLIENT_ID, CLIENT_SECRET };
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', data => (said += data));
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit').then(() => [])]);
  if (line === undefined) throw new Error(`the provider ended:\n${said}`);
  const stop = () => (child.stdin.end(), once(child, 'exit'));
  return { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, audience: CLIENT_ID, ...JSON.parse(line), said: () => said, stop };
}

const PROVIDERS = {
  // Refuses requests without a nonce; its access tokens are its ID tokens over again, signed with RS512.
  canaille: {
    command: [where, process.env.CANAILLE_SCRIPT],
    settings: { OAUTH_DEFAULT_SCOPE: 'openid profile email' },
    jwks: '/oauth/jwks.json',
    // its login has a page for the name and one for the password
    pages: 4,
  },
  // Refuses requests without a nonce; reads `Basic` credentials as they are and not as RFC 6749, section 2.3.1, has
  // them; names the granted scopes as the audience of an access token.
  glewlwyd: {
    command: [process.execPath, where],
    settings: { OAUTH_DEFAULT_SCOPE: 'openid', OAUTH_CLIENT_AUTH: 'post' },
    jwks: '/jwks',
    pages: 2,
    // its login page is where it asks a person who is signed in to go on
    again: 1,
    // its `sub` is a pseudonym
    pseudonyms: true,
  },
  // Signs an access token only for a `resource` that it knows; calls its clients by names of its own.
  'better-auth': {
    command: [process.execPath, join(where, 'server.mjs')],
    settings: { OAUTH_FORWARD_RESOURCE: 'true', OAUTH_DEFAULT_SCOPE: 'openid profile email offline_access' },
    jwks: '/jwks',
    pages: 3,
    // our own consent: an SDK that is offered `offline_access` asks with `prompt=consent`
    again: 1,
  },
};

async function signIn() {
  const { command, settings, jwks, pages, again, pseudonyms } = PROVIDERS[name];
  const port = await freePort();
  const idp = await start(command, `http://127.0.0.1:${port}/oauth/callback`);
  const trusted = { issuer: idp.issuer, jwks: `${idp.issuer}${jwks}`, algorithms: ['RS256', 'RS512', 'EdDSA'] };
  const seen = new Set();
  const subjects = new Set();
  const gms = await startDataHub(async token => {
    const subject = await verified(trusted, token, idp.audience);
    seen.add(token);
    subjects.add(subject);
    return pseudonyms ? process.env.IDP_USERNAME : subject;
  });
  const issuer = { DATAHUB_GMS_URL: gms, OIDC_ISSUER_URL: idp.issuer, OIDC_AUDIENCE: idp.audience };
  const client = { OIDC_CLIENT_ID: idp.client_id, OIDC_CLIENT_SECRET: idp.client_secret };
  const keys = { OAUTH_TOKEN_KEYS: randomBytes(32).toString('base64') };
  const host = await startHost({ ...issuer, ...client, ...keys, ...settings }, port);
  const memory = new Memory();
  try {
    const done = await signInFlowOf(new URL(host.url), 'auto', { exercise: whoAmI, memory, pages, again });
    assert.equal(subjects.size, 1, [...subjects].join());
    assert(seen.size > 1, 'DataHub never got a refreshed token');
    memory.saveTokens(await refreshSession(new URL(host.url), memory, memory.tokens().refresh_token));
    assert.equal(await listTools(host.url, memory.tokens().access_token), 200);

    const strict = await startHost(issuer);
    const token = [...seen].at(-1);
    assert.equal(await listTools(strict.url, token), 200, strict.log());
    const [header, payload, signature] = token.split('.');
    const claims = { ...JSON.parse(Buffer.from(payload, 'base64url')), sub: 'admin' };
    const forged = Buffer.from(JSON.stringify(claims)).toString('base64url');
    assert.equal(await listTools(strict.url, `${header}.${forged}.${signature}`), 401, 'forged claims');
    await strict.stop();
    return `${done}; its own token let in, a forged one refused`;
  } catch (error) {
    throw new Error([idp.said(), host.log(), error.stack].join('\n'));
  } finally {
    await host.stop();
    await idp.stop();
  }
}

console.log(await signIn());
process.exit(0);
