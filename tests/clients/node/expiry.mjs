// Parallel calls at the moment when the access token expires: each of them is refused, and each of them refreshes.
//   expiry.mjs v1|v2|python
// The provider's access tokens live for two seconds, and its refresh tokens end the session at their second use. A
// trial is a sign-in of its own: its calls are all answered, and it is signed in afterwards. With EXPIRY_TRIALS set,
// so many trials, and at the end each is signed in after the time in which a used refresh token is forgiven.
// A call that an SDK gives up by itself, though it is signed in, is repeated as its user would, and counted.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { Browser } from './browser.mjs';
import * as clientV2 from './client_v2.mjs';
import { getMe } from './company.mjs';
import { listTools } from './host.mjs';
import * as sdkV1 from './sdk_v1.mjs';
import { Memory, signIn } from './sign_in.mjs';
import { startCompany } from './upstream.mjs';

const TOKEN_SECONDS = 2;
/** At most half of the time over which the calls are spread: some start while others refresh, some after that. */
const TOKEN_MILLIS = 100;
const CALLS = 8;
const JITTER_MILLIS = 200;
const GRACE_MILLIS = 61_000;
const trials = Number(process.env.EXPIRY_TRIALS || 3);
const thorough = Boolean(process.env.EXPIRY_TRIALS);

const later = millis => new Promise(resolve => setTimeout(resolve, millis));
/** Between 0 and 1, and the same in every run: multiples of the golden ratio. */
const spread = number => (number * 0.618034) % 1;
const jitter = (trial, call) => spread(trial * CALLS + call) * JITTER_MILLIS;
let repeated = 0;
let answers = 0;
const tokenMillis = () => spread(answers++) * TOKEN_MILLIS;

/** Comes back as soon as the server refuses the access token. */
async function expired(url, memory) {
  const until = Date.now() + 10 * TOKEN_SECONDS * 1000;
  while ((await listTools(url, memory.tokens().access_token)) !== 401) {
    assert(Date.now() < until, 'the access token does not expire');
    await later(20);
  }
}

/** A sign-in, and the calls at its expiry; `lost` says why it is over, if it is. */
async function trial(sdk, url, number) {
  const { IDP_USERNAME: username, IDP_PASSWORD: password } = process.env;
  const memory = new Memory();
  const parts = sdk.parts(url);
  const client = await signIn({ ...parts, memory, browser: new Browser({ username, password, visitCallback: false }) });
  memory.redirectToAuthorization = () => {
    throw new Error('the client wants to sign in again');
  };
  const call = async millis => {
    await later(millis);
    await getMe(client).catch(error => {
      if (!sdk.gaveUp?.test(error.message)) throw error;
      repeated++;
      return getMe(client);
    });
  };
  const lost = [];
  const calls = async millis => {
    await expired(url, memory);
    for (const { reason } of await Promise.allSettled(millis.map(call))) if (reason) lost.push(reason.message);
  };
  await calls(Array.from({ length: CALLS }, (_, index) => jitter(number, index)));
  await calls([0]);
  const close = async () => {
    if (thorough) await calls([0]);
    await client.close();
    return lost;
  };
  return { lost, close };
}

async function typescript(sdk, url) {
  const done = [];
  for (let number = 0; number < trials; number++) done.push(await trial(sdk, url, number));
  if (thorough) await later(GRACE_MILLIS);
  const lost = (await Promise.all(done.map(one => one.close()))).filter(one => one.length > 0);
  assert.equal(lost.length, 0, `${lost.length} of ${trials} sign-ins lost: ${JSON.stringify(lost)}`);
}

async function python(url) {
  const script = process.env.EXPIRY_SCRIPT;
  const jitters = Array.from({ length: trials }, (_, number) =>
    Array.from({ length: CALLS }, (_, index) => jitter(number, index) / 1000),
  );
  const args = [script, JSON.stringify(jitters), String(thorough ? GRACE_MILLIS / 1000 : 0)];
  const child = spawn(process.env.PYTHON_PROGRAM, args, { env: { ...process.env, MCP_URL: url.href }, stdio: 'inherit' });
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
}

const clients = {
  v1: url => typescript(sdkV1, url),
  v2: url => typescript(clientV2, url),
  python,
};
const { idp, host } = await startCompany('jwt', { seconds: TOKEN_SECONDS, tokenMillis });
try {
  await clients[process.argv[2]](new URL(host.url));
} catch (error) {
  const said = host.log().split('\n').filter(line => /"(WARN|ERROR)"/.test(line));
  throw new Error([error.stack, ...said.slice(-20)].join('\n'));
}
await host.stop();
const refreshed = idp.asked.filter(one => one.type === 'refresh_token').length;
assert(refreshed >= trials, `the provider was asked to refresh ${refreshed} times`);
console.log(`${trials} sign-ins, ${CALLS} calls at expiry each: none lost, ${refreshed} refreshes${repeated ? `, ${repeated} calls repeated` : ''}`);
process.exit(0);
