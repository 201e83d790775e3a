import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript
import { quote } from '../../../scripts/machine/boot.js';
// @ts-expect-error plain JavaScript
import { boots } from '../../../scripts/machine/boots.js';
// @ts-expect-error plain JavaScript
import { Peer } from '../../../scripts/machine/peer.js';
// @ts-expect-error plain JavaScript
import { qmp } from '../../../scripts/machine/qmp.js';
// @ts-expect-error plain JavaScript
import * as topology from '../../../scripts/machine/topology.js';

const { topologies, memoryWord, nodeVariables, nodeWords } = topology;

/** The values of `-numa KIND,...` as objects. */
function numa(name: string, kind: string): Record<string, string>[] {
  return (nodeWords(topologies[name]) as string[])
    .filter((word) => word.startsWith(`${kind},`))
    .map((word) => {
      const fields = word.split(',').slice(1);
      return Object.fromEntries(fields.map((field) => field.split('=')));
    });
}

describe('the emulated machine', () => {
  it.each(Object.keys(topologies))('gives every pair of nodes of %s a distance, once', (name) => {
    const nodes = numa(name, 'node').length;
    const pairs = numa(name, 'dist').map(({ src, dst }) => `${src}-${dst}`);
    expect(new Set(pairs).size).toBe((nodes * (nodes - 1)) / 2);
    for (const { val } of numa(name, 'dist')) expect(Number(val)).toBeGreaterThan(10);
  });

  it('gives every node latency and bandwidth from both sockets', () => {
    expect(numa('five-tiers', 'hmat-lb')).toHaveLength(2 * 2 * 6);
  });

  it('ends with the PMEM node, which gets the window for memory added later', () => {
    expect(numa('five-tiers', 'node').at(-1)).toEqual({ nodeid: '5', initiator: '0' });
    expect(memoryWord(topologies['five-tiers'])).toBe('2048M,slots=8,maxmem=16G');
    expect(memoryWord(topologies['no-pmem'])).toBe('2048M');
  });

  it('names the nodes that Linux starts with', () => {
    expect(nodeVariables(topologies['five-tiers'])).toEqual({
      VM_DDR_NODES: '0,1',
      VM_HBM_NODES: '2,3',
    });
    expect(nodeVariables(topologies['no-hbm'])).toEqual({ VM_DDR_NODES: '0,1', VM_HBM_NODES: '' });
  });

  it('quotes a word so that the shell of the guest gives it back', () => {
    const word = `it's "$HOME" \\ \n*`;
    expect(spawnSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' }).stdout).toBe(
      word,
    );
  });
});

describe('scripts/vm', () => {
  const vm = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/machine/main.js', ...args], { encoding: 'utf8' });

  it.each([
    [['fly'], 'no command fly'],
    [['run'], 'run needs -- and a command'],
    [['run', '--topology', 'six-tiers', '--', 'true'], '--topology is one of five-tiers'],
    [['run', '--cpus', '3', '--', 'true'], '--cpus takes an even number'],
    [['run', '--timeout', 'soon', '--', 'true'], '--timeout takes seconds'],
    [['run', '--bogus', '--', 'true'], '--bogus'],
  ])('says what is wrong with %j and ends with 2', (args, message) => {
    const { status, stderr } = vm(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('prints its help', () => {
    const { status, stdout } = vm('--help');
    expect(status).toBe(0);
    for (const name of Object.keys(topologies)) expect(stdout).toContain(name);
  });
});

describe('a second machine', () => {
  let folder: string;
  const peer = (threads: string) =>
    new Peer({}, ['nvdimm'], { threads, share: join(folder, 'share'), disks: folder });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'memory-tiers-peer-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is refused where locked instructions would be none', () => {
    expect(() => peer('single')).toThrow('threads: multi');
  });

  it('does only what it can, when it can', async () => {
    const idle = peer('multi');
    await expect(idle.answer('fly')).rejects.toThrow('cannot fly');
    await expect(idle.answer('kill')).rejects.toThrow('is not running');
    expect(await idle.stop()).toEqual([]);
  });

  it('comes only in boots that can have one', () => {
    const pairs = boots.filter(({ shared }: { shared?: string[] }) => shared !== undefined);
    expect(pairs.length).toBeGreaterThan(0);
    for (const { threads, topology: name } of pairs) {
      expect(threads).toBe('multi');
      expect(topologies[name]).toMatchObject({ pmem: 'devdax', cxl: 'devdax' });
    }
  });
});

describe('a QMP command', () => {
  let folder: string;
  let socket: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'memory-tiers-qmp-'));
    socket = join(folder, 'qmp');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Serves one connection: a greeting, then one answer a line received. */
  async function serve(answers: object[]): Promise<{ received: string[] }> {
    const received: string[] = [];
    const server = createServer((connection) => {
      connection.write('{"QMP": {}}\n');
      connection.on('data', (data) => {
        for (const line of data.toString().trim().split('\n')) {
          received.push(line);
          connection.write(`{"event": "NOISE"}\n${JSON.stringify(answers.shift())}\n`);
        }
      });
      connection.on('close', () => server.close());
    });
    await new Promise<void>((listening) => server.listen(socket, listening));
    return { received };
  }

  it('is sent after the handshake and resolves to its result, whatever events come between', async () => {
    const { received } = await serve([{ return: {} }, { return: { running: true } }]);
    expect(await qmp(socket, 'query-status', { a: 1 })).toEqual({ running: true });
    expect(received.map((line) => JSON.parse(line))).toEqual([
      { execute: 'qmp_capabilities' },
      { execute: 'query-status', arguments: { a: 1 } },
    ]);
  });

  it('rejects with the description of the error', async () => {
    await serve([{ return: {} }, { error: { class: 'GenericError', desc: 'no such device' } }]);
    await expect(qmp(socket, 'device_del')).rejects.toThrow('no such device');
  });

  it('rejects when nobody listens', async () => {
    await expect(qmp(socket, 'query-status')).rejects.toThrow('ENOENT');
  });
});
