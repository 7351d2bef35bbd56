// The log of xv6 (kernel/log.c): blocks of a transaction go to the log, then a header that names their homes commits it, then they go home. The
// mistake: nothing orders log and header.
//
// Layout in sectors: 0 and 1 the log, 2 the header (the homes' numbers), 3 to 5 the homes.

import type { BlockDevice } from '../../../src/block-device.ts';
import { checkHistory, type DeviceSpecimen, sector, textOf } from './specimen.ts';

const HEADER = 2;
const HOMES = [3, 4, 5];

/** Values by home. */
type Transaction = ReadonlyMap<number, string>;

const FIRST: Transaction = new Map([
  [3, 'a'],
  [4, 'b'],
]);
const SECOND: Transaction = new Map([
  [4, 'c'],
  [5, 'd'],
]);

function commit(device: BlockDevice, transaction: Transaction, isRepaired: boolean): void {
  [...transaction.values()].forEach((value, index) => {
    device.write(index, sector(value));
  });
  if (isRepaired) device.flush();
  device.write(HEADER, sector([...transaction.keys()].join(' ')));
  device.flush();
  install(device);
}

/** Copies the log home. A second time does the same. */
function install(device: BlockDevice): void {
  const header = textOf(device.read(HEADER, 1));
  if (header === '') return;
  header.split(' ').forEach((home, index) => {
    device.write(Number(home), device.read(index, 1));
  });
  device.flush();
  device.write(HEADER, sector(''));
  device.flush();
}

export const xv6Log: DeviceSpecimen = {
  name: 'xv6 log',
  mistake: 'no flush between the log and the header that commits it',
  level: 'device',
  expected: {
    missing: [/write\('drive0', 512 bytes at (0|512)\)/],
    present: [/write\('drive0', 512 bytes at 1024\)/],
    isLost: false,
    needsTearing: false,
  },
  engine: (isRepaired) => ({
    setup: ({ device }) => commit(device, FIRST, true),
    workload({ device, ack }) {
      commit(device, SECOND, isRepaired);
      ack('a c d');
    },
    recover({ device, must, may }) {
      install(device);
      const state = HOMES.map((home) => textOf(device.read(home, 1))).join(' ');
      checkHistory(state, 'a b ', { must, may });
      return state;
    },
  }),
};
