/**
 * The pages on which a user gives permission for an upstream: the page of the link, the callback of the authorization server, and
 * the client metadata document of the gateway. They are plain text without scripts, and must not be framed.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomPKCECodeVerifier } from 'openid-client';
import { callbackPath, clientDocument, clientDocumentPath } from './consent-client.ts';
import { consentMs, type ConsentSeal, type Ticket } from './consent-state.ts';
import { startPath, type ConsentTokens } from './consent-tokens.ts';
import type { TokenStore } from './token-store.ts';

/** All pages are below this path. */
export const consentRoot = '/.manifold/oauth';
const browserForm = /^[A-Za-z0-9_-]{43}$/;

export interface ConsentPages {
  readonly origin: string;
  readonly seal: ConsentSeal;
  readonly store: TokenStore;
  /** Undefined for an upstream that no longer exists. */
  readonly find: (upstream: string) => ConsentTokens | undefined;
  readonly onConsent: (given: Ticket) => void;
  /** Told of what a user is not told. */
  readonly onFault: (fault: unknown, upstream: string) => void;
}

/** Answers a GET below `consentRoot`. `target`: path and query. Never rejects. */
export async function answerConsent(
  pages: ConsentPages,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): Promise<void> {
  const url = URL.parse(target, pages.origin);
  if (url === null || (request.method !== 'GET' && request.method !== 'HEAD')) {
    page(response, 404, 'Not found', 'There is no such page.');
    return;
  }
  switch (url.pathname) {
    case clientDocumentPath: {
      const body = JSON.stringify(clientDocument(pages.origin));
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'public, max-age=3600' })
        .end(body);
      return;
    }
    case startPath:
      await start(pages, request, response, url);
      return;
    case callbackPath:
      await callback(pages, request, response, url);
      return;
    default:
      page(response, 404, 'Not found', 'There is no such page.');
  }
}

const stale = 'This link is not valid, or no longer. Call the tool again to get a new one.';

async function start(pages: ConsentPages, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const ticket = pages.seal.open('ticket', url.searchParams.get('ticket') ?? '');
  const tokens = ticket === undefined ? undefined : pages.find(ticket.upstream);
  if (ticket === undefined || tokens === undefined) {
    page(response, 400, 'Link not valid', stale);
    return;
  }
  const browser = browserOf(request, pages.origin) ?? randomBytes(32).toString('base64url');
  try {
    const state = { ...ticket, verifier: randomPKCECodeVerifier(), browser: digestOf(browser) };
    const there = await tokens.begin(state);
    response.setHeader('Set-Cookie', cookieOf(browser, pages.origin));
    page(
      response,
      200,
      `Permission for ${ticket.upstream}`,
      `You are ${ticket.user.sub} at this gateway. If you go on, whoever uses the gateway as ${ticket.user.sub} acts at ` +
        `“${ticket.upstream}” with the account that you choose there. Go on only if you have asked for this yourself.`,
      { text: `Go on to ${there.host}`, url: there.href },
    );
  } catch (fault) {
    pages.onFault(fault, ticket.upstream);
    page(response, 502, 'Not possible now', 'The authorization server cannot be used at the moment. Try again later.');
  }
}

async function callback(
  pages: ConsentPages,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const text = url.searchParams.get('state') ?? '';
  const state = pages.seal.open('state', text);
  const tokens = state === undefined ? undefined : pages.find(state.upstream);
  const browser = browserOf(request, pages.origin);
  // The browser that comes back must be the one that left: nobody can deliver another user's answer, or their own through another
  // user (RFC 9700 §4.7).
  const isSame = state !== undefined && browser !== undefined && isEqual(digestOf(browser), state.browser);
  if (state === undefined || tokens === undefined || !isSame) {
    page(response, 400, 'Link not valid', stale);
    return;
  }
  try {
    if (!(await pages.store.isFirst(['consent', state.id, state.verifier], 2 * consentMs))) {
      page(response, 400, 'Link not valid', stale);
      return;
    }
    if (url.searchParams.has('error')) {
      page(
        response,
        403,
        'No permission',
        `“${state.upstream}” was not given your permission. You can close this page.`,
      );
      return;
    }
    const { verifier, user, upstream } = state;
    await tokens.consented(user, new URL(url.search, `${pages.origin}${callbackPath}`), { verifier, state: text });
    pages.onConsent(state);
    page(response, 200, 'Done', `“${upstream}” has your permission. You can close this page and go on where you were.`);
  } catch (fault) {
    pages.onFault(fault, state.upstream);
    page(response, 502, 'Not possible now', 'The answer of the authorization server could not be used. Try again.');
  }
}

function digestOf(browser: string): string {
  return createHash('sha256').update(browser).digest('base64url');
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/* For this host only (RFC 6265bis §4.1.3.2); browsers accept this prefix only with https. */
function cookieName(origin: string): string {
  return origin.startsWith('https:') ? '__Host-manifold-consent' : 'manifold-consent';
}

function cookieOf(browser: string, origin: string): string {
  const secure = origin.startsWith('https:') ? '; Secure' : '';
  return `${cookieName(origin)}=${browser}; Path=/; Max-Age=${(2 * consentMs) / 1_000}; HttpOnly; SameSite=Lax${secure}`;
}

function browserOf({ headers }: IncomingMessage, origin: string): string | undefined {
  const prefix = `${cookieName(origin)}=`;
  const found = headers.cookie
    ?.split(/; */)
    .find((one) => one.startsWith(prefix))
    ?.slice(prefix.length);
  return found !== undefined && browserForm.test(found) ? found : undefined;
}

function page(
  response: ServerResponse,
  status: number,
  title: string,
  text: string,
  link?: { readonly text: string; readonly url: string },
): void {
  const further =
    link === undefined ? '' : `<p><a href="${escaped(link.url)}" rel="noreferrer">${escaped(link.text)}</a></p>`;
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><h1>${escaped(title)}</h1><p>${escaped(text)}</p>${further}</html>`;
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}
