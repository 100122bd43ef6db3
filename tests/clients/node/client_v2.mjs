// @modelcontextprotocol/client, the second generation: both eras.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

import { Client, refreshAuthorization, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

import { exercise } from './calls.mjs';
import { signInFlow } from './sign_in.mjs';

const MODES = { legacy: 'legacy', auto: 'auto', stateless: { pin: '2026-07-28' } };

function newClient(mode) {
  const options = { versionNegotiation: { mode: MODES[mode] } };
  return new Client({ name: 'sandbox-test-v2', version: '1.0.0' }, options);
}

async function token(url, mode) {
  const client = newClient(mode);
  const authProvider = { token: async () => process.env.MCP_TOKEN };
  await client.connect(new StreamableHTTPClientTransport(url, { authProvider }));
  const version = client.getNegotiatedProtocolVersion();
  assert.equal(version === '2026-07-28', mode !== 'legacy', `negotiated ${version}`);
  const done = await exercise(client);
  await client.close();
  return `${version}: ${done}`;
}

/** Refreshes with what a signed-in client remembers. */
export function refreshSession(url, memory, refreshToken) {
  const { authorizationServerUrl, authorizationServerMetadata: metadata } = memory.discoveryState();
  const clientInformation = memory.clientInformation();
  return refreshAuthorization(authorizationServerUrl, { metadata, clientInformation, refreshToken, resource: url });
}

/** The SDK's side of a sign-in at `url`. */
export const parts = (url, mode = 'auto') => ({
  Unauthorized: UnauthorizedError,
  make: authProvider => ({
    client: newClient(mode),
    transport: new StreamableHTTPClientTransport(url, { authProvider }),
  }),
  finish: (transport, parameters) => transport.finishAuth(parameters),
  refresh: (memory, refreshToken) => refreshSession(url, memory, refreshToken),
});

/** The whole sign-in at `url`; `more` goes to `signInFlow`. */
export const signInFlowOf = (url, mode, more) => signInFlow({ exercise, ...parts(url, mode), ...more });

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const what = { token, 'sign-in': signInFlowOf }[process.argv[2]];
  console.log(await what(new URL(process.env.MCP_URL), process.argv[3] ?? 'auto'));
  process.exit(0);
}
