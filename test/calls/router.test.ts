/** Which upstream a request is for, by its name, URI or id, before lists that the test gives. */
import { describe, expect, test } from 'vitest';
import { Router } from '../../src/calls/router.ts';
import type { Owner, Owners } from '../../src/aggregate/owners.ts';
import type { Naming, UpstreamConfig } from '../../src/config/model.ts';
import { sealTaskId } from '../../src/session/request-id.ts';
import type { Upstream } from '../../src/transport/upstream/upstream.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';
import { aClient, upstreamAt } from '../clients/a-client.ts';
import { aCall } from './an-outlet.ts';

const client = aClient();
const [files, notes] = [upstreamAt(undefined, {}, 'files'), upstreamAt(undefined, {}, 'notes')];
const { naming } = anUpstream();

interface Listed {
  /** Who lists a name. */
  readonly owners?: readonly Owner[];
  readonly unseen?: readonly UpstreamConfig[];
  /** Who lists a URI. */
  readonly served?: Upstream[];
  readonly offers?: boolean | undefined;
}

function routing(
  { owners = [], unseen = [], served = [], offers }: Listed = {},
  of: Partial<{ upstreams: readonly Upstream[]; naming: Naming }> = {},
): Router {
  const lists = {
    ownersOfName: () => Promise.resolve({ owners, unseen } as Owners),
    ownersOfUri: () => Promise.resolve(served),
    ownersOfTemplate: () => Promise.resolve(served),
    offers: () => Promise.resolve(offers),
  };
  return new Router(new Upstreams(of.upstreams ?? [files, notes]), of.naming ?? naming, lists);
}

const owned = (upstream: Upstream, key: string): Owner => ({ upstream: upstream.config, key });
const call = (params: object, method = 'tools/call'): ReturnType<typeof aCall> => aCall(client, { method, params });

/** The id of the upstream and its own name. */
async function tool(router: Router, name: unknown): Promise<string> {
  try {
    const { subject, target } = await router.named(call({ name }), 'tools');
    expect(subject).toMatchObject({ kind: 'tool', method: 'tools/call' });
    expect(target.name).toBe(subject.name);
    return `${subject.upstream.config.id} ${subject.name}`;
  } catch (fault) {
    return (fault as { code: string }).code;
  }
}

describe('a prefixed name', () => {
  test('names its upstream, without any list', () => {
    const routed = routing().named(call({ name: 'files__read' }), 'tools');
    expect(routed).toMatchObject({ subject: { upstream: files, name: 'read' }, target: { name: 'read' } });
  });

  test('is the rest of it, whatever that looks like', async () => {
    expect(await tool(routing(), 'files__a__b')).toBe('files a__b');
  });

  test('of an upstream that hides some is looked up: a hidden one is as one that is missing', async () => {
    const hiding = upstreamAt(undefined, { tools: { include: undefined, exclude: new Set(['secret']) } }, 'hiding');
    const of = { upstreams: [hiding, notes] };
    expect(await tool(routing({ offers: true }, of), 'hiding__open')).toBe('hiding open');
    expect(await tool(routing({ offers: false }, of), 'hiding__secret')).toBe('tool_unknown');
    // Its list cannot be had, so it answers itself.
    expect(await tool(routing({ offers: undefined }, of), 'hiding__open')).toBe('hiding open');
  });
});

describe('a bare name', () => {
  test('is that of its only owner', async () => {
    expect(await tool(routing({ owners: [owned(files, 'read')] }), 'read')).toBe('files read');
    expect(await tool(routing(), 'read')).toBe('tool_unknown');
  });

  test('that may be that of another is nobody’s', async () => {
    const both = [owned(files, 'read'), owned(notes, 'read')];
    expect(await tool(routing({ owners: both }), 'read')).toBe('tool_unknown');
    expect(await tool(routing({ owners: [both[0]!], unseen: [notes.config] }), 'read')).toBe('tool_unknown');
  });

  test('goes to the only upstream, listed or not, unless it hides some', async () => {
    expect(await tool(routing({}, { upstreams: [files] }), 'new')).toBe('files new');
    const hiding = upstreamAt(undefined, { tools: { include: new Set(['a']), exclude: new Set() } }, 'hiding');
    expect(await tool(routing({}, { upstreams: [hiding] }), 'b')).toBe('tool_unknown');
  });

  test('where names have no prefix is the first upstream’s, once all before it are known', async () => {
    const never = { ...naming, policy: 'never' } as const;
    const owners = [owned(files, 'read'), owned(notes, 'read')];
    expect(await tool(routing({ owners }, { naming: never }), 'read')).toBe('files read');
    const later = { owners: [owned(notes, 'read')], unseen: [files.config] };
    expect(await tool(routing(later, { naming: never }), 'read')).toBe('tool_unknown');
    expect(
      await tool(
        routing({ ...later, owners: [owned(files, 'read')], unseen: [notes.config] }, { naming: never }),
        'read',
      ),
    ).toBe('files read');
  });

  test('where prefixes are for conflicts has one owner', async () => {
    const conflict = { ...naming, policy: 'conflict' } as const;
    const one = { owners: [owned(files, 'read')], unseen: [notes.config] };
    expect(await tool(routing(one, { naming: conflict }), 'read')).toBe('files read');
    // A whole name of a tool may look prefixed.
    expect(await tool(routing({ owners: [owned(notes, 'files__x')] }, { naming: conflict }), 'files__x')).toBe(
      'notes files__x',
    );
    expect(await tool(routing({}, { naming: conflict }), 'files__x')).toBe('files x');
  });
});

test('a name that is no text is invalid', () => {
  expect(() => routing().named(call({ name: 1 }), 'tools')).toThrow(
    expect.objectContaining({ code: 'params_invalid' }),
  );
  expect(() => routing().resource(call({}))).toThrow(expect.objectContaining({ code: 'params_invalid' }));
});

const read = async (router: Router, uri: string): Promise<string> => {
  try {
    const { subject, target } = await router.resource(call({ uri }, 'resources/read'));
    return `${subject.upstream.config.id} ${subject.name} ${target.uri ?? 'as it is'}`;
  } catch (fault) {
    return (fault as { code: string }).code;
  }
};

describe('a URI', () => {
  test('with a prefix names its upstream', async () => {
    expect(await read(routing(), 'files+memo://a')).toBe('files memo://a memo://a');
  });

  test('without one goes to who lists it, unchanged', async () => {
    expect(await read(routing({ served: [notes] }), 'memo://a')).toBe('notes memo://a as it is');
    expect(await read(routing({ served: [files, notes] }), 'memo://a')).toBe('resource_unknown');
    expect(await read(routing({ served: [files, notes] }), 'https://a.example/')).toBe(
      'files https://a.example/ as it is',
    );
    expect(await read(routing(), 'memo://a')).toBe('resource_unknown');
    expect(await read(routing({}, { upstreams: [notes] }), 'memo://a')).toBe('notes memo://a as it is');
  });
});

test('a completion goes where its prompt or template is', async () => {
  const complete = (ref: object): ReturnType<Router['completion']> =>
    routing({ served: [notes], owners: [owned(notes, 'greet')] }).completion(call({ ref }, 'completion/complete'));
  expect(await complete({ type: 'ref/prompt', name: 'files__greet' })).toMatchObject({
    subject: { kind: 'prompt', upstream: files },
    target: { refName: 'greet' },
  });
  expect(await complete({ type: 'ref/prompt', name: 'greet' })).toMatchObject({ subject: { upstream: notes } });
  expect(await complete({ type: 'ref/resource', uri: 'files+memo://{x}' })).toMatchObject({
    subject: { kind: 'resource', upstream: files },
    target: { refUri: 'memo://{x}' },
  });
  expect(await complete({ type: 'ref/resource', uri: 'memo://{x}' })).toMatchObject({ subject: { upstream: notes } });
});

test('a task is the one that this session was told of, at an upstream that is still there', () => {
  const id = sealTaskId(client.session, { upstream: files.hash, raw: 't1' });
  expect(routing().task(call({ taskId: id }))).toMatchObject({
    subject: { upstream: files },
    target: { taskId: 't1' },
  });
  const unknown = expect.objectContaining({ code: 'task_unknown' }) as Error;
  for (const taskId of ['t1', `${id}x`]) expect(() => routing().task(call({ taskId }))).toThrow(unknown);
  expect(() => routing({}, { upstreams: [notes] }).task(call({ taskId: id }))).toThrow(unknown);
  const other = aClient({ principal: { iss: 'https://as.example', sub: 'bob', bind: '' } });
  expect(() => routing().task(aCall(other, { method: 'tasks/get', params: { taskId: id } }))).toThrow(unknown);
});

const unknown = (router: Router, params: object): unknown => router.unknown(call(params, 'x/new')).subject;

test('an unknown method goes where its name or URI says, or to the only upstream', () => {
  expect(unknown(routing(), { name: 'files__a' })).toMatchObject({ upstream: files, name: 'a', method: 'x/new' });
  expect(unknown(routing(), { uri: 'notes+memo://a' })).toMatchObject({ upstream: notes, name: 'memo://a' });
  expect(unknown(routing({}, { upstreams: [notes] }), {})).toMatchObject({ upstream: notes, name: 'x/new' });
  expect(() => unknown(routing(), {})).toThrow(expect.objectContaining({ code: 'method_unknown' }));
});
