/** Asks cell by cell the server itself and the same server through the gateway, and wants the same to be seen. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import type { Cells } from './cells.ts';
import type { Difference } from './differences.ts';
import type { Connect, Peer } from './peers.ts';

export interface Column {
  readonly cells: Cells;
  readonly connect: Connect;
  readonly start: () => Promise<{ readonly url: string }>;
  /** What is waited for before the first cell. */
  readonly ready?: (peer: Peer) => Promise<void>;
  readonly differences: readonly Difference[];
  /** Further upstreams of the gateway. */
  readonly beside?: () => Promise<Readonly<Record<string, { readonly url: string }>>>;
}

export function compare(title: string, column: Column): void {
  describe(title, () => {
    let direct: Peer;
    let through: Peer;

    beforeAll(async () => {
      const { url } = await column.start();
      const mcpServers = { one: { url }, ...(await column.beside?.()) };
      const gateway = await startGateway({
        config: { mcpServers },
        args: ['--names', 'never', '--names-charset', 'any'],
        admin: false,
      });
      [direct, through] = await Promise.all([column.connect(url), column.connect(gateway.url)]);
      await column.ready?.(direct);
      await column.ready?.(through);
    }, 60_000);

    for (const [name, cell] of Object.entries(column.cells)) {
      const differing = column.differences.filter(({ cells }) => cells.includes(name));
      test(name + differing.map(({ what }) => ` (but for ${what})`).join(''), async () => {
        const [wanted, got] = [await cell(direct), await cell(through)];
        if (differing.length === 0) {
          expect(got).toStrictEqual(wanted);
          return;
        }
        // A difference that is gone is to be taken out of the table.
        expect(got).not.toStrictEqual(wanted);
        const without = (seen: unknown): unknown => differing.reduce((left, { without: of }) => of(left), seen);
        expect(without(got)).toStrictEqual(without(wanted));
      });
    }
  });
}
