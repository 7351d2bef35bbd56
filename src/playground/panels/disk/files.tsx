// The files of the kept disk: a list, one that is being read, and a form for a new one.

import { useState } from 'preact/hooks';
import { formatBytes } from '../../model/describe.ts';
import type { VolumeEntry } from '../../worker/live-protocol.ts';
import { act, isBusy, readFile, shown, volume } from './disk-state.ts';

export function Files() {
  const entries = volume.value?.entries ?? [];
  return (
    <div class="disk-files">
      <h3>Files</h3>
      {entries.length === 0 && <p class="hint">None yet. Write one.</p>}
      {entries.length > 0 && (
        <ul>
          {entries.map((entry) => (
            <FileRow key={entry.name} entry={entry} />
          ))}
        </ul>
      )}
      {shown.value !== undefined && (
        <figure class="disk-text">
          <figcaption>{shown.value.name}</figcaption>
          <pre>{shown.value.text}</pre>
        </figure>
      )}
    </div>
  );
}

function FileRow({ entry: { name, sizeBytes } }: { entry: VolumeEntry }) {
  const [newName, setNewName] = useState<string | undefined>(undefined);
  const rename = (): void => {
    if (newName !== undefined && newName !== name)
      void act(`${name} is ${newName} now.`, 'rename', name, newName);
    setNewName(undefined);
  };
  if (newName !== undefined)
    return (
      <li>
        <form
          class="disk-row"
          onSubmit={(event) => {
            event.preventDefault();
            rename();
          }}
        >
          <input
            aria-label={`New name of ${name}`}
            value={newName}
            onInput={(event) => setNewName(event.currentTarget.value)}
          />
          <button type="submit">Rename</button>
          <button type="button" class="quiet" onClick={() => setNewName(undefined)}>
            Leave it
          </button>
        </form>
      </li>
    );
  return (
    <li class="disk-row">
      <span class="disk-name">{name}</span>
      <span class="hint">{formatBytes(sizeBytes)}</span>
      <button type="button" class="quiet" disabled={isBusy.value} onClick={() => void readFile(name)}>
        Read
      </button>
      <button type="button" class="quiet" disabled={isBusy.value} onClick={() => setNewName(name)}>
        Rename
      </button>
      <button
        type="button"
        class="quiet"
        disabled={isBusy.value}
        onClick={() => void act(`${name} is deleted.`, 'unlink', name)}
      >
        Delete
      </button>
    </li>
  );
}

export function NewFile() {
  const [name, setName] = useState('note.txt');
  const [text, setText] = useState('Ada owes 10');
  const [isSynced, setSynced] = useState(false);
  const write = (): void => {
    const told = isSynced
      ? `${name} is written and synced: it survives whatever happens.`
      : `${name} is written, as far as programs can see. Nobody has synced it.`;
    void act(told, 'write', name, text, isSynced);
  };
  return (
    <form
      class="disk-new"
      onSubmit={(event) => {
        event.preventDefault();
        write();
      }}
    >
      <h3>Write a file</h3>
      <div class="field">
        <label for="disk-name">Name</label>
        <input id="disk-name" value={name} onInput={(event) => setName(event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for="disk-text">Text</label>
        <textarea
          id="disk-text"
          rows={3}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
      <label class="disk-check">
        <input
          type="checkbox"
          checked={isSynced}
          onChange={(event) => setSynced(event.currentTarget.checked)}
        />
        fsync the file and its folder
      </label>
      <button type="submit" class="primary" disabled={isBusy.value}>
        Write
      </button>
    </form>
  );
}
