// All engines with a planted mistake.

import { commitInOneWrite } from './commit-in-one-write.ts';
import { doubleWrite } from './double-write.ts';
import { earlyAcknowledgement } from './early-acknowledgement.ts';
import { earlyTruncation } from './early-truncation.ts';
import { indexBeforeData } from './index-before-data.ts';
import { lateFsync } from './late-fsync.ts';
import { logReuse } from './log-reuse.ts';
import { missingFsync } from './missing-fsync.ts';
import { swappedRenames, unorderedRenames } from './renames.ts';
import { repeatedFsync } from './repeated-fsync.ts';
import { repeatedRecovery } from './repeated-recovery.ts';
import type { Specimen } from './specimen.ts';
import { tornHeader } from './torn-header.ts';
import { trustedLength } from './trusted-length.ts';
import { unsyncedDirectory } from './unsynced-directory.ts';
import { xv6Log } from './xv6-log.ts';

export const SPECIMENS: readonly Specimen[] = [
  xv6Log,
  earlyAcknowledgement,
  commitInOneWrite,
  logReuse,
  doubleWrite,
  repeatedRecovery,
  missingFsync,
  lateFsync,
  unsyncedDirectory,
  tornHeader,
  trustedLength,
  indexBeforeData,
  earlyTruncation,
  swappedRenames,
  unorderedRenames,
  repeatedFsync,
];
