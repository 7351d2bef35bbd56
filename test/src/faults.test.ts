// Rules of faults as objects and text: what is printed parses back, what is wrong is named, and what machine.faults tells.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  FAULT_FLAG_AT_ONCE,
  FAULT_FLAG_ENABLED,
  FAULT_LATENT,
  FAULT_RULE_DOMAIN,
  FAULT_RULE_EFFECT,
  FAULT_RULE_FLAGS,
  FAULT_RULE_NAME_BYTES,
  FAULT_RULE_SIZE,
  ROOT_BAD_FIELD,
} from '../../assembly/layout.ts';
import { ConfigError, StorageError } from '../../src/errors.ts';
import { type FaultRule, resolveFaultRule } from '../../src/faults/rule.ts';
import { FAULT_EFFECTS, type FaultEffect, operationsOf } from '../../src/faults/table.ts';
import { formatFaultRule, parseFaultRule } from '../../src/faults/text.ts';
import { BUILDS, openMachine } from '../support/machine.ts';

const faults = suite('fault rules');

/** Field and value that a ConfigError names. */
function refusal(call: () => unknown): [field: string, value: unknown] {
  try {
    call();
  } catch (error) {
    if (error instanceof ConfigError) return [error.field, error.value];
    throw error;
  }
  return ['nothing', undefined];
}

const sectors = fc.integer({ min: 0, max: 2 ** 40 }).map((sector) => sector * 512);
const someSectors = fc.integer({ min: 1, max: 2 ** 40 }).map((sector) => sector * 512);
const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined });
const errno = maybe(fc.constantFrom('EIO', 'ENODATA', 'ENOSPC', 'E4000', 'E5'));

/** Fields of an effect's own. */
function ownFields(effect: FaultEffect): fc.Arbitrary<Record<string, unknown>> {
  const count = fc.integer({ min: 1, max: 4096 });
  const delayNs = maybe(fc.integer({ min: 1, max: 2 ** 45 }));
  switch (effect) {
    case 'eio':
    case 'gone':
    case 'failedFlush':
      return fc.record({ errno });
    case 'short':
      return fc.record({ errno, bytes: maybe(sectors) });
    case 'rot':
    case 'flaky':
      return fc.record({ bits: maybe(count) });
    case 'enospc':
      return fc.record({ room: maybe(sectors) });
    case 'misdirectedWrite':
    case 'misdirectedRead':
      return fc.record({ to: maybe(sectors) });
    case 'tornWrite':
      return fc.record({
        errno,
        keep: maybe(
          fc.oneof(
            fc.constant('some'),
            count.map((units) => `first:${units}`),
          ),
        ),
        unit: maybe(fc.integer({ min: 9, max: 16 }).map((shift) => 2 ** shift)),
      });
    case 'slow':
      return fc.record({ delayNs, factor: maybe(count.map((thousandths) => 1 + thousandths / 1000)) });
    case 'queueFull':
    case 'reorder':
      return fc.record({ delayNs });
    default:
      return fc.constant({});
  }
}

const rules: fc.Arbitrary<FaultRule> = fc.constantFrom(...FAULT_EFFECTS).chain((effect) => {
  const isDamage = effect === 'latent' || effect === 'rot';
  const on = fc.subarray(operationsOf(effect), { minLength: 1 });
  const when = fc.oneof(
    fc.constant({}),
    fc.integer({ min: 1, max: 2 ** 40 }).chain((n) => fc.constantFrom({ nth: n }, { every: n }, { from: n })),
  );
  const whose = fc.oneof(
    fc.constantFrom<Partial<FaultRule>>({}, { file: 'journal' }, { file: 'a=b' }, { domain: 'metadata' }),
    fc.integer({ min: 0, max: 2 ** 32 - 2 }).map((domain) => ({ domain })),
    fc.constant({ file: '/db/wal', offset: undefined, length: undefined, to: undefined }),
  );
  const common = fc.record({
    on: isDamage ? on : maybe(on),
    name: maybe(fc.stringMatching(/^[A-Za-z0-9_.-]{1,60}$/)),
    drive: maybe(fc.integer({ min: 0, max: 4095 })),
    fua: maybe(fc.boolean()),
    offset: maybe(sectors),
    length: maybe(someSectors),
    afterNs: maybe(fc.integer({ min: 0, max: 2 ** 40 })),
    afterStep: maybe(fc.integer({ min: 0, max: 2 ** 40 })),
    untilNs: maybe(fc.integer({ min: 2 ** 41, max: 2 ** 52 })),
    perMillion: maybe(fc.integer({ min: 0, max: 1_000_000 })),
    times: maybe(fc.constantFrom<FaultRule['times']>('once', 'ever', 1, 2, 4294967295)),
    enabled: maybe(fc.boolean()),
  });
  return fc
    .tuple(common, when, ownFields(effect), whose)
    .map(
      ([fields, counting, own, place]) => ({ effect, ...fields, ...counting, ...own, ...place }) as FaultRule,
    );
});

faults('what a rule prints parses back to the same rule', () => {
  fc.assert(
    fc.property(rules, (rule) => {
      const resolved = resolveFaultRule(rule);
      const text = formatFaultRule(resolved);
      assert.equal(parseFaultRule(text), resolved, text);
      assert.is(formatFaultRule(parseFaultRule(text)), text);
    }),
    { seed: 20, numRuns: 2000 },
  );
});

faults('a rule at its defaults prints as its effect', () => {
  for (const effect of FAULT_EFFECTS) assert.is(formatFaultRule(resolveFaultRule({ effect })), effect);
  assert.is(formatFaultRule(parseFaultRule('latent')), 'latent');
  assert.is(
    formatFaultRule(parseFaultRule('latent on=read,write,discard,writeZeroes')),
    'latent on=read,write,discard,writeZeroes',
  );
  assert.is(
    formatFaultRule(parseFaultRule(' slow   delay=1500us  factor=1.5 ')),
    'slow factor=1.5 delay=1500us',
  );
});

faults('a wrong field is named with its value and limit', () => {
  const wrong: [text: string, field: string][] = [
    ['', 'fault.effect'],
    ['eoi', 'fault.effect'],
    ['eio on=flsh', 'fault.on'],
    ['eio on=', 'fault.on'],
    ['short on=flush', 'fault.on'],
    ['eio name=a/b', 'fault.name'],
    [`eio name=${'a'.repeat(61)}`, 'fault.name'],
    ['eio drive=x', 'fault.drive'],
    ['eio drive=1.5', 'fault.drive'],
    ['eio domain=-1', 'fault.domain'],
    ['eio domain=4294967296', 'fault.domain'],
    ['eio domain=1.5', 'fault.domain'],
    ['eio domain=journal', 'fault.domain'],
    ['eio domain=7 file=journal', 'fault.domain'],
    ['eio domain=metadata file=/wal', 'fault.domain'],
    ['eio file=/wal range=4KiB+4KiB', 'fault.offset'],
    ['eio file=/wal range=0+4KiB', 'fault.offset'],
    ['misdirectedRead file=/wal to=4KiB', 'fault.to'],
    ['latent file=/wal', 'fault.on'],
    ['rot domain=7', 'fault.domain'],
    ['eio range=100+512', 'fault.offset'],
    ['eio range=0+100', 'fault.length'],
    ['eio range=0+0', 'fault.length'],
    ['eio range=512', 'fault.range'],
    ['eio range=x+512', 'fault.offset'],
    ['eio nth=0', 'fault.nth'],
    ['eio nth=1 every=2', 'fault.every'],
    ['eio after=1h', 'fault.after'],
    ['eio after=2ms until=1ms', 'fault.untilNs'],
    ['eio perMillion=1000001', 'fault.perMillion'],
    ['eio times=0', 'fault.times'],
    ['eio times=twice', 'fault.times'],
    ['eio fua=yes', 'fault.fua'],
    ['eio enabled=1', 'fault.enabled'],
    ['eio errno=NOPE', 'fault.errno'],
    ['eio errno=E4096', 'fault.errno'],
    ['eio bits=1', 'fault.bits'],
    ['eio colour=red', 'fault'],
    ['eio toString=1', 'fault'],
    ['eio nth', 'fault.nth'],
    ['eio nth=1 nth=2', 'fault.nth'],
    ['short bytes=100', 'fault.bytes'],
    ['rot bits=0', 'fault.bits'],
    ['rot bits=4097', 'fault.bits'],
    ['rot nth=1', 'fault.nth'],
    ['latent times=once', 'fault.times'],
    ['enospc room=1', 'fault.room'],
    ['misdirectedWrite to=100', 'fault.to'],
    ['tornWrite keep=most', 'fault.keep'],
    ['tornWrite keep=first:', 'fault.keep'],
    ['tornWrite unit=256', 'fault.unit'],
    ['tornWrite unit=1536', 'fault.unit'],
    ['tornWrite unit=128KiB', 'fault.unit'],
    ['slow factor=0.5', 'fault.factor'],
    ['slow factor=1001', 'fault.factor'],
    ['slow factor=1.00001', 'fault.factor'],
    ['slow delay=fast', 'fault.delay'],
    ['reorder delay=0', 'fault.delayNs'],
  ];
  for (const [text, field] of wrong) assert.is(refusal(() => parseFaultRule(text))[0], field, text);
  assert.equal(
    refusal(() => resolveFaultRule({ effect: 'eio', nth: Number.NaN }, 'drives[0].faults[2]')),
    ['drives[0].faults[2].nth', Number.NaN],
  );
  assert.is(refusal(() => resolveFaultRule(null as unknown as FaultRule))[0], 'fault.effect');
  assert.is(refusal(() => resolveFaultRule({ effect: 'eio', file: '/wal', length: 512 }))[0], 'fault.length');
  assert.is(refusal(() => resolveFaultRule({ effect: 'eio', on: [] }))[0], 'fault.on');
  assert.is(
    refusal(() => resolveFaultRule({ effect: 'eio', name: 7 as unknown as string }))[0],
    'fault.name',
  );
  assert.is(refusal(() => resolveFaultRule({ effect: 'eio', file: 'a b' }))[0], 'fault.file');
});

for (const build of BUILDS) {
  faults(`${build}: a machine tells its rules as they were given`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: '1MiB' }, { size: '1MiB', faults: ['eio nth=7', { effect: 'stuck', times: 'once' }] }],
      files: [{ name: 'journal', drive: 1, offset: 65536, capacity: 65536 }],
    });
    fc.assert(
      fc.property(rules, (rule) => {
        const { file: _, ...given } = { ...rule, drive: (rule.drive ?? 0) % 2 };
        const resolved = resolveFaultRule({
          ...given,
          offset: 0,
          length: 512,
          ...(given.to === undefined ? {} : { to: 1024 }),
        } as FaultRule);
        const number = machine.faults.add(formatFaultRule(resolved));
        const status = machine.faults.list().find((one) => one.number === number);
        assert.equal(status?.rule, resolved);
        machine.faults.remove(number);
        machine.faults.heal();
      }),
      { seed: 5, numRuns: 300 },
    );
    assert.equal(
      machine.faults.list().map(({ text }) => text),
      ['eio drive=1 nth=7', 'stuck drive=1 times=once'],
    );
    const number = machine.faults.add('eio file=journal range=4KiB+4KiB');
    assert.is(
      machine.faults.list().find((one) => one.number === number)?.text,
      'eio drive=1 range=68KiB+4KiB',
    );
    assert.is(refusal(() => machine.faults.add('eio file=journal range=64KiB+512'))[0], 'fault.length');
    assert.is(refusal(() => machine.faults.add('eio file=nobody'))[0], 'fault.file');
  });

  faults(
    `${build}: a path becomes the inode and the drive of the volume, or is refused by name`,
    async () => {
      const machine = await openMachine(build, {
        drives: [{ size: '1MiB' }, { size: '4MiB' }],
        volume: { drive: 1, inodes: 16 },
      });
      machine.fs.mkdir('/db');
      machine.fs.writeFile('/db/wal', 'log');
      const { inode } = machine.fs.stat('/db/wal');
      machine.faults.add('eio on=write file=/db/wal nth=3');
      machine.faults.add({ effect: 'slow', domain: 'metadata', drive: 1, factor: 2 });
      machine.faults.add({ effect: 'eio', domain: 4294967295 });
      const listed = machine.faults.list();
      assert.equal(
        listed.map(({ text }) => text),
        [
          `eio drive=1 on=write domain=${inode} nth=3`,
          'slow drive=1 domain=metadata factor=2',
          'eio domain=metadata',
        ],
      );
      for (const { text, rule } of listed) assert.equal(parseFaultRule(text), rule);
      assert.equal(
        listed.map(({ rule }) => [rule.file, rule.domain]),
        [
          [undefined, inode],
          [undefined, 'metadata'],
          [undefined, 'metadata'],
        ],
      );
      const wrong = ['/db/none', '/db/wal/x', '/db', '/', `/${'n'.repeat(256)}`, `/${'a/'.repeat(5000)}`];
      for (const path of wrong)
        assert.equal(
          refusal(() => machine.faults.add({ effect: 'eio', file: path })),
          ['fault.file', path],
        );
      assert.throws(() => machine.faults.add('eio file=/db/none'), /ENOENT/);
      assert.throws(() => machine.faults.add('eio file=/db/wal/x'), /ENOTDIR/);
      assert.is(machine.faults.list().length, 3);
      const bare = await openMachine(build);
      assert.equal(
        refusal(() => bare.faults.add('eio file=/db/wal')),
        ['fault.file', '/db/wal'],
      );
      const early = { volume: true, drives: [{ faults: ['eio file=/db/wal'] }] };
      await openMachine(build, early).then(
        () => assert.unreachable(),
        (error: unknown) => assert.is((error as ConfigError).field, 'drives[0].faults[0].file'),
      );
    },
  );

  faults(`${build}: a machine refuses what its drives do not have, and what is not there`, async () => {
    const machine = await openMachine(build, { drives: [{ size: '64KiB' }] });
    assert.is(refusal(() => machine.faults.add('eio drive=1'))[0], 'fault.drive');
    assert.is(refusal(() => machine.faults.add('eio range=64KiB+'))[0], 'fault.offset');
    assert.is(refusal(() => machine.faults.add('misdirectedRead to=64KiB'))[0], 'fault.to');
    for (const call of [
      () => machine.faults.remove(1),
      () => machine.faults.enable(0),
      () => machine.faults.disable(-1),
      () => machine.faults.removeLayer(1),
      () => machine.faults.cancel(1, 9),
      () => machine.faults.late(9),
    ])
      assert.throws(call, (error: unknown) => error instanceof StorageError);
    assert.is(machine.faults.cancel(1), false);
    const bad = { drives: [{ faults: ['eio', 'eio nth=0'] }] };
    await openMachine(build, bad).then(
      () => assert.unreachable(),
      (error: unknown) => assert.is((error as ConfigError).field, 'drives[0].faults[1].nth'),
    );
    for (const limits of [{ faultRules: 4097 }, { faultLayers: 65537 }]) {
      await openMachine(build, { limits }).then(
        () => assert.unreachable(),
        (error: unknown) => assert.match((error as ConfigError).field, /^limits\.fault/),
      );
    }
    await openMachine(build, { drives: [{ timeoutNs: -1 }] }).then(
      () => assert.unreachable(),
      (error: unknown) => assert.is((error as ConfigError).field, 'drives[0].timeoutNs'),
    );
  });

  faults(`${build}: the core refuses a rule that no host would write, field by field`, async () => {
    const { core, buffers } = await openMachine(build);
    const address = buffers.allocate(FAULT_RULE_SIZE);
    const words = (field: number, value: number): number => {
      core.memory.bytes.fill(0, address, address + FAULT_RULE_SIZE);
      core.memory.setU32(address + 12, 2);
      core.memory.setU32(address + 16, 1);
      core.memory.setU32(address + 40, 8);
      core.memory.setU32(address + 72, 5);
      core.memory.setU32(address + field, value);
      return core.call((exports) => exports.faultAdd(address));
    };
    assert.ok(words(24, 7) > 0, 'a good one');
    const hostile = [
      [4, 19],
      [4, 0xffffffff],
      [12, 0],
      [12, 0x80000000],
      [16, 0x100],
      [16, 8],
      [20, 4],
      [20, 1],
      [24, 1000001],
      [36, 0x7fffffff],
      [40, 0],
      [64, 0],
      [72, 0],
      [76, 1],
      [FAULT_RULE_NAME_BYTES, 61],
      [FAULT_RULE_NAME_BYTES, 0xffffffff],
    ];
    const results = hostile.map(([field, value]) => words(field as number, value as number));
    assert.equal(
      results.map((result) => (result > 0 ? 'good' : result)),
      hostile.map(([field]) => (field === 64 ? 'good' : -22)),
    );
    assert.is(words(8, 1), -19);
    assert.ok(words(FAULT_RULE_DOMAIN, 0xffffffff) > 0);
    core.memory.setU32(address + FAULT_RULE_EFFECT, FAULT_LATENT);
    core.memory.setU32(address + FAULT_RULE_FLAGS, FAULT_FLAG_AT_ONCE | FAULT_FLAG_ENABLED);
    assert.is(
      core.call((exports) => exports.faultAdd(address)),
      -22,
      'damage that is there at once is nobody’s',
    );
    assert.is(core.root(ROOT_BAD_FIELD), FAULT_RULE_DOMAIN);
    for (const bad of [0, 4, address + 4, 0x7fffffff, -8])
      assert.is(
        core.call((exports) => exports.faultAdd(bad)),
        -14,
      );
  });
}

faults.run();
