import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../bench/options.ts';

const scenarios = new Map([
  ['kdf', ['direct', 'relay']],
  ['call', ['direct']],
]);

describe('the command line of the benchmark', () => {
  test('without arguments it is the KDF scenario, five rounds of three seconds, 64 connections', () => {
    expect(parseOptions([], scenarios)).toEqual({
      scenario: 'kdf',
      rounds: 5,
      seconds: 3,
      connections: 64,
      heatSeconds: 4,
      only: undefined,
      others: [],
      upstreamPort: 0,
      writeReport: false,
    });
  });

  test('another gateway is a name, a URL and perhaps a process', () => {
    const { others } = parseOptions(
      ['--target', 'a=http://127.0.0.1:8080/mcp?x=1', '--target', 'b=http://127.0.0.1:9090/mcp', '--pid', 'b=42'],
      scenarios,
    );
    expect(others).toEqual([
      { kind: 'other', name: 'a', url: 'http://127.0.0.1:8080/mcp?x=1', pid: undefined },
      { kind: 'other', name: 'b', url: 'http://127.0.0.1:9090/mcp', pid: 42 },
    ]);
  });

  for (const [args, message] of [
    [['--scenario', 'nought'], '--scenario takes one of: kdf, call'],
    [['--rounds', '0'], '--rounds takes a number from 1, not 0'],
    [['--rounds', '1.5'], '--rounds takes a whole number, not 1.5'],
    [['--seconds', 'soon'], '--seconds takes a number from 0.1, not soon'],
    [['--target', 'http://127.0.0.1/mcp'], '--target takes NAME=VALUE, not http://127.0.0.1/mcp'],
    [['--target', 'a=nowhere'], '--target a: nowhere is no URL'],
    [['--target', 'relay=http://127.0.0.1/mcp'], '--target relay: the name is taken'],
    [['--only', 'direct,nought'], '--only nought: the targets are direct, relay'],
    [['--pid', 'a=1'], '--pid a has no --target of that name'],
  ] as const) {
    test(`${args.join(' ')} is refused: ${message}`, () => {
      expect(() => parseOptions(args, scenarios)).toThrow(message);
    });
  }
});
