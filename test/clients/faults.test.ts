/** How clients are told that their user has to give permission. */
import { describe, expect, test } from 'vitest';
import { openCallState, sealCallState } from '../../src/clients/call-state.ts';
import { faultToClient } from '../../src/clients/faults.ts';
import { ConsentRequired, GatewayError } from '../../src/errors.ts';
import { clientCapability } from '../../src/protocol/capabilities.ts';
import type { Revision } from '../../src/protocol/revisions.ts';
import { aClient, toServer, upstreamAt } from './a-client.ts';

const upstream = upstreamAt();
const urls = clientCapability.elicitationUrl;
const everything = urls | clientCapability.elicitationForm;
const call = toServer('tools/call', { name: 'a', arguments: {} });

/** Notes for which session the link was made. */
function fault(): { readonly fault: ConsentRequired; readonly sessions: (string | undefined)[] } {
  const sessions: (string | undefined)[] = [];
  const made = new ConsentRequired('no token', (session) => {
    sessions.push(session);
    return { id: 'an-id', url: 'https://gw.example.com/start?ticket=t', message: 'Open it' };
  });
  return { fault: made, sessions };
}

function told(revision: Revision, capabilities: number, more: { message?: typeof call; isShared?: boolean } = {}) {
  const { message = call, isShared = false } = more;
  const client = aClient({ revision, capabilities, isShared });
  const { fault: thrown, sessions } = fault();
  const { body, status } = faultToClient({ client, message }, thrown, upstream);
  return { client, sessions, status, body: JSON.parse(body) as { error?: object; result?: Record<string, unknown> } };
}

const withState = (requestState: unknown): typeof call =>
  toServer('tools/call', { name: 'a', arguments: {}, requestState });

const plain = {
  error: {
    code: -32_603,
    message: 'Your permission is needed: open https://gw.example.com/start?ticket=t and try again',
  },
};

test('with the error of 2025-11-25 where that is known, for its own session', () => {
  const { body, status, sessions, client } = told('2025-11-25', everything);
  expect([status, sessions]).toEqual([200, [client.known.jti]]);
  expect(body).toMatchObject({
    id: 1,
    error: {
      code: -32_042,
      data: {
        elicitations: [
          { mode: 'url', elicitationId: 'an-id', url: 'https://gw.example.com/start?ticket=t', message: 'Open it' },
        ],
      },
    },
  });
});

test.each([
  ['2025-11-25', clientCapability.elicitationForm, {}],
  ['2025-06-18', everything, {}],
  ['2025-03-26', everything, {}],
  ['2026-07-28', clientCapability.elicitationForm, {}],
  ['2026-07-28', everything, { message: toServer('tools/list') }],
  ['2026-07-28', everything, { message: toServer('completion/complete') }],
] as const)('in a text: %s, capabilities %i, %j', (revision, capabilities, more) => {
  const { body, sessions } = told(revision, capabilities, more);
  expect(body).toMatchObject(plain);
  expect(body.error).not.toHaveProperty('data');
  // Nobody is told later who could not be asked.
  expect(sessions).toEqual([undefined]);
});

test('a client without a session of its own is told nothing later', () => {
  expect(told('2025-11-25', everything, { isShared: true }).sessions).toEqual([undefined]);
});

describe('by a round of 2026-07-28', () => {
  test.each(['tools/call', 'prompts/get', 'resources/read'])('for %s', (method) => {
    const message = toServer(method, { name: 'a', uri: 'u' });
    const { body, status, client, sessions } = told('2026-07-28', urls, { message });
    expect([status, sessions]).toEqual([200, [undefined]]);
    expect(body.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        consent: {
          method: 'elicitation/create',
          params: {
            mode: 'url',
            url: 'https://gw.example.com/start?ticket=t',
            message: expect.stringContaining('Open it'),
          },
        },
      },
    });
    const retry = toServer(method, { name: 'a', uri: 'u', requestState: body.result!['requestState'] });
    expect(openCallState(client, upstream, retry)).toEqual({ kind: 'consent', state: undefined });
  });

  test('which keeps what the upstream wanted back, however often it is asked', () => {
    const client = aClient({ revision: '2026-07-28', capabilities: urls });
    const { fault: thrown } = fault();
    let state: unknown = sealCallState(client, upstream, call, { kind: 'call', state: 'its own' });
    for (let round = 0; round < 3; round += 1) {
      const { body } = faultToClient({ client, message: withState(state) }, thrown, upstream);
      state = (JSON.parse(body) as { result: Record<string, unknown> }).result['requestState'];
      expect(openCallState(client, upstream, withState(state))).toEqual({ kind: 'consent', state: 'its own' });
    }
  });

  test('not where it is not known which upstream it is about', () => {
    const client = aClient({ revision: '2026-07-28', capabilities: urls });
    expect(JSON.parse(faultToClient({ client, message: call }, fault().fault, undefined).body)).toMatchObject(plain);
  });
});

test('every other fault is as the wording has it', () => {
  const client = aClient({ revision: '2025-11-25', capabilities: everything });
  const timeout = new GatewayError('upstream_timeout');
  expect(faultToClient({ client, message: call }, timeout, upstream)).toEqual(client.wording.fault(timeout, '1'));
});
