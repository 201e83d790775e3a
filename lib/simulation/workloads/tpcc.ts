/**
 * Rows that the transactions of TPC-C touch, in its mix and with its skew; no database. Warehouses, districts and
 * the newest orders are hot, stock is lukewarm, old orders get cold and never end.
 */

import type { AccessGenerator, AccessRows } from './access-rows.ts';
import { SplitMix64 } from './split-mix.ts';

const districtsPerWarehouse = 10;
const customersPerWarehouse = 30_000;
const customersPerDistrict = 3000;
const stockPerWarehouse = 100_000;
const items = 100_000;
const fewestLines = 5;
const mostLines = 15;
const localShare = 0.85;
/** Orders a stock-level transaction looks at. */
const recentOrders = 20;
/** How far back a customer's last order is, at most. */
const statusOrders = 1000;

const bytes = { warehouse: 89, district: 95, customer: 655, item: 82, stock: 306 } as const;
const orderBytes = 24;
const newOrderBytes = 8;
const lineBytes = 54;

/** Settings of {@link Tpcc}. */
export interface TpccSettings {
  readonly seed: number;
  readonly warehouses: number;
}

/** A step is a transaction. An order is one object with its lines; items and stock of it follow from its number. */
export class Tpcc implements AccessGenerator {
  readonly unitCount: number;
  readonly #warehouses: number;
  readonly #random: SplitMix64;
  readonly #lines: SplitMix64 = new SplitMix64(0);
  readonly #seed: number;
  readonly #districtKey: number;
  readonly #customerKey: number;
  readonly #itemKey: number;
  readonly #stockKey: number;
  #orders = 0;
  #delivered = 0;

  constructor({ seed, warehouses }: TpccSettings) {
    this.#seed = seed;
    this.#random = new SplitMix64(seed);
    this.#warehouses = warehouses;
    this.#districtKey = warehouses;
    this.#customerKey = this.#districtKey + warehouses * districtsPerWarehouse;
    this.#itemKey = this.#customerKey + warehouses * customersPerWarehouse;
    this.#stockKey = this.#itemKey + items;
    this.unitCount = this.#stockKey + warehouses * stockPerWarehouse;
  }

  sizeOf(key: number): number {
    if (key < this.#districtKey) return bytes.warehouse;
    if (key < this.#customerKey) return bytes.district;
    if (key < this.#itemKey) return bytes.customer;
    return key < this.#stockKey ? bytes.item : bytes.stock;
  }

  step(rows: AccessRows): void {
    const draw = this.#random.next().below(100);
    if (draw < 45) this.#newOrder(rows);
    else if (draw < 88) this.#payment(rows);
    else if (draw < 92) this.#orderStatus(rows);
    else if (draw < 96) this.#delivery(rows);
    else this.#stockLevel(rows);
  }

  #newOrder(rows: AccessRows): void {
    const home = this.#random.next().below(this.#warehouses);
    rows.add(home, bytes.warehouse, 0);
    rows.add(this.#district(home), bytes.district, 1);
    rows.add(this.#customer(home), bytes.customer, 0);
    const order = this.#orders++;
    const count = this.#openOrder(order);
    for (let line = 0; line < count; line++) {
      const item = this.#item();
      rows.add(this.#itemKey + item, bytes.item, 0);
      const supplier = this.#lines.next().unit() < localShare ? home : this.#supplier();
      rows.add(this.#stockKey + supplier * stockPerWarehouse + item, bytes.stock, 1);
    }
    rows.add(this.#orderKey(order), orderBytes + count * lineBytes, 1);
    rows.add(this.#orderKey(order) + 1, newOrderBytes, 1);
  }

  #payment(rows: AccessRows): void {
    const home = this.#random.next().below(this.#warehouses);
    rows.add(home, bytes.warehouse, 1);
    rows.add(this.#district(home), bytes.district, 1);
    const local = this.#random.next().unit() < localShare;
    const paying = local ? home : this.#random.next().below(this.#warehouses);
    rows.add(this.#customer(paying), bytes.customer, 1);
  }

  #orderStatus(rows: AccessRows): void {
    const home = this.#random.next().below(this.#warehouses);
    rows.add(this.#customer(home), bytes.customer, 0);
    if (this.#orders === 0) return;
    const back = this.#random.next().below(Math.min(this.#orders, statusOrders));
    this.#touchOrder(this.#orders - 1 - back, 0, rows);
  }

  #delivery(rows: AccessRows): void {
    const home = this.#random.next().below(this.#warehouses);
    for (let district = 0; district < districtsPerWarehouse; district++) {
      rows.add(this.#customer(home), bytes.customer, 1);
      if (this.#delivered === this.#orders) continue;
      const order = this.#delivered++;
      rows.add(this.#orderKey(order) + 1, newOrderBytes, 1);
      this.#touchOrder(order, 1, rows);
    }
  }

  #stockLevel(rows: AccessRows): void {
    const home = this.#random.next().below(this.#warehouses);
    rows.add(this.#district(home), bytes.district, 0);
    for (let order = Math.max(0, this.#orders - recentOrders); order < this.#orders; order++) {
      this.#touchOrder(order, 0, rows);
      const count = this.#openOrder(order);
      for (let line = 0; line < count; line++) {
        const item = this.#item();
        this.#lines.next();
        rows.add(this.#stockKey + home * stockPerWarehouse + item, bytes.stock, 0);
      }
    }
  }

  #touchOrder(order: number, write: number, rows: AccessRows): void {
    rows.add(this.#orderKey(order), orderBytes + this.#openOrder(order) * lineBytes, write);
  }

  /** Turns to the lines of an order and returns how many there are. */
  #openOrder(order: number): number {
    this.#lines.reset(this.#seed + order, 3);
    return fewestLines + this.#lines.next().below(mostLines - fewestLines + 1);
  }

  #orderKey(order: number): number {
    return this.unitCount + 2 * order;
  }

  #item(): number {
    return skewed(this.#lines, 8191, items);
  }

  #supplier(): number {
    return this.#lines.upper % this.#warehouses;
  }

  #district(warehouse: number): number {
    const district = this.#random.next().below(districtsPerWarehouse);
    return this.#districtKey + warehouse * districtsPerWarehouse + district;
  }

  #customer(warehouse: number): number {
    const district = this.#random.next().below(districtsPerWarehouse);
    const customer = skewed(this.#random, 1023, customersPerDistrict);
    const first = this.#customerKey + warehouse * customersPerWarehouse;
    return first + district * customersPerDistrict + customer;
  }
}

/** NURand(mask, 0, count - 1) of the standard with C = 0. */
function skewed(random: SplitMix64, mask: number, count: number): number {
  const low = random.next().below(mask + 1);
  return (low | random.next().below(count)) % count;
}
