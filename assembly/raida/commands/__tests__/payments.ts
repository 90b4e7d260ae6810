/** Crossover requests, for specs. */
import { addByte, addFiller, addText, begin, hand } from "../../__tests__/message";
import { settle } from "../../__tests__/node";

/** A locker key in hex, its first byte `first`. */
export function keyHex(first: u32): string {
  return first.toString(16).padStart(2, "0") + "0102030405060708090a0b" + "ffffffff";
}
export const RECEIPT: string = "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf";

/** Locker key, ticker, amount 1000. */
function addHead(first: u32, ticker: string): void {
  addByte(first);
  for (let i: u32 = 1; i < 12; i++) addByte(i);
  for (let i = 0; i < 4; i++) addByte(0xff);
  addText(ticker);
}

function addReceipt(last: u32): void {
  for (let i: u32 = 0; i < 15; i++) addByte(0xd0 + i);
  addByte(last);
}

function addPayment(first: u32, ticker: string, address: u32): void {
  addHead(first, ticker);
  for (let i: u32 = 0; i < 6; i++) addByte(0);
  addByte(0x03);
  addByte(0xe8);
  addByte(address);
}

/** 11/110 for an address of so many bytes, with a memo. */
export function reserve(first: u32, address: u32, memo: u32): void {
  reserveAs(0, first, address, memo);
}
export function reserveAs(type: u32, first: u32, address: u32, memo: u32): void {
  begin(type, 11, 110);
  addPayment(first, "BTC", address);
  for (let i: u32 = 0; i < address; i++) addByte(0x41);
  addReceipt(0xdf);
  addFiller(memo);
}

/** 11/112, as 11/110. */
export function withdrawal(ticker: string, address: u32, memo: u32): void {
  begin(0, 11, 112);
  addPayment(0, ticker, address);
  for (let i: u32 = 0; i < address; i++) addByte(0x41);
  addReceipt(0xdf);
  addFiller(memo);
}

/** 11/111 with transaction 99 99 .. and a memo. */
export function check(first: u32, ticker: string, receipt: u32, memo: u32): void {
  begin(0, 11, 111);
  addHead(first, ticker);
  for (let i = 0; i < 32; i++) addByte(0x99);
  addReceipt(receipt);
  addFiller(memo);
}

/** Hands the request over and lets it run. */
export function handOver(): void {
  hand();
  settle();
}
