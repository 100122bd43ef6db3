// Glewlwyd as a company's identity provider, with SQLite in a directory of its own: server.mjs PORT REDIRECT_URI
// GLEWLWYD_ROOT is where Debian's packages glewlwyd and glewlwyd-common are unpacked. Prints one line of JSON when it
// listens. Its own login page is a script; this one is a form in front of the same requests.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const [port, redirect] = process.argv.slice(2);
const { IDP_USERNAME, IDP_PASSWORD, CLIENT_ID, CLIENT_SECRET, GLEWLWYD_ROOT: root } = process.env;
const origin = `http://127.0.0.1:${port}`;
const issuer = `${origin}/api/oidc`;
const SCOPE = 'openid';
const directory = mkdtempSync(join(tmpdir(), 'glewlwyd-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const behind = await new Promise(found => {
  const socket = createSocket().listen(0, '127.0.0.1', () => {
    const free = socket.address().port;
    socket.close(() => found(`http://127.0.0.1:${free}`));
  });
});

function configure() {
  const database = join(directory, 'db');
  const sql = readFileSync(join(root, 'usr/share/dbconfig-common/data/glewlwyd/install/sqlite3'));
  execFileSync('sqlite3', [database], { input: sql });
  const sample = gunzipSync(readFileSync(join(root, 'usr/share/doc/glewlwyd/glewlwyd.conf.sample.gz'))).toString();
  const set = {
    port: new URL(behind).port,
    bind_address: '"127.0.0.1"',
    external_url: `"${origin}"`,
    login_url: '"login"',
    cookie_domain: '"127.0.0.1"',
    cookie_secure: '0',
  };
  const kept = sample.split('\n').filter(line => !Object.keys(set).some(name => line.startsWith(`${name}=`)));
  const lines = Object.entries(set).map(([name, value]) => `${name}=${value}`);
  const text = [...lines, ...kept].join('\n');
  const paths = text.replaceAll('/usr/lib/glewlwyd', join(root, 'usr/lib/glewlwyd')).replaceAll('/var/cache/glewlwyd/glewlwyd.db', database);
  writeFileSync(join(directory, 'conf'), paths.replaceAll('/usr/share/glewlwyd', join(root, 'usr/share/glewlwyd')));
}

configure();
const glewlwyd = spawn(join(root, 'usr/bin/glewlwyd'), [`--config-file=${join(directory, 'conf')}`], { stdio: ['ignore', 2, 2] });
process.on('exit', () => glewlwyd.kill('SIGKILL'));

/** A request of a page's script: JSON, with the browser's cookies. */
async function script(method, path, body, cookie = '') {
  const headers = { 'content-type': 'application/json', cookie };
  const response = await fetch(`${behind}/api${path}`, { method, headers, body: JSON.stringify(body) });
  assert(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
  return response.headers.getSetCookie();
}
const pairs = cookies => cookies.map(one => one.split(';')[0]).join('; ');

async function fill() {
  const until = Date.now() + 20_000;
  let cookies;
  while (!cookies) {
    cookies = await script('POST', '/auth/', { username: 'admin', password: 'password' }).catch(error => {
      if (Date.now() > until || glewlwyd.exitCode !== null) throw error;
    });
    await new Promise(later => setTimeout(later, 50));
  }
  const encoding = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } };
  const { privateKey: key, publicKey: cert } = generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding });
  const on = ['code', 'token', 'id-token', 'none', 'client', 'refresh'].map(type => [`auth-type-${type}-enabled`, true]);
  const off = ['password', 'device'].map(type => [`auth-type-${type}-enabled`, false]);
  const parameters = {
    ...Object.fromEntries([...on, ...off]),
    iss: issuer,
    'jwt-type': 'rsa',
    'jwt-key-size': '256',
    key,
    cert,
    'access-token-duration': 3600,
    'refresh-token-duration': 1_209_600,
    'code-duration': 600,
    'refresh-token-rolling': true,
    'refresh-token-one-use': 'always',
    'allow-non-oidc': false,
    scope: [],
    'additional-parameters': [],
    claims: [],
    'pkce-allowed': true,
    'subject-type': 'public',
    'jwks-show': true,
    'oauth-as-iss-id': true,
  };
  const admin = pairs(cookies);
  await script('POST', '/mod/plugin/', { module: 'oidc', name: 'oidc', display_name: 'oidc', parameters }, admin);
  const person = { username: IDP_USERNAME, password: IDP_PASSWORD, name: IDP_USERNAME, enabled: true, scope: [SCOPE, 'g_profile'] };
  await script('POST', '/user/', person, admin);
  const client = {
    client_id: CLIENT_ID,
    password: CLIENT_SECRET,
    name: 'DataHub',
    confidential: true,
    enabled: true,
    redirect_uri: [redirect],
    authorization_type: ['code', 'refresh_token'],
    scope: [SCOPE],
    token_endpoint_auth_method: ['client_secret_post'],
  };
  await script('POST', '/client/', client, admin);
}

const PAGE = `<form method="post"><input type="text" name="name"><input type="password" name="password"><button>Sign in</button></form>`;

/** Signs the person in, grants what the client asks for, and goes on where Glewlwyd wants the browser. */
async function signIn(url, form, response) {
  const { searchParams } = new URL(url, origin);
  const cookies = await script('POST', '/auth/', { username: form.get('name'), password: form.get('password') });
  await script('PUT', `/auth/grant/${searchParams.get('client_id')}`, { scope: searchParams.get('scope') }, pairs(cookies));
  const location = `${searchParams.get('callback_url')}&g_continue`;
  response.writeHead(303, { location, 'set-cookie': cookies }).end();
}

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length ? Buffer.concat(chunks) : undefined;
  const { method, url } = request;
  if (url.startsWith('/login?')) {
    if (method === 'POST') return signIn(url, new URLSearchParams(String(body)), response);
    return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  }
  const { host, connection, 'content-length': length, 'transfer-encoding': encoding, ...headers } = request.headers;
  const result = await fetch(`${behind}${url}`, { method, headers, body, redirect: 'manual' });
  const names = ['content-type', 'location', 'cache-control'].filter(name => result.headers.has(name));
  const sent = Object.fromEntries(names.map(name => [name, result.headers.get(name)]));
  response.writeHead(result.status, { ...sent, 'set-cookie': result.headers.getSetCookie() });
  response.end(Buffer.from(await result.arrayBuffer()));
}

await fill();
createServer((request, response) => {
  answer(request, response).catch(error => {
    console.error(error);
    response.writeHead(502).end();
  });
}).listen(port, '127.0.0.1', () => console.log(JSON.stringify({ issuer, audience: SCOPE })));
process.stdin.resume().on('end', () => process.exit(0));
