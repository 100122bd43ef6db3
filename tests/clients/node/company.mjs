// What a company has around the server, for tests that bring an identity provider of their own: a DataHub that
// knows its people by the provider's tokens.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { createRemoteJWKSet, jwtVerify } from 'jose';

/** The person of a token that the issuer signed for this audience. */
export async function verified({ issuer, jwks = `${issuer}/jwks`, algorithms = ['RS256'] }, token, audience) {
  const keys = createRemoteJWKSet(new URL(jwks));
  return (await jwtVerify(token, keys, { issuer, audience, algorithms })).payload.sub;
}

/** A server on a free port that has no handler yet. */
export async function listen() {
  const server = createServer();
  await new Promise(listening => server.listen(0, '127.0.0.1', listening));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

/** DataHub, as far as `get_me` needs it: it answers with the person whose token the provider vouches for. */
export async function startDataHub(person) {
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

/** Asks DataHub who one is, and answers with one line about it. */
export async function whoAmI(client) {
  const { tools } = await client.listTools();
  await getMe(client);
  return `${tools.length} tools, DataHub knows who asks`;
}

/** One call, which has to be answered for the person that signed in. */
export async function getMe(client) {
  const me = await client.callTool({ name: 'get_me', arguments: {} });
  const text = me.content.map(part => part.text).join('\n');
  assert(!me.isError && text.includes(`urn:li:corpuser:${process.env.IDP_USERNAME}`), text);
}
