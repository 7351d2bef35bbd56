// vscsi, versions 1 and 2: fixed little-endian records of SCSI commands, as VMware's tracer writes them.
//
//            serial  length  sg count  opcode  version  LBN  time  response time
//   v1, 32 B    0       4        8       12       14     16    24        -
//   v2, 40 B    4       8       12        0        2     16    24       32
//
// Length is in bytes, LBN in 512-byte blocks, time in microseconds; the version is the high byte of its 16 bits.
// Invariant: every record of a file has the same version, and a file is a whole number of records.

import { TRACE_DISCARD, TRACE_FLUSH, TRACE_READ, TRACE_WRITE } from '../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../assembly/limits.ts';
import { ascii } from './bytes.ts';
import type { Decoder, FormatName, TraceFormat } from './decoder.ts';
import type { Recorder } from './recorder.ts';

/** Where the fields are that differ between the versions; LBN and time do not. */
export interface VscsiLayout {
  readonly version: 1 | 2;
  readonly recordBytes: number;
  readonly lengthAt: number;
  readonly opcodeAt: number;
  readonly versionAt: number;
}

export const VSCSI_V1: VscsiLayout = {
  version: 1,
  recordBytes: 32,
  lengthAt: 4,
  opcodeAt: 12,
  versionAt: 14,
};
export const VSCSI_V2: VscsiLayout = { version: 2, recordBytes: 40, lengthAt: 8, opcodeAt: 0, versionAt: 2 };
const LBN_AT = 16;
const TIME_AT = 24;

const TWO_32 = 4294967296;
/** High words from which a value times 512, or a value itself, no longer fits 2^53. */
const MAX_LBN_HIGH = 2 ** (53 - 9 - 32);
const MAX_TIME_HIGH = 2 ** (53 - 32);
const UNKNOWN = 255;
/** SCSI opcodes by what they do; write-same is a write, unmap a discard. */
const OPCODES: readonly [operation: number, opcodes: readonly number[]][] = [
  [TRACE_READ, [0x08, 0x28, 0x88, 0xa8]],
  [TRACE_WRITE, [0x0a, 0x2a, 0x8a, 0xaa, 0x41, 0x93]],
  [TRACE_FLUSH, [0x35, 0x91]],
  [TRACE_DISCARD, [0x42]],
];
const OPERATION_BY_OPCODE = new Uint8Array(256).fill(UNKNOWN);
for (const [operation, opcodes] of OPCODES) {
  for (const opcode of opcodes) OPERATION_BY_OPCODE[opcode] = operation;
}
/** The format names no disk. */
const DEVICE_NAME = ascii('vscsi');

class VscsiDecoder implements Decoder {
  readonly #recorder: Recorder;
  readonly #layout: VscsiLayout;
  readonly #device: number;
  /** The start of a record whose end has not come yet. */
  readonly #carry: Uint8Array;
  readonly #carryView: DataView;
  #carryCount = 0;
  #recordCount = 0;

  constructor(recorder: Recorder, layout: VscsiLayout) {
    this.#recorder = recorder;
    this.#layout = layout;
    this.#carry = new Uint8Array(layout.recordBytes);
    this.#carryView = new DataView(this.#carry.buffer);
    this.#device = recorder.device(DEVICE_NAME, 0, DEVICE_NAME.length);
  }

  push(bytes: Uint8Array, start: number, end: number): number {
    const { recordBytes } = this.#layout;
    let position = start;
    if (this.#carryCount > 0) {
      position = this.#keep(bytes, start, end);
      if (this.#carryCount < recordBytes) return end;
      this.#carryCount = 0;
      this.#record(this.#carryView, 0);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; end - position >= recordBytes && this.#recorder.hasRoom(); position += recordBytes) {
      this.#record(view, position);
    }
    return end - position < recordBytes ? this.#keep(bytes, position, end) : position;
  }

  finish(): void {
    if (this.#carryCount === 0) return;
    this.#place();
    const { recordBytes } = this.#layout;
    const wholeBytes = this.#recordCount * recordBytes - recordBytes;
    this.#recorder.bad(
      'truncated record',
      `${this.#carryCount} of its ${recordBytes} bytes are there; whole records end at byte ${wholeBytes}`,
      'ERR_TRACE_TRUNCATED',
    );
  }

  /** Adds to the unfinished record; returns how far bytes[start, end) was used. */
  #keep(bytes: Uint8Array, start: number, end: number): number {
    const used = Math.min(end, start + this.#carry.length - this.#carryCount);
    this.#carry.set(bytes.subarray(start, used), this.#carryCount);
    this.#carryCount += used - start;
    return used;
  }

  #place(): void {
    this.#recorder.byteOffset = this.#recordCount * this.#layout.recordBytes;
    this.#recorder.line = ++this.#recordCount;
  }

  #record(view: DataView, at: number): boolean {
    const recorder = this.#recorder;
    const { version, lengthAt, opcodeAt, versionAt } = this.#layout;
    this.#place();
    const itsVersion = view.getUint8(at + versionAt + 1);
    if (itsVersion !== version) {
      return recorder.bad('wrong version', `version ${itsVersion} in a trace of version ${version}`);
    }
    const opcode = view.getUint16(at + opcodeAt, true);
    const operation = opcode > 255 ? UNKNOWN : OPERATION_BY_OPCODE[opcode]!;
    if (operation === UNKNOWN) {
      const shown = opcode.toString(16).padStart(2, '0');
      return recorder.bad('unknown operation', `SCSI opcode 0x${shown} is no read, write, flush or unmap`);
    }
    const timeHigh = view.getUint32(at + TIME_AT + 4, true);
    if (timeHigh >= MAX_TIME_HIGH) {
      const shown = view.getBigUint64(at + TIME_AT, true);
      return recorder.bad('time too large', `time ${shown} is above the limit of 2^53 - 1`);
    }
    const micros = timeHigh * TWO_32 + view.getUint32(at + TIME_AT, true);
    if (operation === TRACE_FLUSH) {
      recorder.write(operation, this.#device, 0, 0, micros);
      return true;
    }
    const lbnHigh = view.getUint32(at + LBN_AT + 4, true);
    if (lbnHigh >= MAX_LBN_HIGH) {
      const shown = view.getBigUint64(at + LBN_AT, true);
      return recorder.bad('offset too large', `LBN ${shown} is above the limit of 2^44 - 1 (byte 2^53)`);
    }
    const offsetBytes = (lbnHigh * TWO_32 + view.getUint32(at + LBN_AT, true)) * SECTOR_SIZE;
    const lengthBytes = view.getUint32(at + lengthAt, true);
    if (!recorder.accepts(operation, offsetBytes, lengthBytes)) return false;
    recorder.write(operation, this.#device, offsetBytes, lengthBytes, micros);
    return true;
  }
}

/** Whether the record at `at`, which need not be all there, says that it is of this version. */
export function hasVscsiVersion(head: Uint8Array, at: number, layout: VscsiLayout): boolean {
  return head[at + layout.versionAt + 1] === layout.version;
}

/** Whether the record at `at`, which must be all there, is one that this reader takes. */
export function isGoodVscsi(head: Uint8Array, at: number, layout: VscsiLayout): boolean {
  const { opcodeAt, lengthAt } = layout;
  const view = new DataView(head.buffer, head.byteOffset + at, layout.recordBytes);
  const opcode = view.getUint16(opcodeAt, true);
  const operation = opcode > 255 ? UNKNOWN : OPERATION_BY_OPCODE[opcode]!;
  if (operation === UNKNOWN || !hasVscsiVersion(head, at, layout)) return false;
  const lengthBytes = view.getUint32(lengthAt, true);
  const isSized = operation === TRACE_FLUSH || (lengthBytes > 0 && lengthBytes % SECTOR_SIZE === 0);
  const isNear =
    view.getUint32(LBN_AT + 4, true) < MAX_LBN_HIGH && view.getUint32(TIME_AT + 4, true) < MAX_TIME_HIGH;
  return isSized && isNear;
}

function vscsiFormat(layout: VscsiLayout): TraceFormat {
  return {
    name: `vscsi-v${layout.version}` satisfies FormatName,
    title: `vscsi version ${layout.version}`,
    entrance: 'virtio',
    unit: 'sector',
    ticksPerSecond: 1e6,
    counts: 'record',
    create: (recorder) => new VscsiDecoder(recorder, layout),
  };
}

/** Registry rows. */
export const VSCSI_FORMAT_V1 = vscsiFormat(VSCSI_V1);
export const VSCSI_FORMAT_V2 = vscsiFormat(VSCSI_V2);
