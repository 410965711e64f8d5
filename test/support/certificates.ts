/** Certificates for tests, made by the openssl of this machine: an authority, and what it signs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedAtTheEnd } from './started.ts';

export interface Certificate {
  /** Paths of PEM files, and their texts. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** `names` as openssl writes subject alternative names: `DNS:localhost`, `URI:spiffe://x`, `IP:127.0.0.1`. */
  sign(subject: string, names: readonly string[]): Certificate;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** Its files are removed after the last test of the file. */
export function makeAuthority(name = 'Test CA'): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
  closedAtTheEnd(async () => rmSync(directory, { recursive: true }));
  let count = 0;
  const make = (subject: string, further: readonly string[]): Certificate => {
    count += 1;
    const certFile = join(directory, `${count}.pem`);
    const keyFile = join(directory, `${count}.key`);
    const files = ['-keyout', keyFile, '-out', certFile];
    execFileSync('openssl', ['req', '-x509', ...newKey, '-subj', subject, ...files, ...further], { stdio: 'pipe' });
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  };
  const own = make(`/CN=${name}`, []);
  const sign = (subject: string, names: readonly string[]): Certificate => {
    const alternatives = names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`];
    const signed = ['-CA', own.certFile, '-CAkey', own.keyFile, '-addext', 'basicConstraints=critical,CA:FALSE'];
    return make(subject, [...signed, ...alternatives]);
  };
  return { ...own, sign };
}
