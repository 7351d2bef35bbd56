// Records and counters as objects: every kind has a name, a take gives what is new, and a full ring says what it lost.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../../assembly/layout.ts';
import { RECORD_KIND_NAMES } from '../../src/records.ts';
import { BUILDS, openMachine } from '../support/machine.ts';

const records = suite('records');

records('every RECORD_ kind of the layout has its name at its number', () => {
  assert.is(RECORD_KIND_NAMES.length, layout.RECORD_KIND_COUNT);
  const camel = (name: string) =>
    name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const fields = [
    'SIZE',
    'TIME',
    'KIND',
    'OPERATION',
    'DEVICE',
    'ID',
    'ADDRESS',
    'COUNT',
    'DETAIL',
    'KIND_COUNT',
  ];
  const kinds = Object.entries(layout).filter(
    ([name]) => name.startsWith('RECORD_') && !fields.includes(name.slice(7)),
  );
  assert.is(kinds.length, layout.RECORD_KIND_COUNT - 1);
  const names: readonly string[] = RECORD_KIND_NAMES;
  for (const [name, number] of kinds) assert.is(names[number], camel(name.slice(7)), name);
});

for (const build of BUILDS) {
  records(`${build}: one direct write is these records, in this order, at these times`, async () => {
    const machine = await openMachine(build, { records: true, drives: [{ size: '1MiB', latencyNs: 50 }] });
    machine.openFile('drive0', { direct: true }).write(new Uint8Array(1024), 8192);
    const taken = machine.records.take();
    assert.equal(
      taken.map(({ kind, timeNs, address, count }) => [kind, timeNs, address, count]),
      [
        ['operationStarted', 0, 8192, 1024],
        ['queued', 0, 16, 2],
        ['issued', 0, 16, 2],
        ['volatile', 50, 16, 2],
        ['completed', 50, 16, 2],
        ['operationEnded', 50, 8192, 1024],
      ],
    );
    assert.is(taken.at(-1)?.detail, 1024);
    assert.is(
      taken[1]?.detail,
      layout.MERGE_NO_CANDIDATE + 256 * 1,
      'the first bio, which found nothing to join',
    );
    assert.ok(taken.every(({ operation, device }) => operation === layout.OP_WRITE && device === 0));
    assert.equal(machine.records.take(), []);
  });

  records(`${build}: a ring that ran over says how many it lost, and keeps the newest`, async () => {
    const machine = await openMachine(build, { records: 16 });
    const file = machine.openFile('drive0');
    for (let round = 0; round < 20; round++) file.read(1, 0);
    const taken = machine.records.take();
    assert.is(taken.length, 16);
    assert.is(taken.at(-1)?.kind, 'operationEnded');
    const made = machine.core.memory.u64(machine.core.exports.rootAddress() + layout.ROOT_RECORDS_MADE);
    assert.is(machine.records.lost, made - 16);
  });

  records(`${build}: without recording there are none, and recording can be switched`, async () => {
    const silent = await openMachine(build);
    silent.openFile('drive0').read(1, 0);
    assert.equal(silent.records.take(), []);
    const machine = await openMachine(build, { records: true });
    const file = machine.openFile('drive0');
    machine.core.exports.machineRecord(0);
    file.read(1, 0);
    assert.equal(machine.records.take(), []);
    machine.core.exports.machineRecord(1);
    file.read(1, 0);
    assert.ok(machine.records.take().some(({ kind }) => kind === 'pageHit'));
  });

  records(`${build}: an error is in the completion's record, as a negative errno`, async () => {
    const machine = await openMachine(build, { records: true, drives: [{ volatileWrites: 0 }] });
    machine.memory().read = () => {
      throw new Error('unreadable');
    };
    assert.throws(() => machine.openFile('drive0', { direct: true }).read(512, 0), 'EIO');
    const details = machine.records
      .take()
      .flatMap(({ kind, detail }) => (kind === 'completed' ? [detail] : []));
    assert.equal(details, [-5]);
  });
}

records.run();
