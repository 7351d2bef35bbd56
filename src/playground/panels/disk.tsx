// A disk that this browser keeps: made here, filled with files through the whole stack, unplugged, found again after a reload.

import { useEffect, useState } from 'preact/hooks';
import { BackToNow } from '../live/back-to-now.tsx';
import { Power } from '../live/power.tsx';
import { Told } from '../live/told.tsx';
import { formatCount, formatCounted } from '../model/describe.ts';
import type { StoredDisk, VolumeTold } from '../worker/live-protocol.ts';
import {
  act,
  canStore,
  choice,
  clearDisk,
  closeDisk,
  fault,
  isBusy,
  keepStorage,
  news,
  openDisk,
  plugDisk,
  refresh,
  storage,
  stored,
  volume,
} from './disk/disk-state.ts';
import { Files, NewFile } from './disk/files.tsx';

const MIB = 1048576;
const SIZES_MIB = [16, 64, 256];
const VOLUME_FILE = 'volume.img';
/** Dirty pages are written back at this age (vm.dirty_expire_centisecs), at the flusher's next turn. */
const FLUSHER_NS = 35e9;

export function Disk() {
  useEffect(() => void refresh(), []);
  if (!canStore)
    return <p class="hint">This browser has no private file system for pages, so it can not keep a disk.</p>;
  const told = volume.value;
  return (
    <div class="disk">
      {told === undefined ? <Closed /> : <Open told={told} />}
      <Told news={news.value} fault={fault.value} />
      <Storage />
    </div>
  );
}

function Closed() {
  const [sizeMib, setSizeMib] = useState(64);
  const kept = stored.value.find(({ name }) => name === VOLUME_FILE);
  if (kept !== undefined)
    return (
      <div class="disk-start">
        <p>This browser keeps a disk of {mebibytes(kept.sizeBytes)} for this page.</p>
        <button
          type="button"
          class="primary"
          disabled={isBusy.value}
          onClick={() => void openDisk(kept.sizeBytes)}
        >
          Open it
        </button>
      </div>
    );
  return (
    <div class="disk-start">
      <p>
        A disk in a file that only this page can see. It is there after a reload, and after the browser was
        closed: what was durable, at least.
      </p>
      <fieldset class="field">
        <legend>Size</legend>
        <div class="segments">
          {SIZES_MIB.map((size) => (
            <button key={size} type="button" aria-pressed={size === sizeMib} onClick={() => setSizeMib(size)}>
              {size} MiB
            </button>
          ))}
        </div>
      </fieldset>
      <button
        type="button"
        class="primary"
        disabled={isBusy.value}
        onClick={() => void openDisk(sizeMib * MIB)}
      >
        Make the disk
      </button>
    </div>
  );
}

function Open({ told }: { told: VolumeTold }) {
  return (
    <div class="disk-open">
      <NewFile />
      <Files />
      <div class="disk-state">
        <h3>At stake</h3>
        <p>
          {formatCounted(told.dirtyPages, 'dirty page')} in memory,{' '}
          {formatCounted(told.volatileWrites, 'write')} in the drive’s volatile cache.{' '}
          {mebibytes(told.freeBytes)} free.
        </p>
        <div class="disk-actions">
          <button type="button" disabled={isBusy.value} onClick={() => void act('All is synced.', 'sync')}>
            Sync all
          </button>
          <button
            type="button"
            disabled={isBusy.value}
            onClick={() =>
              void act('35 s went by; the flusher wrote what was old enough.', 'wait', FLUSHER_NS)
            }
          >
            Let 35 s pass
          </button>
          <button
            type="button"
            disabled={isBusy.value}
            onClick={() =>
              void act('Clean pages left the cache: the next read goes to the drive.', 'dropCaches')
            }
          >
            Drop clean pages
          </button>
        </div>
        <Power
          choice={choice.value}
          onChoice={(next) => {
            choice.value = next;
          }}
          isDisabled={isBusy.value}
          onPlug={() => void plugDisk()}
        />
        <p class="hint">
          Reloading the page is a power cut for the machine’s memory alone: what the drive had stays.
        </p>
        <div class="disk-actions">
          <BackToNow following="The lanes show what happens now." />
          <button type="button" class="quiet" disabled={isBusy.value} onClick={() => void closeDisk()}>
            Write all and close
          </button>
        </div>
      </div>
    </div>
  );
}

function Storage() {
  const told = storage.value;
  if (told === undefined) return null;
  return (
    <footer class="disk-storage">
      <p class="hint">
        This page takes {mebibytes(told.usedBytes)} of the {mebibytes(told.quotaBytes)} that the browser gives
        it
        {told.isPersisted
          ? ', and the browser keeps it until you clear it.'
          : '; the browser may clear it when room is short.'}
      </p>
      {!told.isPersisted && (
        <button type="button" class="quiet" disabled={isBusy.value} onClick={() => void keepStorage()}>
          Ask to keep it
        </button>
      )}
      {stored.value.map((disk) => (
        <Clear key={disk.name} disk={disk} />
      ))}
    </footer>
  );
}

function Clear({ disk: { name, sizeBytes } }: { disk: StoredDisk }) {
  const [isAsking, setAsking] = useState(false);
  const what = name === VOLUME_FILE ? 'the volume’s disk' : 'Linux’s disk';
  if (!isAsking)
    return (
      <button type="button" class="quiet" onClick={() => setAsking(true)}>
        Clear {what}
      </button>
    );
  return (
    <fieldset class="disk-row" aria-label={`Clear ${what}`}>
      <span>All {mebibytes(sizeBytes)} will be gone.</span>
      <button
        type="button"
        class="danger"
        onClick={() => {
          setAsking(false);
          void clearDisk(name, name === VOLUME_FILE);
        }}
      >
        Clear it
      </button>
      <button type="button" class="quiet" onClick={() => setAsking(false)}>
        Keep it
      </button>
    </fieldset>
  );
}

/** 64 MiB; what is less than one in tenths. */
function mebibytes(bytes: number): string {
  const count = bytes / MIB;
  return `${count >= 10 ? formatCount(Math.round(count)) : count.toFixed(1)} MiB`;
}
