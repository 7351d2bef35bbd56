// A SATA solid-state drive.
//
// The defaults are the published figures of a Samsung 860 EVO (2018), with the flash of MQSim: what the flash does not take of the times that the
// sheet's rates leave goes to commands and delays.

import { flashParameters } from './flash.ts';

const SHEET = 'Samsung 860 EVO 500 GB (2018), published figures';
const MQSIM = 'MQSim (FAST 2018), defaults of its repository';
const OURS = 'choice of this model';

export const SSD_PARAMETERS = flashParameters({
  channels: [8, MQSIM],
  diesPerChannel: [4, 'choice of this model: one die a chip of the 4 that MQSim has on a channel'],
  pageSize: [16384, 'MQSim (FAST 2018): 8 KiB pages, 2 planes'],
  blockPages: [256, MQSIM],
  readNs: [75_000, MQSIM],
  programNs: [750_000, MQSIM],
  eraseNs: [3_800_000, MQSIM],
  channelBandwidth: [300e6, MQSIM],
  interfaceBandwidth: [545e6, `${SHEET}: 550 MB/s read and 520 MB/s written in sequence on SATA 6 Gb/s`],
  fullDuplex: [0, 'SATA: one frame at a time, in either direction'],
  readCommandNs: [2_700, `${SHEET}: 98,000 random reads a second at queue depth 32`],
  writeCommandNs: [3_600, `${SHEET}: 90,000 random writes a second at queue depth 32`],
  readDelayNs: [
    1_100,
    `${SHEET}: 10,000 random reads a second at queue depth 1 (not checked against the sheet), less the times above`,
  ],
  writeDelayNs: [
    12_700,
    `${SHEET}: 42,000 random writes a second at queue depth 1 (not checked against the sheet), less the times above`,
  ],
  writeBuffer: [4 * 2 ** 20, OURS],
  flashCapacity: [0, OURS],
  overProvisioning: [7, '1 GiB of flash for each GB of data: 7.4 %'],
  freeBlocks: [1, OURS],
  preemptiveCollection: [1, MQSIM],
  filled: [100, 'data sheets are measured on full drives'],
  fillOrder: [0, OURS],
  overwritten: [0, OURS],
  placement: [0, 'MQSim (FAST 2018), its page allocation CWDP: channels first, then dies'],
});
