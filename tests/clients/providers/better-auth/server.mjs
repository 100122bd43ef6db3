// Better Auth with its OAuth provider as a company's identity provider, in memory:
//   server.mjs PORT REDIRECT_URI    where its packages are
// Prints one line of JSON when it listens. Its pages for login and consent are the company's to write.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { oauthProvider } from '@better-auth/oauth-provider';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { jwt } from 'better-auth/plugins';

const [port, redirect] = process.argv.slice(2);
const { IDP_USERNAME, IDP_PASSWORD } = process.env;
const origin = `http://127.0.0.1:${port}`;
const issuer = `${origin}/api/auth`;
const audience = new URL('/mcp', redirect).href;
const scopes = ['openid', 'profile', 'email', 'offline_access'];
const mail = name => `${name}@lanternandloom.example`;
const tables = ['user', 'session', 'account', 'verification', 'jwks'].concat(
  ['Client', 'AccessToken', 'RefreshToken', 'Consent', 'Resource', 'ClientResource'].map(table => `oauth${table}`),
);

const auth = betterAuth({
  baseURL: origin,
  secret: 'of a server that ends with the test',
  database: memoryAdapter(Object.fromEntries(tables.map(table => [table, []]))),
  advanced: { database: { generateId: ({ model }) => (model === 'user' ? IDP_USERNAME : randomUUID()) } },
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  disabledPaths: ['/token'],
  plugins: [
    jwt({ jwks: { keyPairConfig: { alg: 'RS256' } } }),
    oauthProvider({ loginPage: '/login', consentPage: '/consent', scopes, resources: [audience], enforcePerClientResources: false }),
  ],
});
const person = { email: mail(IDP_USERNAME), password: IDP_PASSWORD, name: IDP_USERNAME };
const { headers: session } = await auth.api.signUpEmail({ body: person, returnHeaders: true });
const cookie = session.getSetCookie().map(one => one.split(';')[0]).join('; ');
const client = await auth.api.adminCreateOAuthClient({
  headers: new Headers({ cookie }),
  body: {
    redirect_uris: [redirect],
    scope: scopes.join(' '),
    token_endpoint_auth_method: 'client_secret_basic',
    // others have to be at an https URL
    application_type: 'native',
  },
});

const FORMS = {
  '/login': {
    html: '<form method="post"><input type="text" name="name"><input type="password" name="password"><button>Sign in</button></form>',
    endpoint: '/sign-in/email',
    body: form => ({ email: mail(form.get('name')), password: form.get('password') }),
  },
  '/consent': {
    html: '<form method="post"><button name="answer" value="allow">Allow</button></form>',
    endpoint: '/oauth2/consent',
    body: form => ({ accept: form.get('answer') === 'allow' }),
  },
};

/** What the page's script would do: tells Better Auth, and goes where that says. */
async function submit({ endpoint, body }, request, form, query) {
  const headers = { 'content-type': 'application/json', origin, cookie: request.headers.get('cookie') ?? '' };
  const answer = await auth.handler(
    new Request(`${issuer}${endpoint}`, { method: 'POST', headers, body: JSON.stringify({ ...body(form), oauth_query: query }) }),
  );
  const { url, ...rest } = await answer.json();
  if (!url) return new Response(JSON.stringify(rest), { status: 500 });
  const response = new Response(null, { status: 303, headers: { location: url } });
  for (const cookie of answer.headers.getSetCookie()) response.headers.append('set-cookie', cookie);
  return response;
}

async function answer(request) {
  const url = new URL(request.url);
  const page = FORMS[url.pathname];
  if (!page) return auth.handler(request);
  if (request.method === 'GET') return new Response(page.html, { headers: { 'content-type': 'text/html' } });
  return submit(page, request, new URLSearchParams(await request.text()), url.search.slice(1));
}

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length ? Buffer.concat(chunks) : undefined;
  const { method, url } = request;
  // a person's browser navigates; the fetch of Node.js says that a script asks, and would be told where to go in JSON
  const headers = { ...request.headers, 'sec-fetch-mode': 'navigate' };
  const result = await answer(new Request(`${origin}${url}`, { method, headers, body }));
  const sent = Object.fromEntries(result.headers);
  const cookies = result.headers.getSetCookie();
  response.writeHead(result.status, cookies.length ? { ...sent, 'set-cookie': cookies } : sent);
  response.end(Buffer.from(await result.arrayBuffer()));
}).listen(port, '127.0.0.1', () => {
  const { client_id, client_secret } = client;
  console.log(JSON.stringify({ issuer, audience, client_id, client_secret }));
});
process.stdin.resume().on('end', () => process.exit(0));
