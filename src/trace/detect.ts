// Which format a trace is in, judged from its first bytes and never from its name.
//
// Verbs: isGzip, detectFormat. Order: compression magics, binary formats, iolog header, then text families
// scored over the first hundred lines. Families that cannot be read yet are recognised too, so that the error
// can name them. Invariant: pure functions of the bytes; two equal scores are refused, never picked from.

import { ascii, quote, startsWith } from './bytes.ts';
import type { FormatName } from './decoder.ts';
import { BYTE_ORDER_MARK } from './lines.ts';
import { hasVscsiVersion, isGoodVscsi, VSCSI_V1, VSCSI_V2, type VscsiLayout } from './vscsi.ts';

/** Bytes that detection looks at. */
export const HEAD_BYTES = 65536;
const SCORED_LINES = 100;
const NUL = 0;

/** The verdict: a format, or why there is none, as the tail of an error message. */
export type Detection = { format: FormatName } | { refusal: string };

interface TextFamily {
  format?: FormatName;
  /** Named in the refusal when there is no reader. */
  title: string;
  pattern: RegExp;
}

const TEXT_FAMILIES: readonly TextFamily[] = [
  // Looser than the reader: a file full of "read" or of short rows is still an MSR file, with errors to show.
  { format: 'msr-csv', title: 'MSR Cambridge CSV', pattern: /^[^,]*,[^,]*,[^,]*,(read|write),[^,]*,/i },
  { title: 'blkparse text', pattern: /^\d+,\d+\s+\d+\s+\d+\s+\d+\.\d{9}\s+\d+\s+[A-Za-z]{1,2}\b/ },
  { title: 'ftrace block events', pattern: /\sblock_\w+: / },
  { title: "SYSTOR '17 CSV", pattern: /^(Timestamp,Response,IOType|\d+\.\d+,\d+\.\d+,[RW]?,\d+,\d+,\d+$)/i },
  {
    title: 'CloudPhysics CSV',
    pattern: /^(version,time,op,size,lbn|[12],\d+,[0-9]*[a-f][0-9a-f]*,\d+,\d+$)/,
  },
  { title: 'Alibaba CSV', pattern: /^\d+,[RW],\d+,\d+,\d+$/ },
  { title: 'SPC (UMass) trace', pattern: /^\d+,\d+,\d+,[RW],\d+(\.\d+)?(,|$)/i },
  { title: 'Tencent CBS CSV', pattern: /^\d+,\d+,\d+,[01],\d+$/ },
  { title: 'FIU trace', pattern: /^\d+ \d+ \S+ \d+ \d+ [RW] \d+ \d+ [0-9a-f]+$/ },
  { title: 'DiskSim, SSDsim or MQSim ASCII trace', pattern: /^\d+(\.\d+)?\s+\d+\s+\d+\s+\d+\s+[0-9a-f]+$/i },
  { title: 'ARC .lis trace', pattern: /^\d+ \d+ 0 \d+$/ },
  { title: 'fio iolog version 1', pattern: /^[01],\s*\d+,\s*\d+$/ },
];

interface Magic {
  bytes: readonly number[];
  title: string;
  advice?: string;
}

/** Containers that have to be unpacked before there is a trace. */
const COMPRESSED: readonly Magic[] = [
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], title: 'zstd data', advice: 'decompress it first, with zstd -d' },
  { bytes: [0x42, 0x5a, 0x68], title: 'bzip2 data', advice: 'decompress it first, with bunzip2' },
  {
    bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    title: 'xz data',
    advice: 'decompress it first, with xz -d',
  },
  { bytes: [0x50, 0x4b, 0x03, 0x04], title: 'a zip archive', advice: 'unpack it first' },
];

/** What a file starts with, for the families that say so in their first bytes. */
const MAGICS: readonly Magic[] = [
  ...COMPRESSED,
  { bytes: [0x1f, 0x8b], title: 'gzip inside gzip', advice: 'decompress it once first' },
  { bytes: [0x07, 0x74, 0x61, 0x65], title: 'a blktrace binary' },
  { bytes: [0x65, 0x61, 0x74, 0x07], title: 'a blktrace binary' },
  { bytes: [0x08, 0x74, 0x61, 0x65], title: 'a blktrace binary (version 8)' },
  { bytes: [0x65, 0x61, 0x74, 0x08], title: 'a blktrace binary (version 8)' },
  { bytes: [0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12], title: 'a libCacheSim lcs trace' },
  { bytes: [0xff, 0xfe], title: 'UTF-16 text', advice: 'save it as UTF-8' },
  { bytes: [0xfe, 0xff], title: 'UTF-16 text', advice: 'save it as UTF-8' },
];

const IOLOG_START = ascii('fio version ');
const IOLOG_V1_ADVICE = 'fio itself dropped it in 2008';

/**
 * Whether the raw bytes are to be decompressed. The first field of a vscsi record is a serial number, which can
 * spell any magic: two whole records that make sense outweigh two bytes.
 */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && certainVscsi(head) === undefined;
}

/** Compressed data that is refused by name even when the format was given by hand. */
export function refuseCompressed(head: Uint8Array): string | undefined {
  return refuseMagic(head, COMPRESSED);
}

function refuseMagic(head: Uint8Array, magics: readonly Magic[]): string | undefined {
  const magic = magics.find(({ bytes }) => startsWith(head, 0, head.length, Uint8Array.from(bytes)));
  return magic && refusal(magic.title, magic.advice);
}

/**
 * Judges the first bytes, decompressed. `isWhole` says that there are no more than these.
 * `head` is at most HEAD_BYTES long and not empty.
 */
export function detectFormat(head: Uint8Array, isWhole: boolean): Detection {
  const certain = certainVscsi(head);
  if (certain !== undefined) return { format: certain };
  const magic = refuseMagic(head, MAGICS);
  if (magic !== undefined) return { refusal: magic };
  const textStart = startsWith(head, 0, head.length, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  if (startsWith(head, textStart, head.length, IOLOG_START)) return detectIolog(head, textStart);
  const vscsi = likelyVscsi(head, isWhole);
  if (vscsi !== undefined) return { format: vscsi };
  if (looksLikeOracleGeneral(head)) return { refusal: refusal('a libCacheSim oracleGeneral trace') };
  if (!head.includes(NUL)) {
    const detection = detectText(head.subarray(textStart));
    if (detection !== undefined) return detection;
  }
  const shown = quote(head, 0, firstLineEnd(head));
  return {
    refusal:
      `no known trace format: it starts with ${shown}; tried vscsi 1 and 2, fio iolog, ` +
      `${TEXT_FAMILIES.map(({ title }) => title).join(', ')}, blktrace binary, oracleGeneral`,
  };
}

function refusal(title: string, advice?: string): string {
  return `this looks like ${title}, which is not supported yet${advice === undefined ? '' : `: ${advice}`}`;
}

/** Two whole records that a reader would take. */
function certainVscsi(head: Uint8Array): FormatName | undefined {
  for (const layout of [VSCSI_V2, VSCSI_V1]) {
    const { recordBytes } = layout;
    const isCertain =
      head.length >= 2 * recordBytes &&
      isGoodVscsi(head, 0, layout) &&
      isGoodVscsi(head, recordBytes, layout);
    if (isCertain) return nameOf(layout);
  }
  return undefined;
}

/** Two records that say the version, whatever else is wrong with them; or one good record where a file has no second. */
function likelyVscsi(head: Uint8Array, isWhole: boolean): FormatName | undefined {
  for (const layout of [VSCSI_V2, VSCSI_V1]) {
    const { recordBytes } = layout;
    if (!hasVscsiVersion(head, 0, layout)) continue;
    if (head.length >= 2 * recordBytes) {
      if (hasVscsiVersion(head, recordBytes, layout)) return nameOf(layout);
    } else if (isWhole && head.length >= recordBytes && isGoodVscsi(head, 0, layout)) {
      return nameOf(layout);
    }
  }
  return undefined;
}

function nameOf(layout: VscsiLayout): FormatName {
  return `vscsi-v${layout.version}`;
}

function detectIolog(head: Uint8Array, textStart: number): Detection {
  const lineEnd = firstLineEnd(head);
  const firstLine = new TextDecoder().decode(head.subarray(textStart, lineEnd));
  const version = /^fio version (\d+) iolog\s*$/.exec(firstLine)?.[1];
  if (version === '2' || version === '3') return { format: `fio-iolog-v${version}` };
  if (version === undefined) {
    return { refusal: `the header ${quote(head, textStart, lineEnd)} is not "fio version N iolog"` };
  }
  return { refusal: refusal(`fio iolog version ${version}`) };
}

function firstLineEnd(head: Uint8Array): number {
  const index = head.indexOf(0x0a);
  return index < 0 ? head.length : index;
}

/** 24-byte records of time u32, id u64, size u32, next access i64: checked over all that are in the head. */
function looksLikeOracleGeneral(head: Uint8Array): boolean {
  const recordBytes = 24;
  const recordCount = Math.min(SCORED_LINES, Math.floor(head.length / recordBytes));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  let previousTime = 0;
  for (let record = 0; record < recordCount; record++) {
    const at = record * recordBytes;
    const time = view.getUint32(at, true);
    const next = view.getBigInt64(at + 16, true);
    const isNext = next === -1n || next === 2n ** 63n - 1n || (next > BigInt(record) && next < 2n ** 40n);
    if (time < previousTime || view.getUint32(at + 12, true) === 0 || !isNext) return false;
    previousTime = time;
  }
  return recordCount >= 2;
}

/** The one family that most of the first lines belong to; undefined when none has any. */
function detectText(head: Uint8Array): Detection | undefined {
  const scored = new TextDecoder()
    .decode(head)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .slice(0, SCORED_LINES);
  const ranking = TEXT_FAMILIES.map((family) => ({
    family,
    score: scored.filter((line) => family.pattern.test(line)).length,
  })).sort((left, right) => right.score - left.score);
  const [first, second] = ranking;
  if (first === undefined || first.score === 0) return undefined;
  const { format, title } = first.family;
  if (second !== undefined && second.score === first.score) {
    return { refusal: `this could be ${title} or ${second.family.title}: the first lines fit both` };
  }
  if (format !== undefined) return { format };
  return { refusal: refusal(title, title === 'fio iolog version 1' ? IOLOG_V1_ADVICE : undefined) };
}
