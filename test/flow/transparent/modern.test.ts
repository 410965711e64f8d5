import { everywhere } from './cells.ts';
import { compare } from './compared.ts';
import { ofRequests as differences } from './differences.ts';
import { ofRequests as cells } from './modern-cells.ts';
import { startModernOffer as start } from './modern-server.ts';
import { modernClient as connect } from './peers.ts';

compare('one server of 2026-07-28', { cells: { ...everywhere, ...cells }, connect, start, differences });
