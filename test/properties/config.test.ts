/** Whatever a configuration holds, its secrets stay in it and its names can be told apart. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { schemeOf, slug } from '../../src/config/identity.ts';
import { readMcpServers } from '../../src/config/mcp-servers/read.ts';
import { ConfigError } from '../../src/config/model.ts';

test('an id never holds the separator, and its scheme is one of RFC 3986 §3.1', () => {
  const name = fc.oneof(fc.string({ unit: fc.constantFrom('_', '-', '.', 'a', 'Z', '0', ' ', 'é') }), fc.string());
  fc.assert(
    fc.property(name, (text) => {
      const id = slug(text);
      expect(id).toMatch(/^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,30}[A-Za-z0-9])?)?$/);
      expect(id).not.toContain('__');
      expect(slug(id)).toBe(id);
      if (id !== '') expect(schemeOf(id)).toMatch(/^[a-z][a-z0-9.-]*$/);
    }),
  );
});

const secret = 'hunter2';

/* Values that hold the secret, right and wrong ones, at each place where people keep secrets. */
const value = fc.oneof(
  fc.constant(secret),
  fc.constant(`Bearer ${secret}`),
  fc.constant('${SECRET}'),
  fc.constant('x${SECRET}\n'),
  fc.constant('${NONE}'),
  fc.constant(`\${NONE:-${secret}`),
  fc.constant(`\${${secret} x}`),
  fc.constant(`\${A:-\${${secret}}}`),
  fc.constant([secret]),
  fc.constant({ [secret]: secret }),
  fc.constant(7),
  fc.constant(null),
);
const url = fc.constantFrom(
  `https://example.com/?key=${secret}`,
  `https://ada:${secret}@example.com/`,
  `https://example.com/#${secret}`,
  `${secret}://example.com`,
  `https://exa mple/${secret}`,
  'https://example.com/?key=${SECRET}',
);
const server = fc.record(
  {
    type: fc.constantFrom('http', 'sse', 'stdio', secret),
    url: fc.oneof(url, value),
    headers: fc.oneof(
      fc.dictionary(fc.constantFrom('Authorization', 'X-Key', `Authorization: ${secret}`), value),
      value,
    ),
    command: value,
    args: fc.oneof(fc.array(value), value),
    env: fc.oneof(fc.dictionary(fc.constantFrom('KEY', `KEY=${secret}`), value), value),
    cwd: value,
    timeout: value,
    onSessionLoss: value,
    oauth: value,
    colour: value,
    disabled: value,
  },
  { requiredKeys: [] },
);

test('no fault and no warning ever holds a value of the file or of the environment', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('a', 'b'), server), fc.nat(), fc.boolean(), (servers, at, isCut) => {
      const text = JSON.stringify({ mcpServers: servers });
      let said = '';
      try {
        said = readMcpServers(isCut ? text.slice(0, at % text.length) : text, 'f', { SECRET: secret }).warnings.join(
          '\n',
        );
      } catch (fault) {
        if (!(fault instanceof ConfigError)) throw fault;
        said = fault.message + JSON.stringify(fault.faults);
      }
      expect(said).not.toContain(secret);
    }),
    { numRuns: 3_000 },
  );
});
