// @modelcontextprotocol/sdk, the first generation: knows the handshake era only.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { refreshAuthorization, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';

import { exercise } from './calls.mjs';
import { signInFlow } from './sign_in.mjs';

const url = new URL(process.env.MCP_URL);
const newClient = () => new Client({ name: 'sandbox-test-v1', version: '1.0.0' });

async function token() {
  const client = newClient();
  const headers = { Authorization: `Bearer ${process.env.MCP_TOKEN}` };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  const done = await exercise(client);
  await client.close();
  return done;
}

const signIn = () =>
  signInFlow({
    exercise,
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

console.log(await { token, 'sign-in': signIn }[process.argv[2]]());
process.exit(0);
