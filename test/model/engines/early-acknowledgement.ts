// A log on a device that acknowledges a group of records with one flush. The mistake: the last of a group is acknowledged when it is
// written, before the flush.
//
// Layout: one record a sector, with a checksum, from sector 0 on.

import { checkHistory, type DeviceSpecimen, readRecords, record, sector, textOf } from './specimen.ts';

const GROUPS = [
  ['a', 'b'],
  ['c', 'd'],
];

export const earlyAcknowledgement: DeviceSpecimen = {
  name: 'early acknowledgement',
  mistake: 'acknowledges before the flush',
  level: 'device',
  expected: {
    missing: [/write\('drive0', 512 bytes at \d+\)/],
    present: [],
    isLost: true,
    needsTearing: false,
  },
  engine: (isRepaired) => ({
    workload({ device, ack, attempt }) {
      let log = '';
      for (const group of GROUPS) {
        const states: string[] = [];
        for (const text of group) {
          attempt(log + text);
          device.write(log.length, sector(record(text)));
          log += text;
          states.push(log);
          if (!isRepaired) ack(log);
        }
        device.flush();
        if (isRepaired) for (const state of states) ack(state);
      }
    },
    recover({ device, must, may }) {
      let log = '';
      while (log.length < 8) {
        const [text] = readRecords(textOf(device.read(log.length, 1)));
        if (text === undefined) break;
        log += text;
      }
      checkHistory(log, '', { must, may });
    },
  }),
};
