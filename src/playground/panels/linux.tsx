// A real Linux on the machine's disk: boot it, give it commands, watch its driver's requests, take its power, boot it again.

import { useRef } from 'preact/hooks';
import { FILE_NAMES, type LinuxFileKind } from '../linux/files.ts';
import { GUIDED } from '../linux/guided.ts';
import { BackToNow } from '../live/back-to-now.tsx';
import { Power } from '../live/power.tsx';
import { Told } from '../live/told.tsx';
import { Console } from './linux/console.tsx';
import {
  boot,
  bootSeconds,
  choice,
  chooseFiles,
  chosen,
  fault,
  hasDisk,
  news,
  options,
  phase,
  plugLinux,
  quit,
  runCommand,
  served,
} from './linux/linux-state.ts';

const DISK_SIZES_MIB = [16, 64, 256];

export function Linux() {
  const isNew = phase.value === 'off' && !hasDisk.value;
  return (
    <div class="linux">
      {isNew ? <Start /> : <Console />}
      <div class="linux-side">
        {isNew ? <Files /> : <Controls />}
        <Told news={news.value} fault={fault.value} />
      </div>
    </div>
  );
}

function Start() {
  const { diskMib, isKept, cacheMode } = options.value;
  return (
    <div class="linux-start">
      <p>
        Linux runs in this page, in a processor made of WebAssembly (v86). Its disk is a virtio-blk device of
        the machine that the lanes show: every request there is one of its own driver.
      </p>
      <fieldset class="field">
        <legend>Disk</legend>
        <div class="segments">
          {DISK_SIZES_MIB.map((size) => (
            <button
              key={size}
              type="button"
              aria-pressed={size === diskMib}
              onClick={() => {
                options.value = { ...options.value, diskMib: size };
              }}
            >
              {size} MiB
            </button>
          ))}
        </div>
        <label class="disk-check">
          <input
            type="checkbox"
            checked={isKept}
            onChange={(event) => {
              options.value = { ...options.value, isKept: event.currentTarget.checked };
            }}
          />
          Keep it in this browser over reloads
        </label>
      </fieldset>
      <fieldset class="field">
        <legend>The host’s page cache</legend>
        <div class="segments">
          {(['none', 'writeback'] as const).map((mode) => (
            <button
              key={mode}
              type="button"
              aria-pressed={mode === cacheMode}
              onClick={() => {
                options.value = { ...options.value, cacheMode: mode };
              }}
            >
              {mode === 'none' ? 'Around it (none)' : 'Through it (writeback)'}
            </button>
          ))}
        </div>
      </fieldset>
      <button type="button" class="primary" data-first-focus onClick={() => void boot()}>
        Boot Linux
      </button>
    </div>
  );
}

function Files() {
  const input = useRef<HTMLInputElement>(null);
  const kinds = Object.keys(FILE_NAMES) as LinuxFileKind[];
  return (
    <fieldset
      class="linux-files"
      data-takes-files
      onDrop={(event) => {
        event.preventDefault();
        void chooseFiles([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <legend>What it starts from</legend>
      <dl>
        {kinds.map((kind) => (
          <div key={kind}>
            <dt>{FILE_NAMES[kind]}</dt>
            <dd>{chosen.value[kind]?.name ?? 'beside this page'}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        The files beside this page are made of Debian’s packages by <code>npm run playground:linux</code>.
        Files of your own stay in this browser; drop them here, or choose them.
      </p>
      <input
        ref={input}
        type="file"
        multiple
        class="unseen"
        tabIndex={-1}
        aria-label="Files for the guest"
        onChange={(event) => void chooseFiles([...(event.currentTarget.files ?? [])])}
      />
      <button type="button" onClick={() => input.current?.click()}>
        Choose files
      </button>
    </fieldset>
  );
}

const TOLD = {
  off: 'It has no power.',
  starting: 'The files are read, the processor is loaded.',
  running: 'It runs.',
  atPrompt: 'The shell waits for a command.',
} as const;

function Controls() {
  const isOff = phase.value === 'off';
  return (
    <>
      <p class="linux-phase">
        {TOLD[phase.value]}
        {bootSeconds.value !== undefined && ` It booted in ${bootSeconds.value.toFixed(0)} s.`}
        {served.value !== undefined && ` Its disk has served ${served.value}.`}
      </p>
      {isOff ? (
        <div class="disk-actions">
          <button type="button" class="primary" onClick={() => void boot()}>
            Boot it again
          </button>
          <button type="button" class="quiet" onClick={quit}>
            Begin anew
          </button>
        </div>
      ) : (
        <Power
          choice={choice.value}
          onChoice={(next) => {
            choice.value = next;
          }}
          isDisabled={phase.value === 'starting'}
          onPlug={() => void plugLinux()}
        />
      )}
      <div class="disk-actions">
        <BackToNow following="The lanes show what happens now." />
      </div>
      <h3>Have it typed</h3>
      <ul class="guided">
        {GUIDED.map(({ title, command, why }) => (
          <li key={title}>
            <button
              type="button"
              disabled={phase.value !== 'atPrompt'}
              onClick={() => void runCommand(command)}
              title={command}
            >
              {title}
            </button>
            <span class="hint">{why}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
