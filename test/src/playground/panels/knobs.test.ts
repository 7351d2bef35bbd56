// test-timeout: 120
// The table of knobs says what the machine does: its defaults change nothing, its ranges are the ones that are accepted.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveConfig } from '../../../../src/core/config.ts';
import { MODEL_NAMES, type ModelName } from '../../../../src/core/drive-models/index.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import { ConfigError, Machine } from '../../../../src/index.ts';
import { defaultInWords, printValue, readValue } from '../../../../src/playground/panels/knobs/kinds.ts';
import {
  type KnobRow,
  knobGroups,
  rowOfError,
  withOption,
  withoutOption,
} from '../../../../src/playground/panels/knobs/rows.ts';
import { applyChanges, changesOf, type Json, ownScene } from '../../../../src/playground/scene/changes.ts';
import type { Scene, SceneMachine } from '../../../../src/playground/scene/types.ts';
import { FIRST_SCENE } from '../../../../src/playground/scenes/index.ts';

const knobs = suite('knobs');

function sceneOn(machine: SceneMachine): Scene {
  return { ...FIRST_SCENE, id: 'on', machine };
}

/** Machines that have every knob between them. */
const MACHINES: readonly Scene[] = [
  ...MODEL_NAMES.map((model: ModelName) => sceneOn({ drives: [{ model }] })),
  sceneOn({
    drives: [{ scheduler: 'deadline', size: '64GiB' }],
    volume: true,
    files: [{ name: 'log', capacity: '1MiB' }],
  }),
];

function rowsOf(scene: Scene): KnobRow[] {
  return knobGroups(scene).flatMap((group) => group.rows);
}

function rowAt(scene: Scene, key: string): KnobRow {
  const row = rowsOf(scene).find((one) => one.key === key);
  assert.ok(row, key);
  return row as KnobRow;
}

/** 'accepted', or what the machine says against the value. Memory that a Node process can not have is no matter of ranges. */
async function openWith(scene: Scene, row: KnobRow, value: Json): Promise<string> {
  try {
    await Machine.create(applyChanges(scene, withOption(scene, row, value)).machine as MachineConfig);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    assert.match(String(error), /ENOMEM/, `${row.key} at ${JSON.stringify(value)}`);
  }
  return 'accepted';
}

knobs('every default is what the machine does without the option', () => {
  for (const scene of MACHINES) {
    for (const row of rowsOf(scene)) {
      if (row.knob.default === undefined || !row.path.startsWith('machine.')) continue;
      const [given, left] = [wholeDefault(row), null].map((value) =>
        resolveConfig(applyChanges(scene, { [row.path]: value }).machine as MachineConfig),
      );
      assert.equal(given?.fields, left?.fields, row.key);
      assert.equal(given?.drives, left?.drives, row.key);
    }
  }
});

function wholeDefault(row: KnobRow): Json {
  const value = row.knob.default as Json;
  return row.knob.part === undefined ? value : { [row.knob.part]: value };
}

knobs('the ends of every range are accepted, and what lies behind them is refused at that knob', async () => {
  let checked = 0;
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const scene of MACHINES) {
    for (const row of rowsOf(scene)) {
      const { range, step = 1, isPowerOfTwo } = row.knob;
      if (range === undefined || !row.path.startsWith('machine.') || seen.has(row.key)) continue;
      seen.add(row.key);
      const [least, most] = range;
      for (const value of isLarge(row.key) ? [least] : [least, most]) {
        const message = await openWith(scene, row, value);
        if (message !== 'accepted') wrong.push(`${row.key} at ${value}: ${message}`);
      }
      const below = isPowerOfTwo === true ? least / 2 : least - step;
      const above = isPowerOfTwo === true ? most * 2 : most + step;
      for (const value of [below, above]) {
        const message = await openWith(scene, row, value);
        if (rowOfError(knobGroups(scene), message)?.path !== row.path)
          wrong.push(`${row.key} at ${value}: ${message}`);
      }
      checked++;
    }
  }
  assert.equal(wrong, []);
  assert.ok(checked > 80, `${checked} ranges`);
});

/** Memory of gigabytes is not asked for only to see that it would be given. */
function isLarge(key: string): boolean {
  return ['machine.buffers', 'machine.sharedMemory', 'machine.limits.spans', 'machine.cache'].includes(key);
}

knobs('what a knob prints it reads again', () => {
  const given: Json[] = [
    ...['60us', '8MiB', '550MB/s', 'yes', 'lognormal:0.5', 'stall@1s+200ms/5s;slow*4@0ns+1ms'],
    ...['ATOMIC4K, SEQUENTIAL', 'eio on=write nth=3\nrot bits=2', '7', 'lru'],
  ];
  const kinds = [
    'time',
    'size',
    'rate',
    'switch',
    'latency',
    'episodes',
    'names',
    'rules',
    'count',
    'text',
  ] as const;
  kinds.forEach((kind, index) => {
    const knob = { label: 'It', kind, default: undefined, meaning: '' };
    const value = readValue(knob, given[index] as string);
    assert.is(printValue(knob, value), given[index]);
    assert.equal(readValue(knob, printValue(knob, value)), value);
    assert.is(readValue(knob, '  '), null);
  });
  assert.throws(
    () => readValue({ label: 'Faults', kind: 'rules', default: [], meaning: '' }, 'eio\neio on=nothing'),
    /line 2.on is 'nothing'; it must be some of read, write/,
  );
  const size = rowAt(FIRST_SCENE, 'machine.cache').knob;
  assert.throws(() => readValue(size, 'much'), /Cache size is 'much'; it must be a size such as/);
  assert.is(defaultInWords(size), '32 MiB');
});

knobs('an option set back to the value of the scene is no change', () => {
  for (const own of [...MACHINES, FIRST_SCENE]) {
    for (const { key } of rowsOf(own)) {
      const row = rowAt(own, key);
      const changed = applyChanges(own, withOption(own, row, 12_345));
      assert.is(rowAt(changed, key).isChanged, true, key);
      assert.is(ownScene(changed), own);
      const back = withOption(changed, rowAt(changed, key), row.ownValue ?? null);
      assert.equal(back, {}, key);
      assert.equal(withoutOption(changed, rowAt(changed, key)), {}, key);
    }
  }
});

knobs('another model takes the parameters of the old one away, and gives them back when it is undone', () => {
  const own = sceneOn({ drives: [{ model: 'hdd', parameters: { rpm: 5400 } }] });
  const model = rowAt(own, 'machine.drives[0].model');
  const ssd = applyChanges(own, withOption(own, model, 'ssd'));
  assert.equal(ssd.machine.drives, [{ model: 'ssd' }]);
  const tuned = applyChanges(own, withOption(ssd, rowAt(ssd, 'machine.drives[0].parameters.channels'), 4));
  assert.equal(tuned.machine.drives, [{ model: 'ssd', parameters: { channels: 4 } }]);
  const back = applyChanges(own, withoutOption(tuned, rowAt(tuned, 'machine.drives[0].model')));
  assert.equal(changesOf(back), {});
  assert.is(back, own);
});

knobs('one latency for all operations becomes one for each when one is changed', () => {
  const own = sceneOn({ drives: [{ latencyNs: 1000 }] });
  const row = rowAt(own, 'machine.drives[0].latencyNs.flush');
  assert.is(row.value, 1000);
  const changed = applyChanges(own, withOption(own, row, 5000));
  assert.equal(changed.machine.drives, [
    { latencyNs: { read: 1000, write: 1000, discard: 1000, writeZeroes: 1000, flush: 5000 } },
  ]);
});

knobs.run();
