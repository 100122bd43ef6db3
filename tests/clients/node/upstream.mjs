// The npm `oidc-provider` as the company's identity provider behind the sign-in: a person goes through our
// consent page and the provider's own login and consent pages, and DataHub is asked as that person.
//   jwt        a public client, RS256 access tokens for the forwarded `resource`, refresh tokens that rotate
//   opaque     a client with a secret, opaque access tokens, introspected
//   id-token   the ID token stands for the person, because the access token says nothing

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { createRemoteJWKSet, jwtVerify } from 'jose';
import Provider from 'oidc-provider';

import { refreshSession, signInFlowOf } from './client_v2.mjs';
import { freePort, startHost } from './host.mjs';
import { Memory } from './sign_in.mjs';

const CLIENT = 'datahub-mcp-sign-in';
const SECRET = 'a:secret/of+100%';
const AUDIENCE = 'datahub';
const SCOPE = 'openid offline_access';

const KINDS = {
  jwt: {
    format: 'jwt',
    settings: {
      OIDC_AUDIENCE: AUDIENCE,
      OAUTH_FORWARD_RESOURCE: 'true',
      OAUTH_DEFAULT_SCOPE: `${SCOPE} read`,
    },
    person: async ({ issuer }, token) => verified(issuer, token, AUDIENCE),
  },
  opaque: {
    format: 'opaque',
    secret: SECRET,
    settings: {
      OIDC_AUDIENCE: AUDIENCE,
      OAUTH_FORWARD_RESOURCE: 'true',
      OAUTH_DEFAULT_SCOPE: `${SCOPE} read`,
      TOKEN_VALIDATOR_FACTORY: 'introspection',
    },
    async person({ provider }, token) {
      const found = await provider.AccessToken.find(token);
      assert(found?.isValid && found.aud === AUDIENCE, 'not an access token for DataHub');
      return found.accountId;
    },
  },
  'id-token': {
    settings: {
      OIDC_AUDIENCE: CLIENT,
      OAUTH_DEFAULT_SCOPE: SCOPE,
      OAUTH_UPSTREAM_TOKEN: 'id_token',
    },
    person: async ({ issuer }, token) => verified(issuer, token, CLIENT),
  },
};

async function verified(issuer, token, audience) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  return (await jwtVerify(token, keys, { issuer, audience, algorithms: ['RS256'] })).payload.sub;
}

async function listen() {
  const server = createServer();
  await new Promise(listening => server.listen(0, '127.0.0.1', listening));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

/** A running provider with its development pages for login and consent, and the grants that it gave. */
async function startProvider({ format, secret }, redirect) {
  const { server, origin: issuer } = await listen();
  const provider = new Provider(issuer, {
    jwks: { keys: [generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })] },
    clients: [
      {
        client_id: CLIENT,
        client_secret: secret,
        token_endpoint_auth_method: secret ? 'client_secret_basic' : 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [redirect],
      },
    ],
    cookies: { keys: [randomBytes(16).toString('hex')] },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      introspection: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: format !== undefined,
        getResourceServerInfo: () => ({ scope: 'read', audience: AUDIENCE, accessTokenFormat: format, jwt: { sign: { alg: 'RS256' } } }),
      },
    },
  });
  const grants = new Map();
  const asked = [];
  provider.on('grant.success', context => {
    const { Grant: grant, AccessToken: token } = context.oidc.entities;
    grants.set(grant.jti, grant);
    asked.push({ type: context.oidc.params.grant_type, format: token?.resourceServer?.accessTokenFormat });
  });
  server.on('request', provider.callback());
  return { issuer, provider, grants, asked };
}

/** DataHub, as far as `get_me` needs it: it answers with the person whose token the provider vouches for. */
async function startDataHub(person) {
  const { server, origin } = await listen();
  server.on('request', async (request, response) => {
    const answer = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    for await (const _ of request);
    if (request.method !== 'POST' || request.url !== '/api/graphql') return answer(404, {});
    try {
      const username = await person(/^Bearer (.+)$/.exec(request.headers.authorization)[1]);
      answer(200, { data: { me: { corpUser: { urn: `urn:li:corpuser:${username}`, username }, platformPrivileges: {} } } });
    } catch (error) {
      answer(401, { message: error.message });
    }
  });
  return origin;
}

async function signIn(kind) {
  const { settings, secret, format, person } = KINDS[kind];
  const port = await freePort();
  const idp = await startProvider({ format, secret }, `http://127.0.0.1:${port}/oauth/callback`);
  const gms = await startDataHub(token => person(idp, token));
  const host = await startHost(
    {
      DATAHUB_GMS_URL: gms,
      OIDC_ISSUER_URL: idp.issuer,
      OIDC_CLIENT_ID: CLIENT,
      // the provider leaves `offline_access` out unless its consent page is shown
      OAUTH_AUTHORIZE_PARAMS: 'prompt=consent',
      OAUTH_TOKEN_KEYS: randomBytes(32).toString('base64'),
      ...(secret && { OIDC_CLIENT_SECRET: secret }),
      ...settings,
    },
    port,
  );
  const url = new URL(host.url);
  const memory = new Memory();
  const exercise = async client => {
    const { tools } = await client.listTools();
    const me = await client.callTool({ name: 'get_me', arguments: {} });
    const text = me.content.map(part => part.text).join('\n');
    assert(!me.isError && text.includes(`urn:li:corpuser:${process.env.IDP_USERNAME}`), text);
    return `${tools.length} tools, DataHub knows who asks`;
  };
  try {
    // first our consent, the provider's login and its consent; in the same browser our consent and the last: an SDK
    // that is offered `offline_access` asks with `prompt=consent` (OpenID Connect Core 1.0, section 11)
    const done = await signInFlowOf(url, 'auto', { exercise, memory, pages: 3, again: 2 });
    assert(idp.asked.some(one => one.type === 'refresh_token'), 'the provider was never asked to refresh');
    for (const one of idp.asked) assert.equal(one.format, format, `${one.type} answered another kind of token`);

    // what the provider takes back is over with us too
    const refresh = () => refreshSession(url, memory, memory.tokens().refresh_token);
    memory.saveTokens(await refresh());
    for (const grant of idp.grants.values()) await grant.destroy();
    await assert.rejects(refresh, { code: 'invalid_grant' });
    return `${done}; over once the provider took the grant back`;
  } catch (error) {
    throw new Error(`${error.stack}\n${host.log()}`);
  } finally {
    await host.stop();
  }
}

console.log(await signIn(process.argv[2]));
process.exit(0);
