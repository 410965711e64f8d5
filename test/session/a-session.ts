/** Two sessions of one gateway, for the identifiers that are bound to a session. */
import { routeHash } from '../../src/session/claims.ts';
import { principalSession } from '../../src/session/principal-session.ts';
import { alice, bob, firstKey, now, resource, ringOf } from './ring.ts';

const ring = await ringOf(firstKey);
const route = routeHash('default', resource);

export const session = principalSession(ring, alice, route, '2025-11-25', now);
export const other = principalSession(ring, bob, route, '2025-11-25', now);
