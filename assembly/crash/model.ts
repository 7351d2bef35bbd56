// What a drive may do to uncertain writes when its power goes: the choices that make a crash model.
//
// Verbs: modelInit, tearingOf, isLoose, pieceSectors, isAtomicPiece, isDamageable, pieceCount, extensionBefore, extensionAfter.
// A write is cut into pieces, each there or not as a whole; where pieces tear is decided here, how they combine in tear.ts and axes.ts.
// Invariant: promises of the drive (SQLite's device characteristics) only ever take states away.

import {
  CRASH_CONFIG_BOUND,
  CRASH_CONFIG_BUDGET,
  CRASH_CONFIG_DAMAGE,
  CRASH_CONFIG_DEVICE,
  CRASH_CONFIG_DISCARD,
  CRASH_CONFIG_DRIVE,
  CRASH_CONFIG_FLUSH_SCOPE,
  CRASH_CONFIG_ORDER,
  CRASH_CONFIG_PROMISES,
  CRASH_CONFIG_SCOPE,
  CRASH_CONFIG_SEED,
  CRASH_CONFIG_TEARING,
  CRASH_CONFIG_UNIT,
  CRASH_DAMAGE_NONE,
  CRASH_DISCARD_OLD_OR_ZERO,
  CRASH_FLUSH_DOMAIN,
  CRASH_ORDER_DOMAIN_PREFIX,
  CRASH_ORDER_PREFIX,
  CRASH_SCOPE_POWERSAFE,
  CRASH_SCOPE_UNIT,
  CRASH_TEARING_BYTES,
  CRASH_TEARING_NONE,
  CRASH_TEARING_UNITS,
  OP_DISCARD,
  PROMISE_ATOMIC,
  PROMISE_ATOMIC64K,
  PROMISE_ATOMIC512,
  PROMISE_POWERSAFE_OVERWRITE,
  PROMISE_SEQUENTIAL,
} from '../layout';
import { Write } from './tables';

/** Sectors of the largest piece that a promise keeps whole: 64 KiB. */
const LARGEST_ATOMIC: u32 = 128;

@unmanaged
export class Model {
  bound: u64;
  drive: u32;
  order: u32;
  tearing: u32;
  /** Sectors of a tearing unit. */
  unit: u32;
  damage: u32;
  scope: u32;
  device: u32;
  discard: u32;
  flushScope: u32;
  promises: u32;
  seed: u32;
  budget: u32;
}

export const model = changetype<Model>(memory.data(offsetof<Model>(), 16));

/** Takes the model from a config whose fields are within their ranges. */
export function modelInit(config: usize): void {
  model.bound = load<u64>(config, CRASH_CONFIG_BOUND);
  model.budget = load<u32>(config, CRASH_CONFIG_BUDGET);
  model.drive = load<u32>(config, CRASH_CONFIG_DRIVE);
  model.order = load<u32>(config, CRASH_CONFIG_ORDER);
  model.tearing = load<u32>(config, CRASH_CONFIG_TEARING);
  model.unit = load<u32>(config, CRASH_CONFIG_UNIT);
  model.damage = load<u32>(config, CRASH_CONFIG_DAMAGE);
  model.scope = load<u32>(config, CRASH_CONFIG_SCOPE);
  model.device = load<u32>(config, CRASH_CONFIG_DEVICE);
  model.discard = load<u32>(config, CRASH_CONFIG_DISCARD);
  model.flushScope = load<u32>(config, CRASH_CONFIG_FLUSH_SCOPE);
  model.promises = load<u32>(config, CRASH_CONFIG_PROMISES);
  model.seed = load<u32>(config, CRASH_CONFIG_SEED);
  if (model.promises & PROMISE_ATOMIC) {
    model.tearing = CRASH_TEARING_NONE;
    model.damage = CRASH_DAMAGE_NONE;
  }
  if (model.promises & PROMISE_SEQUENTIAL) model.order = CRASH_ORDER_PREFIX;
  if (model.promises & PROMISE_POWERSAFE_OVERWRITE) model.scope = CRASH_SCOPE_POWERSAFE;
}

/** Writes are told apart by their domains. */
export function hasDomains(): bool {
  return model.order == <u32>CRASH_ORDER_DOMAIN_PREFIX || model.flushScope == <u32>CRASH_FLUSH_DOMAIN;
}

/** A discard whose units are old or zero, each for itself, whatever the tearing of writes. */
export function isLoose(write: Write): bool {
  return (
    write.operation == <u32>OP_DISCARD &&
    write.isSolid == 0 &&
    model.discard == <u32>CRASH_DISCARD_OLD_OR_ZERO
  );
}

/** How this write tears: CRASH_TEARING_…. */
export function tearingOf(write: Write): u32 {
  if (write.isSolid != 0) return CRASH_TEARING_NONE;
  return isLoose(write) ? CRASH_TEARING_UNITS : model.tearing;
}

/** Sectors that pieces end at multiples of. */
function splitUnit(tearing: u32): u32 {
  return tearing == <u32>CRASH_TEARING_BYTES ? 1 : model.unit;
}

/** Aligned pieces of promised sizes stay whole. */
function keepsSizes(write: Write): bool {
  return promisesSizes() && !isLoose(write);
}

/** Some promise names a size: ATOMIC512 … ATOMIC64K. */
export function promisesSizes(): bool {
  return (model.promises & (PROMISE_ATOMIC64K * 2 - PROMISE_ATOMIC512)) != 0;
}

/** The promise for pieces of `sectors`, a power of two: the bits are the sizes in sectors, doubled. */
function isPromised(sectors: u32): bool {
  return (model.promises & (sectors << 1)) != 0;
}

/** Sectors of the write's piece that begins at `sector`, with `left` sectors to the end of the write. */
export function pieceSectors(write: Write, sector: u64, left: u32): u32 {
  const tearing = tearingOf(write);
  if (tearing == <u32>CRASH_TEARING_NONE) return left;
  const unit = splitUnit(tearing);
  if (keepsSizes(write)) {
    for (let size = LARGEST_ATOMIC; size >= unit && size > 0; size >>= 1) {
      if (isPromised(size) && size <= left && (sector & (size - 1)) == 0) return size;
    }
  }
  return min<u32>(left, unit - (<u32>sector & (unit - 1)));
}

/** An aligned piece of a size that a promise names. */
export function isAtomicPiece(sector: u64, sectors: u32): bool {
  if (sectors > LARGEST_ATOMIC || (sectors & (sectors - 1)) != 0) return false;
  return isPromised(sectors) && (sector & (sectors - 1)) == 0;
}

/** A piece that may hold something that was never written. */
export function isDamageable(write: Write, sector: u64, sectors: u32): bool {
  return hasDamage(write) && !isAtomicPiece(sector, sectors);
}

function hasDamage(write: Write): bool {
  return model.damage != <u32>CRASH_DAMAGE_NONE && write.operation != <u32>OP_DISCARD && write.isSolid == 0;
}

/** How many pieces a write has. */
export function pieceCount(write: Write): u32 {
  const tearing = tearingOf(write);
  if (tearing == <u32>CRASH_TEARING_NONE) return 1;
  const unit = splitUnit(tearing);
  if (!keepsSizes(write)) {
    const first = write.sector & (unit - 1);
    return <u32>((first + write.sectors + unit - 1) >> ctz<u32>(unit));
  }
  let count: u32 = 0;
  for (let at: u32 = 0; at < write.sectors; count++) {
    at += pieceSectors(write, write.sector + at, write.sectors - at);
  }
  return count;
}

/** Sectors before a write, and behind it, that share a unit with it and that its damage may reach. */
export function extensionBefore(write: Write): u32 {
  if (model.scope != <u32>CRASH_SCOPE_UNIT || !hasDamage(write)) return 0;
  return <u32>write.sector & (model.unit - 1);
}

export function extensionAfter(write: Write): u32 {
  if (model.scope != <u32>CRASH_SCOPE_UNIT || !hasDamage(write)) return 0;
  return (0 - (<u32>write.sector + write.sectors)) & (model.unit - 1);
}
