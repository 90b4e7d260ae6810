/**
 * Which command answers which (group, command): the one place that knows them all. Reference: RAIDA
 * section 8.
 */
import { word } from "../../core/control";
import { Config, Wire } from "../../core/layout";
import { enterCommand } from "../dispatch";
import { detect, detectSum, pown, pownSum } from "./auth";
import { breakCoin, getChange, join } from "./change";
import { checkDepository, exchangeRate, reserveCrossover, withdraw } from "./crossover";
import { create, deleteCoins, freeCoins, getAll, getAvailable } from "./executive";
import { getObject, putObject, removeObject } from "./filesystem";
import { fix } from "./fix";
import { find, getTicket, validateTicket } from "./healing";
import { allRoots, merkleBranch } from "./integrity";
import { decryptRaidaKey, encryptKey } from "./key-exchange";
import { getKey, keyAlert, postKey } from "./key-exchange-files";
import { peek, put, putMany, remove } from "./locker";
import { nslookup } from "./rpc";
import { getFree, pickup, rollbackSwitch, switchSum, switchWithSerials } from "./shard";
import { audit, echo, showStats, version } from "./status";
import { listOffers, peekOffer, removeOffer, sell } from "./trade";
import { buy } from "./trade-buy";

const STATUS: u32 = 0;
const AUTH: u32 = 1;
const HEALING: u32 = 2;
const EXECUTIVE: u32 = 3;
const KEY_EXCHANGE: u32 = 4;
const LOCKER: u32 = 8;
const CHANGE: u32 = 9;
const SHARD: u32 = 10;
const CROSSOVER: u32 = 11;
const RPC: u32 = 12;
const FILESYSTEM: u32 = 13;
const INTEGRITY: u32 = 14;

/** Fills the command table; configure() only. */
export function fillCommandTable(): void {
  enterCommand(STATUS, 0, echo.index);
  enterCommand(STATUS, 1, version.index);
  enterCommand(STATUS, 2, showStats.index);
  enterCommand(STATUS, 3, audit.index);
  enterCommand(AUTH, 10, detect.index);
  enterCommand(AUTH, 11, detectSum.index);
  enterCommand(AUTH, 20, pown.index);
  enterCommand(AUTH, 21, pownSum.index);
  enterCommand(HEALING, 40, getTicket.index);
  enterCommand(HEALING, 50, validateTicket.index);
  enterCommand(HEALING, 60, find.index);
  enterCommand(HEALING, 80, fix.index);
  enterCommand(EXECUTIVE, 120, getAvailable.index);
  enterCommand(EXECUTIVE, 130, create.index);
  enterCommand(EXECUTIVE, 140, deleteCoins.index);
  enterCommand(EXECUTIVE, 150, freeCoins.index);
  enterCommand(EXECUTIVE, 160, getAll.index);
  enterCommand(KEY_EXCHANGE, 41, postKey.index);
  enterCommand(KEY_EXCHANGE, 42, keyAlert.index);
  enterCommand(KEY_EXCHANGE, 43, getKey.index);
  enterCommand(KEY_EXCHANGE, 44, encryptKey.index);
  enterCommand(KEY_EXCHANGE, 45, decryptRaidaKey.index);
  enterCommand(LOCKER, 81, peekOffer.index);
  enterCommand(LOCKER, 82, put.index);
  enterCommand(LOCKER, 83, peek.index);
  enterCommand(LOCKER, 84, remove.index);
  enterCommand(LOCKER, 85, sell.index);
  enterCommand(LOCKER, 86, listOffers.index);
  enterCommand(LOCKER, 87, buy.index);
  enterCommand(LOCKER, 88, putMany.index);
  enterCommand(LOCKER, 89, removeOffer.index);
  enterCommand(CHANGE, 91, getChange.index);
  enterCommand(CHANGE, 92, breakCoin.index);
  enterCommand(CHANGE, 93, join.index);
  enterCommand(SHARD, 170, switchSum.index);
  enterCommand(SHARD, 171, pickup.index);
  enterCommand(SHARD, 172, getFree.index);
  enterCommand(SHARD, 173, rollbackSwitch.index);
  enterCommand(SHARD, 174, switchWithSerials.index);
  enterCommand(CROSSOVER, 110, reserveCrossover.index);
  enterCommand(CROSSOVER, 111, checkDepository.index);
  enterCommand(CROSSOVER, 112, withdraw.index);
  enterCommand(CROSSOVER, 114, exchangeRate.index);
  enterCommand(RPC, 120, nslookup.index);
  enterCommand(FILESYSTEM, 134, putObject.index);
  enterCommand(FILESYSTEM, 135, getObject.index);
  enterCommand(FILESYSTEM, 136, removeObject.index);
  // Only this wire knows the group, and only it has the trees.
  if (word(Config.WIRE) != Wire.LEGACY) return;
  enterCommand(INTEGRITY, 2, merkleBranch.index);
  enterCommand(INTEGRITY, 5, allRoots.index);
}
