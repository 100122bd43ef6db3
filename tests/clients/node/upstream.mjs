// The npm `oidc-provider` as the company's identity provider behind the sign-in: a person goes through our
// consent page and the provider's own login and consent pages, and DataHub is asked as that person.
//   jwt        a public client, RS256 access tokens for the forwarded `resource`, refresh tokens that rotate
//   opaque     a client with a secret, opaque access tokens, introspected
//   id-token   the ID token stands for the person, because the access token says nothing

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';

import Provider from 'oidc-provider';

import { listen, startDataHub, verified, whoAmI } from './company.mjs';
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
    person: (idp, token) => verified(idp, token, AUDIENCE),
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
    person: (idp, token) => verified(idp, token, CLIENT),
  },
};

/** A running provider with its development pages for login and consent, and the grants that it gave. */
async function startProvider({ format, secret, seconds, tokenMillis = () => 0 }, redirect) {
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
    ...(seconds && { ttl: { AccessToken: seconds } }),
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
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url !== '/token') return answer(request, response);
    setTimeout(() => answer(request, response), tokenMillis());
  });
  return { issuer, provider, grants, asked };
}

/**
 * The provider, DataHub, and the server between them. `seconds` is the lifetime of access tokens, `tokenMillis()` the
 * time that the provider takes for its next answer at the token endpoint.
 */
export async function startCompany(kind, { seconds, tokenMillis } = {}) {
  const { settings, secret, format, person } = KINDS[kind];
  const port = await freePort();
  const idp = await startProvider({ format, secret, seconds, tokenMillis }, `http://127.0.0.1:${port}/oauth/callback`);
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
  return { idp, host };
}

async function signIn(kind) {
  const { format } = KINDS[kind];
  const { idp, host } = await startCompany(kind);
  const url = new URL(host.url);
  const memory = new Memory();
  try {
    // first our consent, the provider's login and its consent; in the same browser our consent and the last: an SDK
    // that is offered `offline_access` asks with `prompt=consent` (OpenID Connect Core 1.0, section 11)
    const done = await signInFlowOf(url, 'auto', { exercise: whoAmI, memory, pages: 3, again: 2 });
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

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(await signIn(process.argv[2]));
  process.exit(0);
}
