// @modelcontextprotocol/sdk, the first generation: knows the handshake era only.

import { pathToFileURL } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { refreshAuthorization, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';

import { exercise } from './calls.mjs';
import { signInFlow } from './sign_in.mjs';

const newClient = () => new Client({ name: 'sandbox-test-v1', version: '1.0.0' });

async function token(url) {
  const client = newClient();
  const headers = { Authorization: `Bearer ${process.env.MCP_TOKEN}` };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  const done = await exercise(client);
  await client.close();
  return done;
}

/**
 * Said for a call that was refused with the old token just when another call had refreshed: a transport remembers that
 * it refreshed for all its calls together, until one of them is answered.
 */
export const gaveUp = /Server returned 401 after successful authentication/;

/** The SDK's side of a sign-in at `url`. */
export const parts = url => ({
  Unauthorized: UnauthorizedError,
  make: authProvider => ({
    client: newClient(),
    transport: new StreamableHTTPClientTransport(url, { authProvider }),
  }),
  finish: (transport, parameters) => transport.finishAuth(parameters.get('code')),
  refresh: (memory, refreshToken) => {
    const { authorizationServerUrl, authorizationServerMetadata: metadata } = memory.discoveryState();
    const clientInformation = memory.clientInformation();
    return refreshAuthorization(authorizationServerUrl, { metadata, clientInformation, refreshToken, resource: url });
  },
});

const signIn = url => signInFlow({ exercise, ...parts(url) });

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(await { token, 'sign-in': signIn }[process.argv[2]](new URL(process.env.MCP_URL)));
  process.exit(0);
}
