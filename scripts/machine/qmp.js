// QEMU's machine protocol (docs/interop/qmp-spec.rst): one command, one connection.

import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** Sends a command and resolves to what it returns. Rejects with QEMU's description of the error. */
export async function qmp(socketPath, execute, args = {}) {
  const socket = connect(socketPath);
  try {
    await once(socket, 'connect');
    // From here on an error closes the socket, and that ends the lines.
    socket.on('error', () => undefined);
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const reply = async () => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error('QEMU closed the connection');
        const message = JSON.parse(value);
        if (message.error) throw new Error(message.error.desc);
        // Events come in between.
        if ('return' in message || 'QMP' in message) return message.return;
      }
    };
    const send = (command) => socket.write(`${JSON.stringify(command)}\n`);
    await reply();
    send({ execute: 'qmp_capabilities' });
    await reply();
    send({ execute, arguments: args });
    return await reply();
  } finally {
    socket.destroy();
  }
}
