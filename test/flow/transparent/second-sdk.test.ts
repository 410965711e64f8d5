import { everywhere, hearing, ofSessions as cells } from './cells.ts';
import { compare } from './compared.ts';
import { ofSessions as differences } from './differences.ts';
import { secondClient as connect } from './peers.ts';
import { startSessionServer as start } from './session-server.ts';

compare('one server of 2025-11-25', {
  cells: { ...everywhere, ...cells },
  connect,
  start,
  ready: hearing,
  differences,
});
