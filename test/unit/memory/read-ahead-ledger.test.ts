import { describe, expect, it } from 'vitest';
import { ReadAheadLedger } from '../../../lib/memory/read-ahead-ledger.ts';

const block = 64 * 1024;

describe('the ledger of what was read ahead', () => {
  it('calls useful what is accessed later, once', () => {
    const ledger = new ReadAheadLedger();
    ledger.begin(1000, 3 * block);
    expect(ledger.accessed(block, block + 1)).toBe(block);
    expect(ledger.accessed(block, block + 1)).toBe(0);
    expect(ledger.accessed(0, 1)).toBe(block - 1000);
    expect(ledger.accessed(10 * block, 20 * block)).toBe(0);
    expect(ledger).toMatchObject({ issuedBytes: 3 * block - 1000, wastedBytes: 0 });
    expect(ledger.usefulBytes).toBe(2 * block - 1000);
  });

  it('calls wasted what is not, once it is long past', () => {
    const ledger = new ReadAheadLedger();
    for (let i = 0; i < 5000; i++) ledger.begin(i * block, (i + 1) * block);
    expect(ledger.wastedBytes).toBe((5000 - 4096) * block);
    expect(ledger.accessed(0, 5000 * block)).toBe(4096 * block);
    expect(ledger.issuedBytes).toBe(ledger.usefulBytes + ledger.wastedBytes);
  });

  it('has a read on its way until it ends or the program has reached it', () => {
    const ledger = new ReadAheadLedger();
    const first = ledger.begin(0, 4 * block);
    const second = ledger.begin(4 * block, 5 * block);
    expect(ledger).toMatchObject({ inFlightBytes: 5 * block, readings: 2 });
    ledger.accessed(block, block + 1);
    expect(ledger).toMatchObject({ inFlightBytes: block, readings: 1 });
    ledger.end(first, false);
    expect(ledger).toMatchObject({ inFlightBytes: block, readings: 1, errors: 0 });
    ledger.end(second, true);
    expect(ledger).toMatchObject({ inFlightBytes: 0, readings: 0, errors: 1 });
  });

  it('adds up pieces of one block', () => {
    const ledger = new ReadAheadLedger();
    ledger.begin(0, 4096);
    ledger.begin(8192, 12_288);
    expect(ledger.accessed(8192, 8193)).toBe(8192);
  });
});
