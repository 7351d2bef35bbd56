// The formats that can be read, one row each; a new format is a new file, a row here and its signature in detect.ts.
//
// Verbs: look a format up by name. Invariant: names are unique, and are what `--format` takes.

import type { TraceFormat } from './decoder.ts';
import { FIO_IOLOG_V2, FIO_IOLOG_V3 } from './fio-iolog.ts';
import { MSR_CSV } from './msr-csv.ts';
import { VSCSI_FORMAT_V1, VSCSI_FORMAT_V2 } from './vscsi.ts';

/** Every supported format, in the order in which help texts list them. */
export const FORMATS: readonly TraceFormat[] = [
  FIO_IOLOG_V2,
  FIO_IOLOG_V3,
  MSR_CSV,
  VSCSI_FORMAT_V1,
  VSCSI_FORMAT_V2,
];

/** The format of that name, if there is one. */
export function formatNamed(name: string): TraceFormat | undefined {
  return FORMATS.find((format) => format.name === name);
}

/** The names for a message: "a, b, c". */
export function formatNames(): string {
  return FORMATS.map((format) => format.name).join(', ');
}
