// Random rules over random requests: against a plain model of the media for the faults that nobody is told of, and without a trap for all.
//
// The model keeps, for each sector, what the media hold, what they should hold, and whether it is latent or rotten; a rule is a range and a
// count. It shares no code with the core.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BlockOperation } from '../../../src/block-device.ts';
import { FAULT_EFFECTS, FAULT_TABLE, OPERATIONS } from '../../../src/faults/table.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';
import { FaultyDrive, SECTOR, SECTORS } from './faulty-drive.ts';

const fuzz = suite('faults fuzz');
const CHANGES = ['write', 'discard', 'writeZeroes'] as const;

/** xorshift32, enough for a workload. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Silent = 'lostWrite' | 'misdirectedWrite' | 'misdirectedRead' | 'tornFirst' | 'tornLast';
const SILENT: readonly Silent[] = [
  'lostWrite',
  'misdirectedWrite',
  'misdirectedRead',
  'tornFirst',
  'tornLast',
];

interface ModelRule {
  readonly effect: Silent;
  readonly from: number;
  readonly to: number;
  readonly every: number;
  /** Target sector, or units kept. */
  readonly argument: number;
  matches: number;
}

class Model {
  readonly media = Array.from({ length: SECTORS }, (_, sector) => sector + 1);
  readonly should = [...this.media];
  readonly latent = new Set<number>();
  readonly rotten = new Set<number>();
  readonly rules: ModelRule[] = [];

  /** The rule that decides about a request; each that matches counts it. */
  #decides(isRead: boolean, sector: number, count: number): ModelRule | undefined {
    let decider: ModelRule | undefined;
    for (const rule of this.rules) {
      if ((rule.effect === 'misdirectedRead') !== isRead) continue;
      if (sector + count <= rule.from || sector >= rule.to) continue;
      rule.matches++;
      if (rule.matches % rule.every !== 0 || decider !== undefined) continue;
      if (this.#canHit(rule, sector, count)) decider = rule;
    }
    return decider;
  }

  #canHit(rule: ModelRule, sector: number, count: number): boolean {
    if (rule.effect === 'lostWrite') return true;
    if (rule.effect.startsWith('torn')) return count > 1 && rule.argument < count;
    const target = rule.argument + sector - rule.from;
    const isInside = sector >= rule.from && target + count <= SECTORS;
    return isInside && (target + count <= sector || sector + count <= target);
  }

  #put(sector: number, value: number): void {
    this.media[sector] = value;
    this.latent.delete(sector);
    this.rotten.delete(sector);
  }

  change(sector: number, count: number, value: number): void {
    const rule = this.#decides(false, sector, count);
    for (let index = 0; index < count; index++) {
      this.should[sector + index] = value;
      if (rule === undefined) this.#put(sector + index, value);
      else if (rule.effect === 'tornFirst' && index < rule.argument) this.#put(sector + index, value);
      else if (rule.effect === 'tornLast' && index >= count - rule.argument) this.#put(sector + index, value);
      else if (rule.effect === 'misdirectedWrite')
        this.#put(rule.argument + sector - rule.from + index, value);
    }
  }

  /** First sector that a read sees, or undefined when it fails. */
  read(sector: number, count: number): number | undefined {
    const rule = this.#decides(true, sector, count);
    const from = rule === undefined ? sector : rule.argument + sector - rule.from;
    for (let index = 0; index < count; index++) if (this.latent.has(from + index)) return undefined;
    return from;
  }
}

function bitsOf(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length;
}

/** What was read is what the model's media hold, but for two bits in each rotten sector. */
function checkRead(model: Model, from: number, data: Uint8Array, what: string): void {
  for (let index = 0; index < data.length / SECTOR; index++) {
    const value = model.media[from + index] as number;
    let wrong = 0;
    for (const byte of data.subarray(index * SECTOR, (index + 1) * SECTOR)) wrong += bitsOf(byte ^ value);
    assert.is(wrong, model.rotten.has(from + index) ? 2 : 0, `${what}: sector ${from + index}`);
  }
}

function addRule(drive: FaultyDrive, model: Model, random: (below: number) => number): void {
  const from = random(SECTORS - 1);
  const length = 1 + random(SECTORS - from);
  const range = `range=${from * SECTOR}+${length * SECTOR}`;
  if (random(4) === 0) {
    const effect = random(2) === 0 ? 'latent' : 'rot';
    drive.machine.faults.add(`${effect} ${range}${effect === 'rot' ? ' bits=2' : ''}`);
    for (let sector = from; sector < from + length; sector++)
      (effect === 'rot' ? model.rotten : model.latent).add(sector);
    return;
  }
  const effect = SILENT[random(SILENT.length)] as Silent;
  const argument = effect.startsWith('torn') ? random(6) : random(SECTORS);
  const every = 1 + random(4);
  model.rules.push({ effect, from, to: from + length, every, argument, matches: 0 });
  const own = {
    lostWrite: 'lostWrite',
    misdirectedWrite: `misdirectedWrite to=${argument * SECTOR}`,
    misdirectedRead: `misdirectedRead to=${argument * SECTOR}`,
    tornFirst: `tornWrite keep=first:${argument}`,
    tornLast: `tornWrite keep=last:${argument}`,
  }[effect];
  drive.machine.faults.add(`${own} ${range} every=${every}`);
}

/** One run of `steps` requests. */
async function runModel(build: Build, seed: number, steps: number): Promise<void> {
  const random = randomOf(seed);
  const drive = await FaultyDrive.open(
    build,
    { volatileWrites: random(2) * 16 },
    { limits: { faultLayers: 4096 }, records: 0 },
  );
  const { machine } = drive;
  const model = new Model();
  for (let step = 0; step < steps; step++) {
    const what = `seed ${seed}, step ${step}`;
    if (step % 25 === 0) addRule(drive, model, random);
    const sector = random(SECTORS - 8);
    const count = 1 + random(8);
    if (random(12) === 0) {
      drive.send('flush');
    } else if (random(3) === 0) {
      const from = model.read(sector, count);
      const request = drive.send('read', sector, count);
      assert.is(request.result, from === undefined ? -5 : 0, what);
      if (from !== undefined) checkRead(model, from, request.data as Uint8Array, what);
    } else {
      const operation = CHANGES[random(CHANGES.length)] as BlockOperation;
      const value = operation === 'write' ? 1 + random(255) : 0;
      model.change(sector, count, value);
      assert.is(drive.send(operation, sector, count, value).result, 0, what);
    }
  }
  assert.equal(drive.media(0, SECTORS), model.media, `seed ${seed}: media`);
  for (const { number } of machine.faults.list()) machine.faults.remove(number);
  machine.faults.heal();
  assert.equal(machine.faults.layers(), []);
  assert.equal(drive.read(0, SECTORS), model.should, `seed ${seed}: healed`);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

/** Any rule that there is. */
function anyRule(random: (below: number) => number): string {
  const effect = FAULT_EFFECTS[random(FAULT_EFFECTS.length)] as (typeof FAULT_EFFECTS)[number];
  const allowed = OPERATIONS.filter((_, operation) => FAULT_TABLE[effect][operation] !== 'none');
  const from = random(SECTORS - 1);
  const when = ['', ` nth=${1 + random(9)}`, ` every=${1 + random(5)}`, ` from=${1 + random(9)}`][random(4)];
  const times = ['', ' times=once', ` times=${1 + random(5)}`][random(3)];
  const chance = random(3) === 0 ? ` perMillion=${random(1_000_001)}` : '';
  const own: Partial<Record<string, string>> = {
    short: ` bytes=${random(9) * SECTOR}`,
    rot: ` bits=${1 + random(4096)}`,
    flaky: ` bits=${1 + random(64)}`,
    enospc: ` room=${random(64) * SECTOR}`,
    tornWrite: ` unit=${2 ** (9 + random(8))}${[' keep=some', ' keep=first:2', ' keep=last:1 errno=EIO'][random(3)]}`,
    misdirectedWrite: random(2) === 0 ? ` to=${random(SECTORS) * SECTOR}` : '',
    misdirectedRead: random(2) === 0 ? ` to=${random(SECTORS) * SECTOR}` : '',
    slow: ` factor=${1 + random(1000)} delay=${random(1000)}us`,
  };
  const range = random(3) === 0 ? '' : ` range=${from * SECTOR}+${(1 + random(SECTORS)) * SECTOR}`;
  return `${effect} on=${allowed[random(allowed.length)]}${range}${when}${times}${chance}${own[effect] ?? ''}`;
}

/** Requests several at a time under rules that come and go, with few layers. */
async function runAnything(build: Build, seed: number, steps: number): Promise<number> {
  const random = randomOf(seed);
  const drive = await FaultyDrive.open(
    build,
    { volatileWrites: random(3) * 8, latencyNs: 100, timeoutNs: random(2) * 5000, queueDepth: 1 + random(8) },
    {
      limits: { faultLayers: random(3) * 8, faultRules: 8 },
      merge: random(2) === 0,
      writeLog: random(2) === 0,
      records: 64,
    },
  );
  const { machine } = drive;
  const device = machine.blockDevice();
  for (let step = 0; step < steps; step++) {
    if (step % 10 === 0) {
      const known = machine.faults.list();
      if (known.length === 8 || random(3) === 0)
        for (const { number } of known.slice(0, 4)) machine.faults.remove(number);
      else machine.faults.add(anyRule(random));
    }
    const operation = OPERATIONS[random(OPERATIONS.length)] as BlockOperation;
    const sector = random(SECTORS - 8);
    const sectorCount = 1 + random(8);
    const canForce = operation !== 'read' && operation !== 'flush';
    device.submit({
      operation,
      ...(operation === 'flush' ? {} : { sector, sectorCount }),
      ...(operation === 'write' ? { data: new Uint8Array(sectorCount * SECTOR).fill(step) } : {}),
      ...(canForce ? { fua: random(4) === 0, preflush: random(4) === 0 } : {}),
    });
    if (random(4) === 0) machine.run();
    if (random(8) === 0) for (const id of machine.faults.late()) machine.faults.cancel(id);
    if (random(64) === 0) machine.faults.heal();
    device.reap();
  }
  for (const { number } of machine.faults.list()) machine.faults.remove(number);
  for (let rounds = 0; rounds < 1000 && (machine.run() > 0 || machine.faults.late().length > 0); rounds++)
    for (const id of machine.faults.late()) machine.faults.cancel(id);
  device.reap();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE, `seed ${seed}`);
  return machine.counters.drive.faults;
}

for (const build of BUILDS) {
  fuzz(
    `${build}: silent faults do to the media what a plain model says, and healing undoes them`,
    async () => {
      for (let seed = 1; seed <= 30; seed++) await runModel(build, seed, 400);
    },
  );

  fuzz(`${build}: any rules over any requests: no trap, and every request ends`, async () => {
    let hits = 0;
    for (let seed = 1; seed <= 100; seed++) hits += await runAnything(build, seed, 400);
    assert.ok(hits > 1000, `${hits} hits`);
  });
}

fuzz.run();
