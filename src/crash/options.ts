// What an explorer of crash states may be opened with: the crash model, bounds and limits, in words.
//
// Verbs: crashConfig, setDescriptors, describeCrashField. The core checks every range.

import {
  CRASH_CONFIG_BASE_FD,
  CRASH_CONFIG_BASE_HASH,
  CRASH_CONFIG_BOUND,
  CRASH_CONFIG_BUDGET,
  CRASH_CONFIG_DAMAGE,
  CRASH_CONFIG_DEVICE,
  CRASH_CONFIG_DISCARD,
  CRASH_CONFIG_DRIVE,
  CRASH_CONFIG_FLUSH_SCOPE,
  CRASH_CONFIG_IMAGE_FD,
  CRASH_CONFIG_IMAGES,
  CRASH_CONFIG_LOG_FD,
  CRASH_CONFIG_ORDER,
  CRASH_CONFIG_PAYLOAD_BYTES,
  CRASH_CONFIG_PROMISES,
  CRASH_CONFIG_SCOPE,
  CRASH_CONFIG_SEED,
  CRASH_CONFIG_SIZE,
  CRASH_CONFIG_TEARING,
  CRASH_CONFIG_UNIT,
  CRASH_CONFIG_VISITS,
} from '../../assembly/layout.ts';
import {
  DEFAULT_CRASH_BOUND,
  DEFAULT_CRASH_BUDGET,
  DEFAULT_CRASH_IMAGES,
  DEFAULT_CRASH_PAYLOAD_BYTES,
  DEFAULT_CRASH_VISITS,
} from '../../assembly/limits.ts';
import type { SparseMemory } from '../backing/sparse-memory.ts';
import { oneOf, whole } from '../core/config-values.ts';
import type { Size } from '../core/options.ts';
import { type DrivePromise, promiseBits } from '../core/promises.ts';
import { parseSize } from '../core/size.ts';
import { ConfigError } from '../errors.ts';
import type { WriteLog } from '../write-log/entries.ts';
import type { LogInput } from '../write-log/source.ts';

/** In the order of CRASH_ORDER_…, CRASH_TEARING_… and so on. */
const ORDERS = ['any', 'prefix', 'domainPrefix'] as const;
const TEARINGS = ['none', 'units', 'unitPrefix', 'unitSuffix', 'unitEnds', 'bytes'] as const;
const DAMAGES = ['none', 'zeros', 'garbage'] as const;
const SCOPES = ['powersafe', 'unit'] as const;
const DEVICES = ['volatile', 'noCache', 'lying'] as const;
const DISCARDS = ['oldOrZero', 'zeroes'] as const;
const FLUSH_SCOPES = ['all', 'domain'] as const;

/** The values that fields of the crash model have. */
export const CRASH_CHOICES = {
  order: ORDERS,
  tearing: TEARINGS,
  damage: DAMAGES,
  scope: SCOPES,
  device: DEVICES,
  discard: DISCARDS,
} as const;

/** What a drive may do to uncertain writes when its power goes. `{}` is any subset, torn at any 512 bytes, old or new bytes. */
export interface CrashModel {
  /** Which uncertain writes may be there: `any` (default), only the first ones (`prefix`), or of each domain the first ones (`domainPrefix`). */
  readonly order?: (typeof ORDERS)[number];
  /**
   * How a write tears: `none` (all or nothing), any of its units (`units`, default), its first (`unitPrefix`) or last ones
   * (`unitSuffix`), either (`unitEnds`), or its first bytes (`bytes`). With `prefix` orders only the last write that is there tears.
   */
  readonly tearing?: (typeof TEARINGS)[number];
  /** A tearing unit: a power of two from 512 bytes (default) to 64 KiB. */
  readonly unit?: Size;
  /** What a unit may hold beside old and new bytes: `none` (default), `zeros` or `garbage`, the same for each write and seed. */
  readonly damage?: (typeof DAMAGES)[number];
  /** Where damage ends: inside the written range (`powersafe`, default), or with the unit (`unit`; damage is then `garbage` unless given). */
  readonly scope?: (typeof SCOPES)[number];
  /** A `volatile` cache (default), none (`noCache`: a completed write is durable), or one whose flushes and FUA do nothing (`lying`). */
  readonly device?: (typeof DEVICES)[number];
  /** A discard that is not durable: each unit old or zero (`oldOrZero`, default), or as a write of zeros (`zeroes`). */
  readonly discard?: (typeof DISCARDS)[number];
  /** What a flush that was issued for a domain covers: `all` (default), or the writes of that `domain`. */
  readonly flushScope?: (typeof FLUSH_SCOPES)[number];
  /** What the drive promises: `ATOMIC` is tearing `none`, `ATOMIC4K` and so on keep aligned pieces of that size whole, `SEQUENTIAL` is order `prefix`, `POWERSAFE_OVERWRITE` scope `powersafe`. */
  readonly promises?: readonly DrivePromise[];
}

/** What an explorer is opened with. */
export interface CrashExplorerOptions {
  /** The write log: `machine.writeLog.snapshot()`, its bytes, sparse memory, or anything with `size` and `read`. It is read while exploring and must not change. */
  readonly log: LogInput | WriteLog;
  /** What the drive held before the log began; default: nothing but zeros. It is not changed. */
  readonly base?: SparseMemory;
  /** Bytes of the drive, which the images then have: a machine opened on one has a drive of that size. Default: those of `base`, else up to the last write. */
  readonly size?: Size;
  /** Hash of `base`, when it is a crash image itself: hashes of both explorers are then of the same kind. Default: images are hashed by what the log changed. */
  readonly baseHash?: string;
  /** Which drive of the log. Default 0. */
  readonly drive?: number;
  readonly model?: CrashModel;
  /** A crash point with at most so many states is gone through exhaustively, others by a sample: 0 to 2^53. Default 65,536. */
  readonly bound?: number;
  /** States of a sample, 1 and more. Default 4,096. */
  readonly budget?: number;
  /** Seed of garbage and of the random part of samples. Default 1. */
  readonly seed?: number;
  readonly limits?: {
    /** Distinct images told apart: a power of two up to 2^24. Default 2^20. */
    readonly images?: number;
    /** States of which it is remembered which image they have, up to 2^26; later ones are only counted. Default 2^20. */
    readonly visits?: number;
    /** Memory for the bytes of uncertain writes, up to 1 GiB; what does not fit is read again. Default 16 MiB. */
    readonly payload?: Size;
  };
}

function number<T extends string>(
  name: string,
  value: T | undefined,
  allowed: readonly T[],
  fallback: T,
): number {
  return allowed.indexOf(oneOf(`model.${name}`, value, allowed, fallback));
}

function baseHash(value: string | undefined): [bigint, bigint] {
  if (value === undefined) return [0n, 0n];
  if (typeof value !== 'string' || !/^[0-9a-f]{32}$/.test(value))
    throw new ConfigError('baseHash', value, '32 hexadecimal digits, the hash of an image');
  return [BigInt(`0x${value.slice(0, 16)}`), BigInt(`0x${value.slice(16)}`)];
}

function bound(value = DEFAULT_CRASH_BOUND): bigint {
  if (!Number.isInteger(value) || value < 0 || value > 2 ** 53)
    throw new ConfigError('bound', value, 'a whole number from 0 to 2^53');
  return BigInt(value);
}

/** Puts the WASI descriptors into a config; `base`: -1 for none. */
export function setDescriptors(
  config: Uint8Array,
  descriptors: { log: number; base: number; image: number },
): void {
  const view = new DataView(config.buffer);
  view.setInt32(CRASH_CONFIG_LOG_FD, descriptors.log, true);
  view.setInt32(CRASH_CONFIG_BASE_FD, descriptors.base, true);
  view.setInt32(CRASH_CONFIG_IMAGE_FD, descriptors.image, true);
}

/** The bytes that the core reads, but for the descriptors. Throws ConfigError. */
export function crashConfig(options: CrashExplorerOptions): Uint8Array {
  const model = options.model ?? {};
  const limits = options.limits ?? {};
  const bytes = new Uint8Array(CRASH_CONFIG_SIZE);
  const view = new DataView(bytes.buffer);
  const set = (offset: number, value: number) => view.setUint32(offset, value, true);
  const scope = number('scope', model.scope, SCOPES, 'powersafe');
  set(CRASH_CONFIG_DRIVE, whole('drive', options.drive, 0));
  set(CRASH_CONFIG_ORDER, number('order', model.order, ORDERS, 'any'));
  set(CRASH_CONFIG_TEARING, number('tearing', model.tearing, TEARINGS, 'units'));
  set(CRASH_CONFIG_UNIT, unitSectors(model.unit));
  const damage = scope === 0 ? 'none' : 'garbage';
  set(CRASH_CONFIG_DAMAGE, number('damage', model.damage, DAMAGES, damage));
  set(CRASH_CONFIG_SCOPE, scope);
  set(CRASH_CONFIG_DEVICE, number('device', model.device, DEVICES, 'volatile'));
  set(CRASH_CONFIG_DISCARD, number('discard', model.discard, DISCARDS, 'oldOrZero'));
  set(CRASH_CONFIG_FLUSH_SCOPE, number('flushScope', model.flushScope, FLUSH_SCOPES, 'all'));
  set(CRASH_CONFIG_PROMISES, promiseBits('model.promises', model.promises));
  set(CRASH_CONFIG_SEED, whole('seed', options.seed, 1));
  view.setBigUint64(CRASH_CONFIG_BOUND, bound(options.bound), true);
  set(CRASH_CONFIG_BUDGET, whole('budget', options.budget, DEFAULT_CRASH_BUDGET));
  set(CRASH_CONFIG_IMAGES, whole('limits.images', limits.images, DEFAULT_CRASH_IMAGES));
  set(CRASH_CONFIG_VISITS, whole('limits.visits', limits.visits, DEFAULT_CRASH_VISITS));
  const payload = parseSize(limits.payload ?? DEFAULT_CRASH_PAYLOAD_BYTES, 'limits.payload');
  set(CRASH_CONFIG_PAYLOAD_BYTES, whole('limits.payload', payload, 0));
  const [low, high] = baseHash(options.baseHash);
  view.setBigUint64(CRASH_CONFIG_BASE_HASH, low, true);
  view.setBigUint64(CRASH_CONFIG_BASE_HASH + 8, high, true);
  return bytes;
}

function unitSectors(value: Size = 512): number {
  const bytes = parseSize(value, 'model.unit');
  if (bytes % 512 !== 0) throw new ConfigError('model.unit', value, 'a power of two from 512 to 65536 bytes');
  return bytes / 512;
}

const LIMITS: ReadonlyMap<number, readonly [name: string, limit: string]> = new Map([
  [CRASH_CONFIG_DRIVE, ['drive', 'below 4096']],
  [CRASH_CONFIG_UNIT, ['model.unit', 'a power of two from 512 to 65536 bytes']],
  [CRASH_CONFIG_SCOPE, ['model.scope', "'powersafe' where model.damage is 'none'"]],
  [CRASH_CONFIG_BUDGET, ['budget', '1 or more']],
  [CRASH_CONFIG_IMAGES, ['limits.images', 'a power of two from 1 to 16777216']],
  [CRASH_CONFIG_VISITS, ['limits.visits', 'from 0 to 67108864']],
  [CRASH_CONFIG_PAYLOAD_BYTES, ['limits.payload', 'from 0 to 1 GiB']],
]);

/** The core refused a field: says which, and its limit. */
export function describeCrashField(config: Uint8Array, field: number): ConfigError {
  const [name, limit] = LIMITS.get(field) ?? [`field ${field}`, 'in its range'];
  const value = new DataView(config.buffer).getUint32(field, true);
  if (field === CRASH_CONFIG_SCOPE) return new ConfigError(name, SCOPES[value], limit);
  return new ConfigError(name, field === CRASH_CONFIG_UNIT ? value * 512 : value, limit);
}
