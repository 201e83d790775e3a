/**
 * The bytes of a checkpoint: a head, a record an object, a tail. All numbers little-endian.
 *
 * | part | bytes |
 * |---|---|
 * | head | `memtiers`, version (u32), 0 (u32) |
 * | record | CRC-32 of what follows up to the data (u32), type (u8), kind of key (u8), tier (u8), flags (u8), bytes of the key (u32), bytes of the data (u64), key, data, CRC-32 of the data (u32) |
 * | tail | `tierends`, objects (u64), bytes of the file (u64), CRC-32 of the 24 bytes before (u32) |
 *
 * Types are the codes of `memory/data.ts`, tiers indices of `tierNames`: both lists only ever grow at their end.
 */

import { crc32 } from 'node:zlib';
import { TierError } from '../errors.ts';
import type { Key } from '../memory/key-arena.ts';
import { type TierName, tierNames } from '../tiers/tier.ts';

export const headBytes = 16;
export const recordHeadBytes = 20;
export const sumBytes = 4;
export const tailBytes = 28;

const headMagic = 'memtiers';
const tailMagic = 'tierends';
const version = 1;
/** Strings that are not well-formed Unicode have no UTF-8. */
const keyKinds = ['utf8', 'number', 'utf16le'] as const;
const verifyFlag = 1;

/** What a record says of an object besides its data. */
export interface ObjectHead {
  readonly key: Key;
  readonly type: number;
  readonly tier: TierName;
  readonly verify: boolean;
  readonly byteLength: number;
}

/** The head of a file. */
export function encodeHead(): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write(headMagic, 0, 'latin1');
  head.writeUInt32LE(version, 8);
  return head;
}

/** Throws `ERR_TIER_CONFIG` for a file that is no checkpoint, or one of a later version. */
export function checkHead(head: Buffer, path: string): void {
  if (head.length < headBytes || head.toString('latin1', 0, 8) !== headMagic) {
    throw new TierError('ERR_TIER_CONFIG', `${path} is not a checkpoint.`);
  }
  const found = head.readUInt32LE(8);
  if (found !== version) {
    throw new TierError('ERR_TIER_CONFIG', `${path} is a checkpoint of version ${found}.`, {
      hint: `This release of memory-tiers reads version ${version}.`,
    });
  }
}

/** A record up to its data. */
export function encodeRecord(object: ObjectHead): Buffer {
  const { key } = object;
  const kind = typeof key === 'number' ? 'number' : key.isWellFormed() ? 'utf8' : 'utf16le';
  const keyBytes = kind === 'number' ? 8 : Buffer.byteLength(key as string, kind);
  const record = Buffer.alloc(recordHeadBytes + keyBytes);
  record[4] = object.type;
  record[5] = keyKinds.indexOf(kind);
  record[6] = tierNames.indexOf(object.tier);
  record[7] = object.verify ? verifyFlag : 0;
  record.writeUInt32LE(keyBytes, 8);
  record.writeBigUInt64LE(BigInt(object.byteLength), 12);
  if (kind === 'number') record.writeDoubleLE(key as number, recordHeadBytes);
  else record.write(key as string, recordHeadBytes, kind);
  record.writeUInt32LE(crc32(record.subarray(4)), 0);
  return record;
}

/** Bytes of the key that follows a record's fixed part. */
export function keyBytesOf(fixed: Buffer): number {
  return fixed.readUInt32LE(8);
}

/** What a record up to its data says; undefined when its sum does not match. */
export function decodeRecord(record: Buffer): ObjectHead | undefined {
  if (crc32(record.subarray(4)) !== record.readUInt32LE(0)) return undefined;
  const bytes = record.subarray(recordHeadBytes);
  const kind = keyKinds[record[5]];
  return {
    key: kind === 'number' ? bytes.readDoubleLE(0) : bytes.toString(kind),
    type: record[4],
    tier: tierNames[record[6]],
    verify: (record[7] & verifyFlag) !== 0,
    byteLength: Number(record.readBigUInt64LE(12)),
  };
}

/** The tail of a file of so many objects and bytes, the tail itself included. */
export function encodeTail(objects: number, fileBytes: number): Buffer {
  const tail = Buffer.alloc(tailBytes);
  tail.write(tailMagic, 0, 'latin1');
  tail.writeBigUInt64LE(BigInt(objects), 8);
  tail.writeBigUInt64LE(BigInt(fileBytes), 16);
  tail.writeUInt32LE(crc32(tail.subarray(0, 24)), 24);
  return tail;
}

/** Objects in a file of `fileBytes` bytes by its tail; undefined when it does not belong to the file. */
export function decodeTail(tail: Buffer, fileBytes: number): number | undefined {
  if (tail.length < tailBytes || tail.toString('latin1', 0, 8) !== tailMagic) return undefined;
  if (crc32(tail.subarray(0, 24)) !== tail.readUInt32LE(24)) return undefined;
  if (Number(tail.readBigUInt64LE(16)) !== fileBytes) return undefined;
  return Number(tail.readBigUInt64LE(8));
}
