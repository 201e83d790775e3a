/** A Redis of our own on loopback, and the least a client has to do: Debian's package, unpacked and not installed. */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DebianPackages } from '../../scripts/machine/debian-packages.js';

const packages = ['redis-server', 'redis-tools'];

/** The command and environment of a redis-server: the system's, or one unpacked once into the user's cache. */
function server() {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return { command: 'redis-server', env: process.env };
  } catch {
    // None is installed.
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'memory-tiers');
  const folder = join(cache, 'redis');
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const making = mkdtempSync(join(cache, 'making-redis-'));
    try {
      const debian = new DebianPackages(join(making, 'apt'));
      debian.update();
      debian.unpack(debian.missing(packages), join(making, 'root'));
      renameSync(join(making, 'root'), folder);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  const libraries = ['usr/lib', 'lib']
    .map((lib) => join(folder, lib))
    .filter(existsSync)
    .flatMap((lib) => readdirSync(lib).map((name) => join(lib, name)))
    .filter((path) => path.endsWith('-linux-gnu'));
  return {
    command: join(folder, 'usr/bin/redis-server'),
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') },
  };
}

/** Commands whose answers are `+OK`, an integer or a bulk string; answers come in order. */
class Client {
  #socket;
  #waiting = [];
  #rest = Buffer.alloc(0);

  constructor(socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data) => this.#read(data));
  }

  set(key, value) {
    return this.#send('SET', key, value);
  }

  /** Resolves to a Buffer; null: the key has no value. */
  get(key) {
    return this.#send('GET', key);
  }

  end() {
    this.#socket.destroy();
  }

  #send(...parts) {
    this.#socket.cork();
    this.#socket.write(`*${parts.length}\r\n`);
    for (const part of parts) {
      this.#socket.write(`$${Buffer.byteLength(part)}\r\n`);
      this.#socket.write(part);
      this.#socket.write('\r\n');
    }
    this.#socket.uncork();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #read(data) {
    let buffer = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    for (;;) {
      const end = buffer.indexOf('\r\n');
      if (end < 0) break;
      const line = buffer.toString('latin1', 1, end);
      /** @type {string | Buffer | null} */
      let answer = line;
      let used = end + 2;
      if (buffer[0] === 0x24 && line === '-1') {
        answer = null;
      } else if (buffer[0] === 0x24) {
        const length = Number(line);
        if (buffer.length < used + length + 2) break;
        answer = buffer.subarray(used, used + length);
        used += length + 2;
      }
      const { resolve, reject } = this.#waiting.shift();
      if (buffer[0] === 0x2d) reject(new Error(line));
      else resolve(answer);
      buffer = buffer.subarray(used);
    }
    this.#rest = buffer;
  }
}

async function connect(port) {
  for (let tries = 0; ; tries++) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = createConnection({ host: '127.0.0.1', port });
        socket.once('connect', () => resolve(new Client(socket)));
        socket.once('error', reject);
      });
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(50);
    }
  }
}

/** A server that keeps nothing on disk, and a client of it; `close` ends both. Throws where none can be had. */
export async function startRedis() {
  const { command, env } = server();
  const folder = mkdtempSync(join(tmpdir(), 'memory-tiers-redis-'));
  // Ports below those that the kernel gives out to others.
  const port = 20_000 + (process.pid % 10_000);
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn(command, [...args, '--dir', folder], { env, stdio: 'ignore' });
  const died = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
  });
  died.catch(() => undefined);
  const client = await Promise.race([connect(port), died]);
  const version = execFileSync(command, ['--version'], { env, encoding: 'utf8' });
  return {
    client,
    version: /v=(\S+)/.exec(version)?.[1] ?? 'of unknown version',
    async close() {
      client.end();
      child.removeAllListeners('exit');
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
