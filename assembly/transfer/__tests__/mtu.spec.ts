import { resetClock } from "../clock";
import {
  mtu,
  mtuDeadline,
  mtuPacketAcked,
  mtuPacketLost,
  mtuProbeAcked,
  mtuProbeLost,
  mtuProbeSent,
  mtuProbeSize,
  mtuSuspect,
  startMtu,
} from "../mtu";
import { NEVER } from "../timer-wheel";
import { bareSession, configureTransfer, seed } from "./configured";
import { Link } from "./virtual-link";

configureTransfer();

function begin(ip6: bool, limit: u32): usize {
  resetClock(1000000);
  const session = bareSession();
  startMtu(session, ip6, limit);
  return session;
}

/** Searches on a path that carries `most` bytes; gives the number of probes. */
function search(session: usize, most: u32): u32 {
  let probes: u32 = 0;
  while (probes < 100) {
    const size = mtuProbeSize(session);
    if (size == 0) return probes;
    probes++;
    mtuProbeSent(session, size);
    expect(mtuProbeSize(session)).toBe(0, "one at a time");
    if (size <= most) mtuProbeAcked(session, size);
    else mtuProbeLost(session, size);
  }
  return probes;
}

describe("path MTU", () => {
  test("begins at 1280 bytes of IP and finds 1500, with either IP", () => {
    const four = begin(false, 1472);
    expect(mtu(four)).toBe(1252);
    expect(mtuProbeSize(four)).toBe(1372);
    expect(search(four, 1472)).toBe(2);
    expect(mtu(four)).toBe(1472);
    const six = begin(true, 1452);
    expect(mtu(six)).toBe(1232);
    expect(mtuProbeSize(six)).toBe(1352);
    search(six, 1452);
    expect(mtu(six)).toBe(1452);
  });

  test("finds jumbo frames at once, and what lies between by halves", () => {
    const jumbo = begin(false, 8972);
    expect(search(jumbo, 8972)).toBe(3);
    expect(mtu(jumbo)).toBe(8972);
    const between = begin(false, 8972);
    expect(search(between, 4000)).toBeLessThan(40);
    expect(mtu(between)).toBeGreaterThan(4000 - 17);
    expect(mtu(between)).toBeLessThan(4001);
    const tunnel = begin(false, 1472);
    search(tunnel, 1464);
    expect(mtu(tunnel)).toBeGreaterThan(1464 - 17);
    expect(mtu(tunnel)).toBeLessThan(1465);
    const least = begin(false, 1472);
    search(least, 1252);
    expect(mtu(least)).toBe(1252);
    const relay = begin(false, 1100);
    expect(search(relay, 1100)).toBe(0);
    expect(mtu(relay)).toBe(1100);
  });

  test("takes a size for too large after three losses, and tries again after 600 s", () => {
    const session = begin(false, 1472);
    for (let i = 0; i < 3; i++) {
      expect(mtuProbeSize(session)).toBe(1372);
      mtuProbeSent(session, 1372);
      mtuProbeLost(session, 1372);
    }
    expect(mtuProbeSize(session)).toBeLessThan(1372);
    search(session, 1252);
    expect(mtu(session)).toBe(1252);
    expect(mtuDeadline(session)).toBe(601000000);
    resetClock(600999999);
    expect(mtuProbeSize(session)).toBe(0);
    resetClock(601000000);
    expect(mtuProbeSize(session)).toBe(1372);
    expect(mtuDeadline(session)).toBe(NEVER);
    mtuProbeAcked(session, 1472);
    expect(mtu(session)).toBe(1252, "of no probe of this search");
  });

  test("falls back when three large packets are lost behind small ones that arrive", () => {
    const session = begin(false, 1472);
    search(session, 1472);
    mtuPacketAcked(session, 1472, 10);
    mtuPacketLost(session, 1472, 7);
    mtuPacketLost(session, 1472, 8);
    mtuPacketLost(session, 1472, 9);
    expect(mtu(session)).toBe(1472, "a newer one arrived");
    mtuPacketLost(session, 1472, 11);
    mtuPacketLost(session, 1472, 12);
    mtuPacketLost(session, 1252, 13);
    mtuPacketAcked(session, 1252, 14);
    expect(mtu(session)).toBe(1472);
    mtuPacketLost(session, 1472, 15);
    expect(mtu(session)).toBe(1252);
    expect(mtuProbeSize(session)).toBe(1372);
    search(session, 1472);
    mtuSuspect(session);
    expect(mtu(session)).toBe(1252);
  });

  test("is found and lost under way", () => {
    seed(5);
    const link = new Link(1),
      sender = link.flows[0].sender;
    startMtu(sender, false, 8972);
    link.largest = 1464;
    link.run(3000000);
    expect(mtu(sender)).toBeGreaterThan(1448);
    expect(mtu(sender)).toBeLessThan(1465);
    link.largest = 1300;
    link.run(8000000);
    expect(mtu(sender)).toBeGreaterThan(1251);
    expect(mtu(sender)).toBeLessThan(1301);
    const from = link.delivered();
    link.run(1000000);
    expect(link.used(from, 1000000)).toBeGreaterThan(0.8);
  });
});
