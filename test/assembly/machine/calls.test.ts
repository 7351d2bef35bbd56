// What the machine owes at its edges: client memory holds nothing of the core's, time has an end, a call that was given
// up costs a bounded number of records, and whoever waits for spans is woken whoever gives them back.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_READ, ROOT_BUFFER_BYTES, ROOT_BUFFERS } from '../../../assembly/layout.ts';
import type { StorageError } from '../../../src/index.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { openFlaky, WASI_EIO } from '../drive/flaky-image.ts';
import { GuestQueue } from '../guest/queue.ts';
import { EFAULT, PREADV, PWRITE, Ring } from '../rings/ring.ts';

const calls = suite('machine/calls');

const AIO_MAX_NR = 1024;
const PAGE = 4096;
const CONTEXTS = 256;
const RWF_DSYNC = 2;
const EIO = -5;

for (const build of BUILDS) {
  calls(`${build}: client memory ends behind the AIO rings: nothing of the core's lies in it`, async () => {
    const limits = { bluestoreAios: 0 };
    const machine = await openMachine(build, { aioMaxNr: AIO_MAX_NR, sharedMemory: 0, limits });
    const { core } = machine;
    const file = machine.openFile('drive0');
    const ring = new Ring(machine);
    const handle = ring.open(8);
    const buffersEnd = core.root(ROOT_BUFFERS) + core.root(ROOT_BUFFER_BYTES);
    // a page for the events of BlueStore's queues is the last
    const end = Math.ceil(buffersEnd / PAGE) * PAGE + AIO_MAX_NR * 2 * 32 + CONTEXTS * PAGE + PAGE;
    const read = (buf: number) => ring.submitOne(handle, { fd: file.descriptor, buf, nbytes: PAGE });
    assert.is(read(end - PAGE), 1, 'the last page');
    assert.is(read(end), EFAULT);
    assert.is(ring.results(handle)[0], PAGE);
    assert.is(read(end - PAGE + 64), 1, 'what exists of the buffer is read into');
    assert.equal(ring.results(handle), [PAGE - 64]);
  });

  calls(`${build}: time stops at its end and nothing traps`, async () => {
    const machine = await openMachine(build, { drives: [{ latencyNs: Number.MAX_SAFE_INTEGER }] });
    const context = machine.createAioContext(8);
    for (let round = 0; round < 3; round++) context.getEvents({ min: 1, timeoutNs: 8_999_999_999e9 });
    assert.is(machine.nowNs, 2 ** 63);
    machine.advance(2 ** 53);
    assert.is(machine.nowNs, 2 ** 63);
    assert.is(machine.openFile('drive0', { direct: true }).read(512, 0).length, 512);
  });

  calls(`${build}: calls that a held drive left unfinished are few, and the machine goes on`, async () => {
    const machine = await openMachine(build, { limits: { operations: 4, virtioRequests: 4 } });
    const file = machine.openFile('drive0', { direct: true });
    const queue = GuestQueue.attached(machine, { size: 16, room: 65536 });
    machine.holdCompletions(true);
    const codes: string[] = [];
    for (let call = 0; call < 16; call++) {
      try {
        file.read(512, call * 512);
      } catch (error) {
        codes.push((error as StorageError).code);
      }
    }
    assert.equal(codes, [...Array(4).fill('EDEADLK'), ...Array(12).fill('EAGAIN')]);
    for (let request = 0; request < 4; request++) queue.put({ type: OP_READ, pieces: [512], isIn: true });
    queue.kickAndRun();
    machine.holdCompletions(false);
    machine.run();
    assert.is(queue.takeUsed().length, 4);
    assert.is(file.read(512, 0).length, 512);
  });

  calls(`${build}: a device that waits for spans is served when AIO gives its own back`, async () => {
    const machine = await openMachine(build, { limits: { spans: 2048 }, buffers: 16777216 });
    const file = machine.openFile('drive0', { direct: true });
    const ring = new Ring(machine);
    const queue = GuestQueue.attached(machine, { size: 16, room: 65536 });
    const handle = ring.open(8);
    machine.holdCompletions(true);
    const buffer = ring.allocate(512, 64);
    for (let request = 0; request < 2; request++) {
      const buf = ring.iovecs(Array.from({ length: 1024 }, () => [buffer, 512] as const));
      assert.is(ring.submitOne(handle, { opcode: PREADV, fd: file.descriptor, buf, nbytes: 1024 }), 1);
    }
    queue.put({ type: OP_READ, pieces: [512], isIn: true });
    queue.kickAndRun();
    assert.is(queue.takeUsed().length, 0, 'no span is free');
    machine.holdCompletions(false);
    machine.run();
    assert.is(queue.takeUsed().length, 1);
  });

  calls(`${build}: a write with RWF_DSYNC reports that its bytes could not be written back`, async () => {
    const { machine, image } = await openFlaky(build);
    const file = machine.openFile('drive0');
    const ring = new Ring(machine);
    const handle = ring.open(8);
    const buf = ring.allocate(PAGE, 64);
    image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
    const results = [0, RWF_DSYNC, RWF_DSYNC].map((rwFlags, index) => {
      if (index === 2) image.fail = () => 0;
      const fields = {
        opcode: PWRITE,
        fd: file.descriptor,
        buf,
        nbytes: PAGE,
        offset: index * PAGE,
        rwFlags,
      };
      assert.is(ring.submitOne(handle, fields), 1);
      return ring.getEvents(handle, 1, 1).events[0]?.res;
    });
    assert.equal(results, [PAGE, EIO, PAGE]);
  });
}

calls.run();
