// Programs that open a browser, for clients that start one: all of them are `browser.mjs`.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BROWSER = fileURLToPath(new URL('browser.mjs', import.meta.url));

/** Makes them in `directory`; `environment` for the client, and the pages that were shown at each visit. */
export function openers(directory) {
  const bin = join(directory, 'bin');
  const log = join(directory, 'browser.log');
  mkdirSync(bin, { recursive: true });
  writeFileSync(log, '');
  for (const name of ['xdg-open', 'x-www-browser', 'sensible-browser']) {
    // In the background, as a browser is: the client waits for its opener before it listens.
    const script = `#!/bin/sh\n"${process.execPath}" "${BROWSER}" "$1" >/dev/null 2>&1 &\n`;
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), 0o755);
  }
  const { PATH, IDP_USERNAME, IDP_PASSWORD } = process.env;
  const environment = {
    PATH: `${bin}:${PATH}`,
    BROWSER: join(bin, 'xdg-open'),
    BROWSER_LOG: log,
    IDP_USERNAME,
    IDP_PASSWORD,
  };
  return { environment, visits: () => readFileSync(log, 'utf8').split('\n').filter(Boolean) };
}
