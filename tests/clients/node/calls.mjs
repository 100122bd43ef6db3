// What every client does once it is connected, and what has to come of it.

import assert from 'node:assert/strict';

export const ORDERS = 'urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.fct_orders,PROD)';
const UPSTREAM = 'urn:li:dataset:(urn:li:dataPlatform:dbt,lantern.marts.fct_orders,PROD)';

/** Lists the tools, calls `search` and `get_lineage`; answers with one line about it. */
export async function exercise(client) {
  const { tools } = await client.listTools();
  const names = tools.map(tool => tool.name);
  for (const name of ['search', 'get_lineage']) assert(names.includes(name), `no tool ${name} in ${names}`);
  const found = text(await client.callTool({ name: 'search', arguments: { query: 'fct_orders' } }));
  assert(found.includes(ORDERS), `search did not find ${ORDERS}: ${found.slice(0, 300)}`);
  const lineage = text(await client.callTool({ name: 'get_lineage', arguments: { urn: ORDERS, upstream: true } }));
  assert(lineage.includes(UPSTREAM), `lineage lacks ${UPSTREAM}: ${lineage.slice(0, 300)}`);
  return `${tools.length} tools, search and lineage answered`;
}

function text(result) {
  const texts = result.content.filter(part => part.type === 'text').map(part => part.text);
  assert(!result.isError, texts.join('\n'));
  return texts.join('\n');
}
