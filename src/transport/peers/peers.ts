/**
 * How replicas tell one another what only one of them has heard (notice.ts), best effort. A message is authenticated by a key
 * derived from the key ring, and a replica that misses one still refuses nothing it should serve (design.md §5; security.md §2.2 DELETE).
 */
import { lookup } from 'node:dns/promises';
import express, { type Express } from 'express';
import { Agent, request } from 'undici';
import type { Keyring } from '../../session/keyring.ts';
import type { Log } from '../../telemetry/log.ts';
import { isSameDigest, keyedDigest, maxAgeSeconds } from './digest.ts';
import { connectTimeoutMs } from '../http/limits.ts';
import { readNotice, type Notice } from './notice.ts';

const peerPath = '/.manifold/notice';
const maxBodyBytes = 8_192;
const answerTimeoutMs = 2_000;
/** More peers than this are not told. */
const maxPeers = 256;
/** Notices on their way at once, beyond which only the end of a session is told: a client must not make a flood of its requests. */
const maxUnderWay = 256;
const label = 'peer-channel';

export class Peers {
  readonly #keyring: Keyring;
  readonly #log: Log;
  readonly #nowSeconds: () => number;
  readonly #target: { readonly host: string; readonly port: number } | undefined;
  readonly #agent = new Agent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
  });

  #underWay = 0;

  /** `name` is `host` or `host:port`, resolved anew each time; undefined: nobody is told. */
  constructor(name: string | undefined, defaultPort: number, keyring: Keyring, log: Log, nowSeconds: () => number) {
    this.#target = name === undefined ? undefined : targetOf(name, defaultPort);
    this.#keyring = keyring;
    this.#log = log;
    this.#nowSeconds = nowSeconds;
  }

  /** Tells every address behind the name. Never throws: what a peer does not learn it does not know. */
  async tell(notice: Notice): Promise<void> {
    const target = this.#target;
    if (target === undefined) return;
    const body = JSON.stringify({ notice, at: this.#nowSeconds() });
    const isTooMuch = this.#underWay >= maxUnderWay && notice.kind !== 'ended';
    if (isTooMuch || Buffer.byteLength(body) > maxBodyBytes) {
      this.#log.debug({ kind: notice.kind }, 'peers are not told');
      return;
    }
    this.#underWay += 1;
    await this.#tellAll(target, body);
    this.#underWay -= 1;
  }

  async #tellAll(target: { readonly host: string; readonly port: number }, body: string): Promise<void> {
    const signature = keyedDigest(this.#keyring.derive(label, this.#nowSeconds()), body);
    try {
      const addresses = (await lookup(target.host, { all: true })).slice(0, maxPeers);
      await Promise.allSettled(
        addresses.map(({ address, family }) =>
          this.#send(family === 6 ? `[${address}]` : address, target.port, body, signature),
        ),
      );
    } catch (fault) {
      this.#log.warn({ fault: String(fault) }, 'peers cannot be found');
    }
  }

  async #send(host: string, port: number, body: string, signature: string): Promise<void> {
    try {
      const headers = { 'content-type': 'application/json', 'manifold-signature': signature };
      const answer = await request(`http://${host}:${port}${peerPath}`, {
        dispatcher: this.#agent,
        method: 'POST',
        headers,
        body,
      });
      await answer.body.dump();
      if (answer.statusCode !== 204)
        this.#log.warn({ peer: host, status: answer.statusCode }, 'peer refused a message');
    } catch (fault) {
      this.#log.debug({ peer: host, fault: String(fault) }, 'peer not reached');
    }
  }

  /**
   * Serves the messages of peers on `app`, and answers when `onNotice` is done with one, so that whoever told it knows that it
   * holds here. An unauthenticated one is answered as if there were no such page.
   */
  receive(app: Express, onNotice: (notice: Notice) => Promise<void>): void {
    app.post(peerPath, express.raw({ type: 'application/json', limit: maxBodyBytes }), (incoming, response) => {
      const body: unknown = incoming.body;
      const read = Buffer.isBuffer(body)
        ? this.#verified(body.toString('utf8'), incoming.get('manifold-signature'))
        : undefined;
      if (read === undefined) {
        response.status(404).end();
        return;
      }
      void onNotice(read).finally(() => response.status(204).end());
    });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #verified(body: string, signature: string | undefined): Notice | undefined {
    const now = this.#nowSeconds();
    const known = this.#keyring
      .deriveAccepted(label, now)
      .some((key) => isSameDigest(keyedDigest(key, body), signature ?? ''));
    if (!known) return undefined;
    const read = readNotice(body);
    return read !== undefined && Math.abs(read.at - now) <= maxAgeSeconds ? read.notice : undefined;
  }
}

function targetOf(name: string, defaultPort: number): { host: string; port: number } {
  const { hostname, port } = new URL(`http://${name}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) };
}
