/**
 * Published arithmetic on what slower memory saves, to check plans against: it is about whole servers and fleets,
 * where this library only sees one program.
 */

import { invalidValue } from '../errors.ts';

/** Terms of the cost model of {@link cxlServerRatio}. */
export interface CxlServerTerms {
  /** Throughput of a server with all data in DRAM, relative to one that works from SSD ("Rd"). */
  readonly dramThroughput: number;
  /** The same with all data in CXL memory ("Rc"). */
  readonly cxlThroughput: number;
  /** DRAM bytes for each CXL byte of a server ("C"). */
  readonly dramPerCxl: number;
}

/** The example its authors calculate. */
export const cxlServerExample: CxlServerTerms = {
  dramThroughput: 10,
  cxlThroughput: 8,
  dramPerCxl: 2,
};

/**
 * Servers with CXL memory needed for the throughput of one server without, data beyond DRAM spilling to SSD:
 * `C Rc (Rd - 1) / (Rc Rd (C + 1) - C Rc - Rd)`; 67.29 % for {@link cxlServerExample}.
 *
 * Source: the abstract cost model of Tang et al., "Exploring Performance and Cost Optimization with ASIC-Based CXL
 * Memory", EuroSys 2024.
 *
 * @throws RangeError unless DRAM is faster than SSD and no slower than CXL, and CXL no slower than SSD
 */
export function cxlServerRatio(terms: CxlServerTerms): number {
  const { dramThroughput: rd, cxlThroughput: rc, dramPerCxl: c } = terms;
  if (!(rd > 1 && rd < Infinity)) throw invalidValue('dramThroughput', '> 1 and finite', rd);
  if (!(rc >= 1 && rc <= rd)) throw invalidValue('cxlThroughput', `from 1 to ${rd}`, rc);
  if (!(c > 0 && c < Infinity)) throw invalidValue('dramPerCxl', '> 0 and finite', c);
  return (c * rc * (rd - 1)) / (rc * rd * (c + 1) - c * rc - rd);
}

/**
 * What servers with CXL memory save of the total cost when each costs `serverPriceRatio` times one without; 25.98 %
 * for {@link cxlServerExample} at 1.1. Negative when they cost more.
 */
export function cxlServerSaving(terms: CxlServerTerms, serverPriceRatio: number): number {
  if (!(serverPriceRatio > 0)) throw invalidValue('serverPriceRatio', '> 0', serverPriceRatio);
  return 1 - cxlServerRatio(terms) * serverPriceRatio;
}

/** Part of the memory bill saved when `movedShare` of the bytes go to memory of `priceRatio` times the price. */
export function movedSaving(movedShare: number, priceRatio: number): number {
  checkShare('movedShare', movedShare);
  checkRatio(priceRatio);
  return movedShare * (1 - priceRatio);
}

/** The other way round: the share of the bytes that has to move for a given saving. Above 1: out of reach. */
export function movedShareFor(saving: number, priceRatio: number): number {
  checkShare('saving', saving);
  checkRatio(priceRatio);
  return saving / (1 - priceRatio);
}

/** A published result: what was moved or saved, and what that cost in speed at most. */
export interface PublishedSaving {
  readonly source: string;
  readonly movedShare?: number | undefined;
  readonly saving?: number | undefined;
  readonly maxSlowdown: number;
}

/** Fleet figures. Against them stands "A Case Against CXL Memory Pooling" (HotNets 2023): pooling may not pay at all. */
export const publishedSavings: readonly PublishedSaving[] = [
  {
    source: 'Li et al., "Pond", ASPLOS 2023: 7 % of the DRAM cost at 1-5 % slow-down',
    saving: 0.07,
    maxSlowdown: 1.05,
  },
  {
    source: 'Duraisamy et al., "TMTS", ASPLOS 2023: 25 % of DRAM replaced at under 5 % slow-down',
    movedShare: 0.25,
    maxSlowdown: 1.05,
  },
];

function checkShare(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw invalidValue(name, 'from 0 to 1', value);
}

function checkRatio(value: number): void {
  if (!(value >= 0 && value < 1)) throw invalidValue('priceRatio', 'at least 0 and below 1', value);
}
