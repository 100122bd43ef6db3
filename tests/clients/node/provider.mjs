// The npm `oidc-provider` as the company's identity provider.
//   tokens   its tokens in each algorithm, verified by the server from issuer and audience alone

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

import { listTools, startHost } from './host.mjs';

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const AUDIENCE = 'datahub-mcp';
const SECRET = 'a secret: of 100 %';

function keys() {
  const pairs = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ed25519'),
  ];
  return { keys: pairs.map(pair => pair.privateKey.export({ format: 'jwk' })) };
}

/** A running provider; a resource `https://tokens.example/ALG/AUDIENCE` says what tokens look like. */
async function startProvider() {
  const server = createServer();
  await new Promise(listening => server.listen(0, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks: keys(),
    clients: [{ client_id: 'job', client_secret: SECRET, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_context, resource) {
          const [, alg, audience] = new URL(resource).pathname.split('/');
          return { scope: 'read', audience, accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
        },
      },
    },
  });
  server.on('request', provider.callback());
  return { issuer, server };
}

async function clientToken(issuer, alg, audience) {
  const encode = encodeURIComponent;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`job:${encode(SECRET)}`)}` },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'read',
      resource: `https://tokens.example/${alg}/${audience}`,
    }),
  });
  const answer = await response.json();
  assert(response.ok, JSON.stringify(answer));
  const header = JSON.parse(Buffer.from(answer.access_token.split('.')[0], 'base64url'));
  assert.equal(header.alg, alg);
  return answer.access_token;
}

async function tokens() {
  const { issuer, server } = await startProvider();
  const settings = { OIDC_ISSUER_URL: issuer, OIDC_AUDIENCE: AUDIENCE };
  const host = await startHost(settings);
  for (const alg of ALGORITHMS) {
    const token = await clientToken(issuer, alg, AUDIENCE);
    assert.equal(await listTools(host.url, token), 200, `${alg}: ${host.log()}`);
    const [header, payload, signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url');
    assert.equal(await listTools(host.url, `${header}.${forged}.${signature}`), 401, `${alg}: forged claims`);
    assert.equal(await listTools(host.url, await clientToken(issuer, alg, 'another-service')), 401, `${alg}: another audience`);
  }
  await host.stop();
  const strict = await startHost({ ...settings, OIDC_ALGORITHMS: 'RS256' });
  assert.equal(await listTools(strict.url, await clientToken(issuer, 'RS256', AUDIENCE)), 200, strict.log());
  assert.equal(await listTools(strict.url, await clientToken(issuer, 'ES256', AUDIENCE)), 401, 'ES256 where RS256 is asked for');
  await strict.stop();
  server.close();
  return `${ALGORITHMS.join(', ')} verified; forged ones and those for another audience refused`;
}

console.log(await { tokens }[process.argv[2]]());
process.exit(0);
