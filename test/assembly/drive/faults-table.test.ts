// The table of faults: every effect with every operation, the core's table against the words, and each pair run on a drive.
//
// What an action must look like is said once for each action; the table says which action a pair is.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FAULT_ACT_LATCH, FAULT_EFFECT_COUNT, OP_COUNT } from '../../../assembly/layout.ts';
import type { BlockOperation, BlockRequest } from '../../../src/block-device.ts';
import type { FaultRule } from '../../../src/faults/rule.ts';
import {
  FAULT_ACTIONS,
  FAULT_EFFECTS,
  FAULT_TABLE,
  type FaultAction,
  type FaultEffect,
  OPERATIONS,
  operationsOf,
} from '../../../src/faults/table.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { FaultyDrive, filled } from './faulty-drive.ts';

const table = suite('fault table');
const ACTIONS = Object.keys(FAULT_ACTIONS) as FaultAction[];

const BEFORE = [9, 10, 11, 12];
const AFTER: Readonly<Record<string, readonly number[]>> = {
  read: BEFORE,
  write: [200, 200, 200, 200],
  discard: [0, 0, 0, 0],
  writeZeroes: [0, 0, 0, 0],
  flush: BEFORE,
};

/** One pair of the table: the drive behind the request that the rule met. */
interface Trial {
  readonly drive: FaultyDrive;
  readonly effect: FaultEffect;
  readonly operation: BlockOperation;
  readonly request: BlockRequest;
}

const errnoOf = (effect: FaultEffect): number => ({ gone: -19, readOnly: -30 })[effect as 'gone'] ?? -5;

function first(data: Uint8Array | undefined): number[] {
  return Array.from({ length: (data?.length ?? 0) / 512 }, (_, at) => data?.[at * 512] as number);
}

/** The damage of a rule that looked at this request. */
function checkDamage({ drive, effect, operation, request }: Trial): void {
  const isRead = operation === 'read';
  assert.equal(drive.media(8, 4), AFTER[operation], 'the image has what was written');
  assert.is(request.result, isRead && effect === 'latent' ? -5 : 0);
  drive.machine.faults.disable(1);
  if (effect === 'latent') {
    assert.is(drive.read(8, 1), 'EIO');
    assert.is(Array.isArray(drive.read(12, 1)), true, 'other sectors are whole');
    return;
  }
  const seen = drive.machine.blockDevice().read(8, 4);
  const expected = AFTER[operation] as readonly number[];
  const wrongBits = seen.reduce((sum, byte, at) => {
    const difference = byte ^ (expected[at >> 9] as number);
    return sum + difference.toString(2).replaceAll('0', '').length;
  }, 0);
  assert.is(wrongBits, 8, 'two bits in each of four sectors');
  if (isRead) assert.equal(request.data, seen, 'as the first read saw it');
}

/** What a request that an action has met must look like. */
const CHECKS: Readonly<Record<FaultAction, (trial: Trial) => void>> = {
  none: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    assert.equal(drive.media(8, 4), AFTER[operation]);
    assert.is(drive.machine.counters.drive.faults, 0);
  },
  fail: ({ drive, request, effect }) => {
    assert.is(request.result, errnoOf(effect));
    assert.equal(drive.media(8, 4), BEFORE);
  },
  part: ({ drive, operation, request }) => {
    assert.is(request.result, -5);
    const after = AFTER[operation] as number[];
    assert.equal(drive.media(8, 4), [...after.slice(0, 2), ...BEFORE.slice(2)]);
  },
  damage: checkDamage,
  takeRoom: ({ drive, request }) => {
    assert.is(request.result, 0, 'overwriting what has room takes none');
    drive.machine.memory().write(filled(0, 4), 0);
    assert.is(drive.send('write', 0).result, -28);
    assert.equal(drive.media(0, 4), [0, 0, 0, 0]);
  },
  giveRoom: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    assert.is(drive.send('write', 8).result, 0, 'into the room that was given back');
    drive.send(operation, 8, 2);
    assert.is(drive.send('write', 8).result, 0);
    drive.machine.memory().write(filled(0, 4), 0);
    assert.is(drive.send('write', 0).result, -28);
  },
  flip: ({ drive, request }) => {
    assert.is(request.result, 0);
    const again = drive.machine.blockDevice().read(8, 4);
    assert.equal(first(again), BEFORE);
    assert.is(request.data?.filter((byte, at) => byte !== again[at]).length !== 0, true);
  },
  ignore: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    assert.equal(drive.media(8, 4), BEFORE);
    if (operation === 'flush') assert.is(drive.machine.volatileWrites(), 1, 'nothing was covered');
    else assert.is(drive.machine.volatileWrites(), 1, 'it is not even in the cache');
  },
  move: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    assert.equal(drive.media(8, 4), BEFORE);
    if (operation === 'read') assert.equal(first(request.data), [21, 22, 23, 24]);
    else assert.equal(drive.media(20, 4), AFTER[operation]);
  },
  tear: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    const media = drive.media(8, 4);
    const after = AFTER[operation] as number[];
    const kept = media.filter((value, at) => value === after[at]).length;
    const lost = media.filter((value, at) => value === BEFORE[at]).length;
    assert.is(kept + lost, 4);
    assert.ok(kept > 0 && lost > 0);
  },
  unforce: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    assert.equal(drive.media(8, 4), AFTER[operation]);
    assert.is(drive.machine.volatileWrites(), 2);
  },
  orphan: ({ drive, request }) => {
    assert.is(request.result, -5);
    drive.machine.faults.disable(1);
    assert.is(drive.send('flush').result, 0);
    assert.is(drive.machine.volatileWrites(), 1, 'the later flush has not covered it');
  },
  delay: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    assert.equal(drive.media(8, 4), AFTER[operation]);
    assert.ok(drive.machine.nowNs > 0);
  },
  hang: ({ drive, request }) => {
    assert.is(request.isDone, false);
    const [id] = drive.machine.faults.late();
    assert.type(id, 'number');
    assert.is(drive.machine.faults.cancel(id as number), true);
    assert.is(drive.machine.faults.cancel(id as number), false);
    drive.machine.run();
    assert.is(request.result, -125);
  },
  refuse: ({ drive, operation, request }) => {
    assert.is(request.result, 0);
    assert.equal(drive.media(8, 4), AFTER[operation]);
    assert.is(drive.machine.nowNs, 3_000_000);
  },
  latch: ({ drive, effect, operation, request }) => {
    assert.is(request.result, errnoOf(effect));
    assert.equal(drive.media(8, 4), BEFORE);
    // out of the rule's range and times
    assert.is(drive.send(operation, 40).result, errnoOf(effect));
    drive.machine.faults.disable(1);
    assert.is(drive.send(operation, 40).result, 0);
  },
};

/** A rule of the effect that looks at sectors 8 to 11. */
function ruleOf(effect: FaultEffect, operation: BlockOperation): FaultRule {
  const isDamage = effect === 'latent' || effect === 'rot';
  const isMove = effect === 'misdirectedWrite' || effect === 'misdirectedRead';
  return {
    effect,
    // a thin drive is one as a whole
    ...(effect === 'enospc' ? {} : { offset: 4096, length: 2048 }),
    ...(isDamage ? { on: operation === 'flush' ? 'read' : operation } : {}),
    ...(effect === 'rot' ? { bits: 2 } : {}),
    ...(effect === 'short' ? { bytes: 1024 } : {}),
    ...(isMove ? { to: 20 * 512 } : {}),
    ...(effect === 'slow' ? { delayNs: 5 } : {}),
  };
}

for (const build of BUILDS) {
  table(`${build}: the core's table is the one in words`, async () => {
    const { core } = await openMachine(build);
    assert.is(FAULT_EFFECTS.length, FAULT_EFFECT_COUNT);
    assert.is(OPERATIONS.length, OP_COUNT);
    assert.is(ACTIONS.length, FAULT_ACT_LATCH + 1);
    const words = FAULT_EFFECTS.map((_, effect) =>
      OPERATIONS.map((_, operation) => ACTIONS[core.exports.faultAction(effect, operation)]),
    );
    assert.equal(
      words,
      FAULT_EFFECTS.map((effect) => [...FAULT_TABLE[effect]]),
    );
    assert.is(core.exports.faultAction(FAULT_EFFECT_COUNT, 0), 0);
    assert.is(core.exports.faultAction(0, OP_COUNT), 0);
    assert.is(core.exports.faultAction(-1, -1), 0);
  });

  for (const effect of FAULT_EFFECTS) {
    for (const [index, action] of FAULT_TABLE[effect].entries()) {
      const operation = OPERATIONS[index] as BlockOperation;
      table(`${build}: ${effect} of a ${operation}: ${FAULT_ACTIONS[action]}`, async () => {
        const drive = await FaultyDrive.open(build);
        // something that a flush would cover
        drive.send('write', 100, 1);
        drive.machine.faults.add(ruleOf(effect, operation));
        const fua = effect === 'ignoredFua' && action !== 'none';
        const request = drive.send(operation, 8, 4, 200, fua ? { fua } : {});
        CHECKS[action]({ drive, effect, operation, request });
        assert.equal(poolsInUse(drive.machine), NO_POOL_IN_USE);
      });
    }
    table(`${build}: ${effect} is refused for operations that it does not concern`, async () => {
      const machine = await openMachine(build);
      const allowed = operationsOf(effect);
      for (const operation of OPERATIONS.filter((name) => !allowed.includes(name))) {
        assert.throws(() => machine.faults.add({ effect, on: operation }), /fault\.on is/);
      }
      assert.equal(machine.faults.list(), []);
    });
  }
}

table.run();
