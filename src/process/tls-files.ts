/**
 * The listener's certificate and the authorities of its clients, from files. The files are watched by name, like those of the
 * configuration, and used when all of them are valid: new connections use the new ones, existing connections continue.
 */
import { createSecureContext } from 'node:tls';
import { namedFile } from '../config/text-file.ts';
import type { Log } from '../telemetry/log.ts';
import { isCertificateText, leafOf } from '../transport/http/client-certificate.ts';
import type { OwnCertificate } from '../transport/peers/peer-link.ts';
import { FileWatch } from './file-watch.ts';
import type { ListenerTls } from './listener-certificates.ts';
import type { CertificateFiles, TlsOptions } from './options.ts';
import { UsageError } from './usage.ts';

const daysOfWarning = 7;
const dayMs = 86_400_000;

type Files = CertificateFiles & Pick<TlsOptions, 'clientCa'>;

/** PEM texts. */
interface Texts {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

export class TlsFiles implements ListenerTls {
  readonly #options: Files;
  readonly #flag: string;
  readonly #log: Log;
  readonly #takers: ((texts: Texts) => void)[] = [];
  #texts: Texts;
  /** The texts before the last change: other replicas may still use them for a while. */
  #former: Texts | undefined;
  readonly #files = new FileWatch();

  /** `flag`: what the flags that name the files begin with. Throws `UsageError`. */
  constructor(options: TlsOptions | CertificateFiles, log: Log, flag = 'tls') {
    this.#options = { clientCa: undefined, ...options };
    this.#flag = flag;
    this.#log = log;
    this.#files.begin(this.#paths());
    this.#texts = read(this.#options, flag);
    this.#warn();
    this.#files.start(() => this.#reload());
  }

  get texts(): Texts {
    return this.#texts;
  }

  get own(): OwnCertificate {
    const { cert, key } = this.#texts;
    return { cert, key, trusted: this.#former === undefined ? [cert] : [cert, this.#former.cert] };
  }

  onChange(take: (texts: Texts) => void): void {
    this.#takers.push(take);
  }

  stop(): void {
    this.#files.stop();
  }

  #paths(): string[] {
    const { cert, key, clientCa } = this.#options;
    return [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  }

  #reload(): void {
    this.#files.begin(this.#paths());
    try {
      const next = read(this.#options, this.#flag);
      const { cert, key, ca } = this.#texts;
      if (next.cert === cert && next.key === key && next.ca === ca) return;
      if (next.cert !== cert) this.#former = this.#texts;
      this.#texts = next;
      for (const take of this.#takers) take(next);
      this.#log.info('certificate reloaded');
      this.#warn();
    } catch (fault) {
      this.#log.error({ fault: String(fault) }, 'the certificate was not taken; the last valid one serves on');
    }
  }

  #warn(): void {
    const end = Date.parse(leafOf(this.#texts.cert)?.validTo ?? '');
    if (end - Date.now() < daysOfWarning * dayMs)
      this.#log.warn({ until: new Date(end).toISOString() }, 'the certificate of the listener ends soon or has ended');
  }
}

function read({ cert, key, clientCa }: Files, flag: string): Texts {
  const texts = {
    cert: textOf(`--${flag}-cert`, cert),
    key: textOf(`--${flag}-key`, key),
    ...(clientCa !== undefined && { ca: textOf(`--${flag}-client-ca`, clientCa) }),
  };
  if (!isCertificateText(texts.cert)) throw new UsageError(`--${flag}-cert: ${cert} holds no PEM certificate`, 'run');
  if (clientCa !== undefined && !isCertificateText(texts.ca ?? ''))
    throw new UsageError(`--${flag}-client-ca: ${clientCa} holds no PEM certificate`, 'run');
  try {
    createSecureContext(texts);
  } catch {
    throw new UsageError(
      `--${flag}-key is not the PEM key of the certificate in --${flag}-cert, or has a passphrase; give both of one pair`,
      'run',
    );
  }
  return texts;
}

function textOf(flag: string, path: string): string {
  const file = namedFile(path);
  if ('text' in file) return file.text;
  throw new UsageError(`${flag}: the file ${path} ${file.fault}`, 'run');
}
