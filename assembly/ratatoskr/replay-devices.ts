/**
 * The replay cache's devices: those that have a live entry, each with a list of its entries. A
 * device is named by its number, from 1; 0 is none.
 *
 * Device (48 bytes): 0 fingerprint of its id (16), 16 entries, 20 next in the bucket or next free
 * one, 24 first entry, 32 no entry is earlier than this (i64), 40 none is later than this (i64).
 */
import { REPLAY, REPLAY_DEVICE_BYTES } from "../core/memory";
import * as entries from "./replay-entries";

/** In the head of the cache. */
const USED: usize = 20;
const FREE: usize = 24;

const COUNT: usize = 16;
const NEXT: usize = 20;
const FIRST: usize = 24;
const EARLIEST: usize = 32;
const LATEST: usize = 40;

function at(device: u32): usize {
  return entries.devicesAt() + <usize>(device - 1) * REPLAY_DEVICE_BYTES;
}

export function countOf(device: u32): u32 {
  return load<u32>(at(device), COUNT);
}
/** The device is gone with its last entry. */
export function isAlive(device: u32): bool {
  return countOf(device) != 0;
}
export function firstOf(device: u32): u32 {
  return load<u32>(at(device), FIRST);
}
export function earliestOf(device: u32): i64 {
  return load<i64>(at(device), EARLIEST);
}
export function latestOf(device: u32): i64 {
  return load<i64>(at(device), LATEST);
}
export function setBounds(device: u32, earliest: i64, latest: i64): void {
  store<i64>(at(device), earliest, EARLIEST);
  store<i64>(at(device), latest, LATEST);
}

/** The device of the fingerprint at `key`, or 0. */
export function find(key: usize): u32 {
  let device = load<u32>(entries.deviceBucket(key));
  while (device && !entries.same(at(device), key)) device = load<u32>(at(device), NEXT);
  return device;
}

/**
 * A new device. There is room: there are as many places as for entries, and one of those is free.
 */
export function add(key: usize): u32 {
  let device = load<u32>(REPLAY, FREE);
  if (device) store<u32>(REPLAY, load<u32>(at(device), NEXT), FREE);
  else {
    device = load<u32>(REPLAY, USED) + 1;
    store<u32>(REPLAY, device, USED);
  }
  const bucket = entries.deviceBucket(key),
    place = at(device);
  memory.fill(place, 0, REPLAY_DEVICE_BYTES);
  memory.copy(place, key, 16);
  store<u32>(place, load<u32>(bucket), NEXT);
  setBounds(device, i64.MAX_VALUE, i64.MIN_VALUE);
  store<u32>(bucket, device);
  return device;
}

export function addEntry(device: u32, entry: u32, timestamp: i64): void {
  const place = at(device),
    first = load<u32>(place, FIRST);
  entries.setDevice(entry, device);
  entries.setNext(entry, first);
  entries.setPrevious(first, entry);
  store<u32>(place, entry, FIRST);
  store<u32>(place, load<u32>(place, COUNT) + 1, COUNT);
  setBounds(device, min(earliestOf(device), timestamp), max(latestOf(device), timestamp));
}

/** Takes an entry out of its device's list; the device goes with its last one. */
export function removeEntry(entry: u32): void {
  const device = entries.deviceOf(entry),
    place = at(device),
    next = entries.nextOf(entry),
    previous = entries.previousOf(entry);
  entries.setPrevious(next, previous);
  if (previous) entries.setNext(previous, next);
  else store<u32>(place, next, FIRST);
  const count = load<u32>(place, COUNT) - 1;
  store<u32>(place, count, COUNT);
  if (count == 0) remove(device);
}

function remove(device: u32): void {
  const place = at(device);
  let link = entries.deviceBucket(place);
  while (load<u32>(link) != device) link = at(load<u32>(link)) + NEXT;
  store<u32>(link, load<u32>(place, NEXT));
  store<u32>(place, load<u32>(REPLAY, FREE), NEXT);
  store<u32>(REPLAY, device, FREE);
}
