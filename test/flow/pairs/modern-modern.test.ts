/** A client of 2026-07-28 at servers of 2026-07-28, through three replicas that take turns (docs/adr/0006-both-eras.md). */
import { expect, test } from 'vitest';
import { modernClient } from './clients.ts';
import {
  answersQuestions,
  callsATool,
  completesArguments,
  hintsAtCaching,
  listsAndGetsPrompts,
  listsAndReadsResources,
  listsAndReadsTemplates,
  listsToolsOnPages,
  logsAtTheLevelAskedFor,
  outlivesARestart,
  refusesWhatIsUnknown,
  reportsProgress,
  takesACallBack,
  tellsAToolsFailure,
  tellsOfChangedTools,
  tellsOfUpdatedResources,
} from './flows.ts';
import { modernUpstreams, pairOf } from './pair.ts';

const pair = pairOf(modernClient, modernUpstreams);

test('all pages of tools are listed', () => listsToolsOnPages(pair));
test('a tool is called at each replica, by its full name and by its bare one', () => callsATool(pair));
test('a failure of a tool is a result that says so', () => tellsAToolsFailure(pair));
test('an unknown tool is -32602, an unknown resource -32602', () =>
  refusesWhatIsUnknown(pair, { tool: -32_602, resource: -32_602 }));
test('prompts are listed, and filled with arguments', () => listsAndGetsPrompts(pair));
test('resources are listed and read, text and bytes', () => listsAndReadsResources(pair));
test('templates are listed, and what they stand for is read', () => listsAndReadsTemplates(pair));
test('arguments are completed', () => completesArguments(pair));
test('progress comes in order, each call’s under its own token', () => reportsProgress(pair));
test('log messages come from the level that the client asked for on, and before that none', () =>
  logsAtTheLevelAskedFor(pair, { unasked: [] }));
test('changed tools are told of, and are then listed at every replica', () => tellsOfChangedTools(pair), 60_000);
test('updates of a resource are told while it is subscribed to', () => tellsOfUpdatedResources(pair), 60_000);
test('what the servers say of caching is told', () =>
  hintsAtCaching(pair, { prompts: [expect.closeTo(600_000, -5), 'public'], resource: [700, 'public'] }));
test('a restarted server is called on', () => outlivesARestart(pair), 60_000);
test(
  'questions of a call are answered at another replica than the one that asks',
  () => answersQuestions(pair),
  60_000,
);
test('a call that the client takes back is cancelled at the server', () => takesACallBack(pair), 60_000);
