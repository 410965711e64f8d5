/** Where there is no doubt which server is meant, several are as transparent as one. */
import { startStatefulServer } from '../../support/stateful-server.ts';
import { everywhere, hearing, ofSessions } from './cells.ts';
import { compare } from './compared.ts';
import { ofSessions as differences } from './differences.ts';
import { firstClient as connect } from './peers.ts';
import { startSessionServer as start } from './session-server.ts';

/** Cells in which several servers have to be told apart, with how: docs/compatibility.md says the same. */
const apart = new Set([
  // What the servers are together.
  'capabilities',
  'serverInfo',
  'instructions',
  'tools/list',
  // URIs in what calls answer say whose they are.
  'a call: all kinds of content, structure, _meta, unknown members',
  'a prompt',
  // Questions say who asks.
  'a form, accepted',
  'a form, declined',
  'a form, left',
  'a URL to visit',
  'a question that the client refuses',
  'a URL that an error wants visited',
  'a question that is taken back',
  'a question outside of calls',
  // Nobody knows whose it is.
  'a tool that no list has',
  'a tool with the name of a prefix',
  'a prompt that no list has',
  'a resource of bytes',
  'a resource that no list has',
  'a resource that nobody has',
  'a subscription to what no list has',
  'completion of what no list has',
  'completion of a prompt that no list has',
  'a method of an extension',
  'a method of an extension without params',
  'a method that nobody has',
  // It is answered by the question outside of calls.
  'answers outside of calls',
]);

const beside = async () => {
  const nothing = { prompts: [], resources: [], templates: [] };
  const two = await startStatefulServer({ name: 'two', tools: [{ name: 'of_two' }], ...nothing });
  const three = await startStatefulServer({ name: 'three', tools: [{ name: 'of_three' }], ...nothing });
  return { two, three };
};

const cells = Object.fromEntries(Object.entries({ ...everywhere, ...ofSessions }).filter(([name]) => !apart.has(name)));

compare('the first of three servers', { cells, connect, start, beside, ready: hearing, differences });
