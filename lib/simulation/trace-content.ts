/**
 * The bytes a replayed object holds: a function of its key and version, of any length, cheap to write and to
 * verify. Two objects, or two versions of one, differ in (nearly) every word, and so does an object that is
 * shifted against itself; what is read back can therefore be checked in full without keeping a copy.
 */

/** Weyl step: odd, so that the sequence visits all 2^32 values before it repeats. */
const step = 0x9e3779b9;

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** First value of the Weyl sequence and the mask laid over it: 64 bits in all. */
function seed(key: number, version: number, salt: number): number {
  const low = key | 0;
  const high = Math.floor(key / 2 ** 32);
  return mix(mix(mix(low ^ salt) ^ high) ^ version);
}

function words(bytes: Uint8Array): Uint32Array | undefined {
  if ((bytes.byteOffset & 3) !== 0) return undefined;
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
}

/** Fills `target` with the content of `key` at `version`. Key: an integer in [0, 2^53). */
export function fillContent(target: Uint8Array, key: number, version: number): void {
  let x = seed(key, version, 0x2545f491);
  const mask = seed(key, version, 0x5bd1e995);
  const view = words(target);
  if (view === undefined) {
    const copy = new Uint8Array(target.byteLength);
    fillContent(copy, key, version);
    target.set(copy);
    return;
  }
  const count = view.length;
  for (let i = 0; i < count; i++) {
    view[i] = x ^ (x >>> 16) ^ mask;
    x = (x + step) | 0;
  }
  let tail = x ^ (x >>> 16) ^ mask;
  for (let i = count * 4; i < target.byteLength; i++) {
    target[i] = tail;
    tail >>>= 8;
  }
}

/** Offset of the first word or tail byte that is not the content of `key` at `version`; -1 when all are. */
export function findCorruption(bytes: Uint8Array, key: number, version: number): number {
  let x = seed(key, version, 0x2545f491);
  const mask = seed(key, version, 0x5bd1e995);
  const view = words(bytes) ?? words(bytes.slice())!;
  const count = view.length;
  for (let i = 0; i < count; i++) {
    if (view[i] !== (x ^ (x >>> 16) ^ mask) >>> 0) return i * 4;
    x = (x + step) | 0;
  }
  let tail = x ^ (x >>> 16) ^ mask;
  for (let i = count * 4; i < bytes.byteLength; i++) {
    if (bytes[i] !== (tail & 0xff)) return i;
    tail >>>= 8;
  }
  return -1;
}
