// The person in front of a browser: follows redirects, keeps cookies, approves what is asked and signs
// in. As a program: `node browser.mjs URL`, with IDP_USERNAME and IDP_PASSWORD in the environment.

import { pathToFileURL } from 'node:url';

const MAX_STEPS = 20;
const MAX_ATTEMPTS = 200;

export class Browser {
  /** Cookies by origin, then name. */
  #jar = new Map();
  /** Addresses and kinds of the pages that were shown. */
  pages = [];

  constructor({ username, password, approve = true, visitCallback = true }) {
    Object.assign(this, { username, password, approve, visitCallback });
  }

  /**
   * Goes on from `url` until the browser is sent to `callback` (or, without one, until a page without
   * a form). Returns the address that it ended at.
   */
  async visit(url, callback) {
    // an app opens it, which a browser says of this request and of the redirects that follow
    let request = { url: new URL(url), method: 'GET', site: 'none' };
    for (let step = 0; step < MAX_STEPS; step++) {
      if (callback && request.url.href.startsWith(callback) && !this.visitCallback) return request.url;
      const response = await this.#send(request);
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location) {
        const post = request.method === 'POST' && [307, 308].includes(response.status);
        const next = new URL(location, request.url);
        const left = request.site === 'same-origin' && next.origin !== request.url.origin;
        const site = left ? 'cross-site' : request.site;
        request = { ...(post ? request : { method: 'GET' }), url: next, site };
        continue;
      }
      const html = await response.text();
      if (callback && request.url.href.startsWith(callback)) return request.url;
      const form = findForm(html);
      if (!form) {
        if (callback) throw new Error(`stuck at ${request.url} (${response.status}): ${words(html)}`);
        return request.url;
      }
      request = this.#fill(form, request.url);
    }
    throw new Error(`no end after ${MAX_STEPS} steps: ${this.pages.join(', ')}`);
  }

  #fill(form, at) {
    const values = new URLSearchParams();
    const secret = form.inputs.some(input => input.type === 'password');
    this.pages.push(`${secret ? 'login' : 'question'} at ${at.host}`);
    for (const input of form.inputs) {
      if (input.type === 'password') values.append(input.name, this.password);
      else if (isName(input, secret)) values.append(input.name, this.username);
      else if (input.type !== 'submit' && input.name) values.append(input.name, input.value ?? '');
    }
    const refuses = button => /cancel|deny|abort|logout/i.test(`${button.value} ${button.text}`);
    const button = form.buttons.find(one => secret || this.approve ? !refuses(one) : refuses(one));
    if (button?.name) values.append(button.name, button.value ?? '');
    const url = new URL(form.action ?? '', at);
    const site = url.origin === at.origin ? 'same-origin' : 'cross-site';
    if (form.method === 'post') return { url, method: 'POST', body: values, site };
    url.search = values;
    return { url, method: 'GET', site };
  }

  async #send({ url, method, body, site }) {
    const cookies = [...(this.#jar.get(url.host) ?? new Map())].map(pair => pair.join('=')).join('; ');
    const headers = { accept: 'text/html', 'sec-fetch-site': site };
    if (cookies) headers.cookie = cookies;
    // what a browser says of a form that it posts to the page's own origin
    if (method === 'POST') headers.origin = url.origin;
    const response = await patiently(() => fetch(url, { method, body, headers, redirect: 'manual' }));
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';');
      const [name, ...value] = pair.trim().split('=');
      const jar = this.#jar.get(url.host) ?? this.#jar.set(url.host, new Map()).get(url.host);
      if (attributes.some(one => /^\s*max-age=0\s*$/i.test(one))) jar.delete(name);
      else jar.set(name, value.join('='));
    }
    return response;
  }
}

/** Some clients open the browser before they listen for its return; a person is never that quick. */
async function patiently(request) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await request();
    } catch (error) {
      if (error.cause?.code !== 'ECONNREFUSED' || attempt === MAX_ATTEMPTS) throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

/** The first form of a page, or undefined. */
function findForm(html) {
  const match = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(html);
  if (!match) return undefined;
  const own = attributes(match[1]);
  const inputs = [...match[2].matchAll(/<input\b([^>]*)>/gi)].map(found => attributes(found[1]));
  const buttons = [...match[2].matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)].map(found => ({
    ...attributes(found[1]),
    text: words(found[2]),
  }));
  return { action: own.action, method: (own.method ?? 'get').toLowerCase(), inputs, buttons };
}

/** Is this the field for the person's name? It stands beside the password, or says so on a page of its own. */
function isName({ type = '', autocomplete = '' }, besidePassword) {
  return ['text', 'email', ''].includes(type) && (besidePassword || /\busername\b/.test(autocomplete));
}

function attributes(tag) {
  const pairs = [...tag.matchAll(/([a-z-]+)\s*=\s*("([^"]*)"|'([^']*)'|([^\s"'>]+))/gi)];
  return Object.fromEntries(pairs.map(pair => [pair[1].toLowerCase(), unescape(pair[3] ?? pair[4] ?? pair[5])]));
}

function unescape(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(#x[0-9a-f]+|#\d+|[a-z]+);/gi, (whole, name) => {
    if (name[0] !== '#') return named[name.toLowerCase()] ?? whole;
    return String.fromCodePoint(name[1].toLowerCase() === 'x' ? parseInt(name.slice(2), 16) : +name.slice(1));
  });
}

function words(html) {
  return html.replace(/<style[\s\S]*?<\/style>/gi, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 300);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { IDP_USERNAME: username, IDP_PASSWORD: password } = process.env;
  const browser = new Browser({ username, password });
  await browser.visit(process.argv.at(-1), process.env.BROWSER_CALLBACK);
  if (process.env.BROWSER_LOG) {
    const { appendFileSync } = await import('node:fs');
    appendFileSync(process.env.BROWSER_LOG, `${browser.pages.join(', ')}\n`);
  }
}
