// The client's side of a sign-in, the same for both generations of the TypeScript SDK: remembers what
// a client has to remember, and hands the browser the address to open.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { Browser } from './browser.mjs';

const CALLBACK = 'http://127.0.0.1:33418/callback';

/** An `OAuthClientProvider` in memory. */
export class Memory {
  redirectUrl = CALLBACK;
  clientMetadata = {
    client_name: 'sandbox test client',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  #state = randomUUID();
  #saved = {};
  authorizationUrl;

  state = () => this.#state;
  clientInformation = () => this.#saved.client;
  saveClientInformation = client => void (this.#saved.client = client);
  tokens = () => this.#saved.tokens;
  saveTokens = tokens => void (this.#saved.tokens = tokens);
  codeVerifier = () => this.#saved.verifier;
  saveCodeVerifier = verifier => void (this.#saved.verifier = verifier);
  discoveryState = () => this.#saved.discovery;
  saveDiscoveryState = discovery => void (this.#saved.discovery = discovery);
  redirectToAuthorization = url => void (this.authorizationUrl = url);
  invalidateCredentials = scope => {
    const names = { all: ['client', 'tokens', 'verifier', 'discovery'] }[scope] ?? [scope];
    for (const name of names) delete this.#saved[name];
  };
}

/**
 * Signs a person in and returns the connected client. `make(memory)` gives a new client and
 * transport; `finish(transport, parameters)` hands the callback's parameters to the SDK.
 */
export async function signIn({ make, finish, Unauthorized, memory, browser }) {
  const first = make(memory);
  await assert.rejects(first.client.connect(first.transport), Unauthorized);
  const landed = await browser.visit(memory.authorizationUrl, CALLBACK);
  const parameters = landed.searchParams;
  assert.equal(parameters.get('error'), null, String(landed));
  assert.equal(parameters.get('state'), memory.state());
  assert(parameters.get('iss'), 'no iss in the answer');
  await finish(first.transport, parameters);
  const second = make(memory);
  await second.client.connect(second.transport);
  return second.client;
}

/**
 * The whole flow with checks: sign-in, a second visit by the refresh token alone, two refreshes at once.
 * The browser has to be shown `pages` pages the first time and `again` the second.
 */
export async function signInFlow(options) {
  const { make, finish, Unauthorized, refresh, exercise, memory = new Memory(), pages = 2, again: more = 0 } = options;
  const { IDP_USERNAME: username, IDP_PASSWORD: password } = process.env;
  const browser = new Browser({ username, password, visitCallback: false });
  const client = await signIn({ make, finish, Unauthorized, memory, browser });
  const done = await exercise(client);
  await client.close();
  assert.equal(browser.pages.length, pages, `consent and login expected: ${browser.pages}`);

  const before = memory.tokens();
  assert(before.refresh_token, 'no refresh token');
  memory.saveTokens({ ...before, access_token: 'mcp_at_forgotten' });
  const again = make(memory);
  await again.client.connect(again.transport);
  await exercise(again.client);
  await again.client.close();
  assert.notEqual(memory.tokens().refresh_token, before.refresh_token, 'the refresh token did not rotate');

  const spent = memory.tokens().refresh_token;
  const both = await Promise.all([refresh(memory, spent), refresh(memory, spent)]);
  for (const tokens of both) assert(tokens.access_token, 'a parallel refresh failed');
  memory.saveTokens(both[0]);

  // the same person in the same browser: neither asked by us nor signed in again
  const other = new Memory();
  other.saveClientInformation(memory.clientInformation());
  const shown = browser.pages.length;
  const third = await signIn({ make, finish, Unauthorized, memory: other, browser });
  await third.close();
  assert.equal(browser.pages.length, shown + more, `asked again: ${browser.pages}`);
  return `${done}; refreshed, twice at once, and signed in again${more ? '' : ' without a question'}`;
}
