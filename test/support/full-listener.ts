/** An address that takes no connection and refuses none: its process is stopped and its queue is full, so SYNs are dropped. */
import { kill } from 'node:process';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { startProgram } from './program.ts';
import { closedAtTheEnd } from './started.ts';

const listener = `const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));`;

/** Far more than a queue of one place takes, whatever the system adds to it. */
const maxFillers = 64;
const fullAfterMs = 500;

/** Gives its origin. Throws when the queue never fills up. */
export async function startFullListener(): Promise<string> {
  const { ready: port, pid, stop } = await startProgram(['-e', listener], { ready: ([line]) => Number(line) });
  const fillers: Socket[] = [];
  closedAtTheEnd(async () => {
    for (const socket of fillers) socket.destroy();
    kill(pid, 'SIGCONT');
    await stop();
  });
  kill(pid, 'SIGSTOP');
  while (fillers.length < maxFillers) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    fillers.push(socket);
    if (!(await isTaken(socket))) return `http://127.0.0.1:${port}`;
  }
  throw new Error('its queue takes every connection');
}

function isTaken(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), fullAfterMs);
    socket.on('connect', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
