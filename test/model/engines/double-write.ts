// Pages of two sectors, updated in place behind a copy (InnoDB's double-write buffer). The mistake: copy and page go to the drive together, so
// that both may be torn.
//
// Layout in sectors: 0 and 1 the copy, 2 and 3 the page; a page is text with a checksum that reaches into its second sector.

import type { BlockDevice } from '../../../src/block-device.ts';
import { checkHistory, type DeviceSpecimen, readRecords, record, textOf } from './specimen.ts';

const PAGE_SECTORS = 2;
const PAGE = 2;

function encode(text: string): Uint8Array {
  const page = new Uint8Array(PAGE_SECTORS * 512);
  page.set(new TextEncoder().encode(record(text.padEnd(600, '.'))));
  return page;
}

/** Undefined when it is torn. */
function decode(bytes: Uint8Array): string | undefined {
  if (bytes.every((byte) => byte === 0)) return '';
  return readRecords(textOf(bytes))[0]?.replace(/\.+$/, '');
}

function recovered(device: BlockDevice): string | undefined {
  return decode(device.read(PAGE, PAGE_SECTORS)) ?? decode(device.read(0, PAGE_SECTORS));
}

export const doubleWrite: DeviceSpecimen = {
  name: 'double write',
  mistake: 'no flush between the copy and the page',
  level: 'device',
  expected: {
    missing: [/write\('drive0', 1024 bytes at 0\)/, /write\('drive0', 1024 bytes at 1024\)/],
    present: [],
    isLost: false,
    needsTearing: true,
  },
  engine: (isRepaired) => ({
    workload({ device, ack }) {
      for (const state of ['first', 'second']) {
        device.write(0, encode(state));
        if (isRepaired) device.flush();
        device.write(PAGE, encode(state));
        device.flush();
        ack(state);
      }
    },
    recover({ device, must, may }) {
      const state = recovered(device);
      if (state === undefined) throw new Error('page and copy are both torn');
      checkHistory(state, '', { must, may });
    },
  }),
};
