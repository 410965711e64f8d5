/** What the admin port tells processes of its machine: what is served, and how much is logged, which may be changed. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';

const config = { mcpServers: { up: { url: 'http://127.0.0.1:9/mcp?key=hush', headers: { 'x-key': 'secret' } } } };

test('what is served is shown without secrets, and the log level changes live', { timeout: 60_000 }, async () => {
  const { adminUrl } = await startGateway({ config });
  const get = async (path: string, init?: RequestInit): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${adminUrl}${path}`, init);
    return { status: response.status, text: await response.text() };
  };
  for (const probe of ['/healthz', '/livez', '/startupz', '/readyz']) expect((await get(probe)).status).toBe(200);
  expect((await get('/readyz')).text).toBe('ready\n');

  const { text } = await get('/routes');
  expect(JSON.parse(text)).toMatchObject({
    routes: [{ name: 'default', path: '/mcp', upstreams: [{ id: 'up', target: 'http://127.0.0.1:9/mcp' }] }],
  });
  for (const hidden of ['hush', 'secret']) expect(text).not.toContain(hidden);

  expect((await get('/log-level')).text).toBe('info\n');
  expect((await get('/log-level/debug', { method: 'PUT' })).status).toBe(200);
  expect((await get('/log-level')).text).toBe('debug\n');
  expect((await get('/log-level/loud', { method: 'PUT' })).status).toBe(404);
  // Whoever comes through a proxy does not come from here.
  expect((await get('/routes', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(404);
});
