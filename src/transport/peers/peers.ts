/**
 * Sends notices (notice.ts) to the other replicas and receives theirs, best effort. A message is authenticated by a key derived
 * from the key ring. A replica that misses a notice still serves every valid request.
 */
import express, { type Express } from 'express';
import { Agent, request } from 'undici';
import { BoundedMap } from '../../protocol/bounded-map.ts';
import type { Keyring } from '../../session/keyring.ts';
import type { Log } from '../../telemetry/log.ts';
import { isSameDigest, keyedDigest, maxAgeSeconds } from './digest.ts';
import {
  isTellable,
  maxNoticeBytes,
  newestNoticeFormat,
  readNotices,
  writeNotices,
  type Notice,
  type NoticeFormat,
} from './notice.ts';
import { maxPeers, PeerAddresses, type Resolve } from './peer-addresses.ts';
import { plainLink, type PeerLink } from './peer-link.ts';
import { maxPostsPerPeer, PeerQueue, type PeerAnswer } from './peer-queue.ts';

const peerPath = '/.manifold/notice';
const signatureHeader = 'manifold-signature';
/** Hexadecimal HMAC-SHA256. */
const signatureForm = /^[0-9a-f]{64}$/;
/** Set in each answer of a replica that reads more than format 1: the newest format that it reads. */
const readsHeader = 'manifold-reads';
const maxBodyBytes = 64 * 1024;
const answerTimeoutMs = 2_000;
/**
 * Cancellations of one session that are sent per period, in seconds. A client can cancel any number of requests that it never
 * sent.
 */
const maxCancelled = 256;
const cancelledSeconds = 10;
/** Number of sessions whose cancellations are counted. */
const maxCancelling = 10_000;
const label = 'peer-channel';

/** What a process has seen of the others. Times in ms of Unix time; undefined: never. */
export interface SeenPeers {
  /** Those behind the name, by `host:port`; one of them may be this replica. */
  readonly told: readonly { readonly address: string; readonly answeredMs?: number; readonly failedMs?: number }[];
  /** IP addresses that have brought news. */
  readonly heard: readonly { readonly from: string; readonly atMs: number }[];
}

export class Peers {
  readonly #keyring: Keyring;
  readonly #log: Log;
  readonly #nowSeconds: () => number;
  readonly #addresses: PeerAddresses | undefined;
  readonly #queues: BoundedMap<string, PeerQueue>;
  readonly #cancelled = new BoundedMap<string, { since: number; count: number }>({ maxEntries: maxCancelling });
  readonly #link: PeerLink;
  readonly #agent: Agent;
  readonly #answers = new BoundedMap<string, { answeredMs?: number; failedMs?: number }>({ maxEntries: maxPeers });
  readonly #heard = new BoundedMap<string, number>({ maxEntries: maxPeers });

  /** `name` is `host` or `host:port`; undefined: there are no peers. */
  constructor(
    name: string | undefined,
    defaultPort: number,
    keyring: Keyring,
    log: Log,
    nowSeconds: () => number,
    resolve?: Resolve,
    link = plainLink,
  ) {
    this.#link = link;
    this.#agent = new Agent({
      connect: link.connect,
      connections: maxPostsPerPeer,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
    });
    this.#addresses = name === undefined ? undefined : new PeerAddresses(name, defaultPort, resolve);
    this.#keyring = keyring;
    this.#log = log;
    this.#nowSeconds = nowSeconds;
    this.#queues = new BoundedMap({ maxEntries: maxPeers, onGaveWay: (queue) => queue.close() });
  }

  /** Sends the notice to every address of the name. Never rejects: delivery is best effort. */
  async tell(notice: Notice): Promise<void> {
    if (this.#addresses === undefined) return;
    if (!isTellable(notice) || (notice.kind === 'cancelled' && !this.#mayTell(notice.jti))) {
      this.#log.debug({ kind: notice.kind }, 'peers are not told');
      return;
    }
    const text = JSON.stringify(notice);
    if (Buffer.byteLength(text) > maxNoticeBytes) return;
    try {
      const addresses = await this.#addresses.current();
      await Promise.all(addresses.map((address) => this.#queue(address).add(notice, text)));
    } catch (fault) {
      this.#log.warn({ fault: String(fault) }, 'peers cannot be found');
    }
  }

  /** Looks the name up. Never rejects: without an answer there is nobody. */
  async seen(): Promise<SeenPeers> {
    let addresses: readonly string[] = [];
    try {
      addresses = (await this.#addresses?.current()) ?? [];
    } catch {
      // Whoever tells something next logs it.
    }
    return {
      told: addresses.map((address) => ({ address, ...this.#answers.get(address) })),
      heard: Array.from(this.#heard, ([from, atMs]) => ({ from, atMs })),
    };
  }

  #note(address: string, isAnswered: boolean): void {
    const known = this.#answers.get(address) ?? {};
    known[isAnswered ? 'answeredMs' : 'failedMs'] = Date.now();
    this.#answers.set(address, known);
  }

  #mayTell(jti: string): boolean {
    const now = this.#nowSeconds();
    let told = this.#cancelled.get(jti);
    if (told === undefined || now - told.since >= cancelledSeconds || now < told.since) {
      told = { since: now, count: 0 };
      this.#cancelled.set(jti, told);
    }
    told.count += 1;
    return told.count <= maxCancelled;
  }

  #queue(address: string): PeerQueue {
    let queue = this.#queues.renew(address);
    if (queue === undefined) {
      queue = new PeerQueue((format, notices) => this.#post(address, format, notices));
      this.#queues.set(address, queue);
    }
    return queue;
  }

  async #post(address: string, format: NoticeFormat, notices: readonly string[]): Promise<PeerAnswer> {
    const now = this.#nowSeconds();
    const body = writeNotices(format, notices, now);
    try {
      const signature = keyedDigest(this.#keyring.derive(label, now), body);
      const {
        statusCode,
        headers,
        body: rest,
      } = await request(`${this.#link.scheme}://${address}${peerPath}`, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', [signatureHeader]: signature },
        body,
      });
      await rest.dump();
      this.#note(address, statusCode === 204);
      if (statusCode !== 204 && format === 1)
        this.#log.warn({ peer: address, status: statusCode }, 'peer refused a message');
      const reads = statusCode === 204 && Number(headers[readsHeader]) >= newestNoticeFormat ? newestNoticeFormat : 1;
      return { status: statusCode, reads };
    } catch (fault) {
      this.#note(address, false);
      this.#log.debug({ peer: address, fault: String(fault) }, 'peer not reached');
      return undefined;
    }
  }

  /**
   * Serves the messages of peers on `app`. It answers when `onNotice` has finished, so the sender knows that the notices are in
   * effect here. A request with no valid signature gets the answer of an unknown page, with the same bytes and the same delay,
   * for every method.
   */
  receive(app: Express, onNotice: (notice: Notice) => Promise<void>): void {
    const readBody = express.raw({ type: 'application/json', limit: maxBodyBytes, inflate: false });
    // Not as an Express route: Express answers OPTIONS for routes, and a page that waits for its body reveals that it exists.
    app.use((incoming, response, next) => {
      const signature = incoming.get(signatureHeader) ?? '';
      if (incoming.method !== 'POST' || !signatureForm.test(signature)) {
        next();
        return;
      }
      readBody(incoming, response, (fault?: unknown) => {
        const body: unknown = incoming.body;
        const isOurs = fault === undefined && incoming.url === peerPath && Buffer.isBuffer(body);
        const heard = isOurs ? this.#verified(body.toString('utf8'), signature) : undefined;
        if (heard === undefined) {
          next();
          return;
        }
        this.#heard.set(incoming.socket.remoteAddress ?? '', Date.now());
        void Promise.allSettled(heard.map((notice) => onNotice(notice))).then(() =>
          response.status(204).set(readsHeader, String(newestNoticeFormat)).end(),
        );
      });
    });
  }

  async close(): Promise<void> {
    for (const queue of this.#queues.values()) queue.close();
    await this.#agent.destroy();
  }

  #verified(body: string, signature: string): readonly Notice[] | undefined {
    const now = this.#nowSeconds();
    const isKnown = this.#keyring
      .deriveAccepted(label, now)
      .some((key) => isSameDigest(keyedDigest(key, body), signature));
    if (!isKnown) return undefined;
    const told = readNotices(body);
    return told !== undefined && Math.abs(told.at - now) <= maxAgeSeconds ? told.notices : undefined;
  }
}
