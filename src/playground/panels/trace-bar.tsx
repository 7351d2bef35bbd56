// The bar above the lanes of a trace: what was read of its file, and how its requests are played; while a large file is read, how far.

import { MODEL_NAMES, type ModelName } from '../../core/drive-models/index.ts';
import { cancelOpening, tell } from '../actions.ts';
import { formatBytes, formatCount } from '../model/formats.ts';
import { changeTrace, type Reading, reading, shownTrace, type TraceChoices } from '../share/opened-trace.ts';
import { layout } from '../shell/view.ts';

const REQUESTS = [1_000, 10_000, 100_000];
const DEPTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export function TraceBar() {
  const trace = shownTrace.value;
  if (reading.value !== undefined) return <Progress {...reading.value} />;
  if (trace === undefined) return null;
  return (
    <details class="trace-bar" open={layout.value !== 'phone'}>
      <summary>
        <b>{trace.name}</b>: {trace.made.told}
      </summary>
      <Choices choices={trace.choices} />
    </details>
  );
}

function Progress({ name, bytesRead, sizeBytes }: Reading) {
  return (
    <div class="trace-bar trace-reading">
      <label for="trace-progress">
        Reading <b>{name}</b>: {formatBytes(bytesRead)} of {formatBytes(sizeBytes)}
      </label>
      <progress id="trace-progress" max={sizeBytes} value={bytesRead} />
      <button type="button" onClick={cancelOpening}>
        Cancel
      </button>
    </div>
  );
}

function change(next: Partial<TraceChoices>): void {
  changeTrace(next).catch(tell);
}

function Choices({ choices }: { choices: TraceChoices }) {
  return (
    <div class="trace-choices">
      <label>
        Requests
        <select
          id="trace-requests"
          value={choices.requests}
          onChange={(event) => change({ requests: Number(event.currentTarget.value) })}
        >
          {REQUESTS.map((count) => (
            <option key={count} value={count}>
              {`first ${formatCount(count)}`}
            </option>
          ))}
        </select>
      </label>
      <label>
        Path
        <select
          id="trace-path"
          value={choices.direct ? 'direct' : 'cache'}
          onChange={(event) => change({ direct: event.currentTarget.value === 'direct' })}
        >
          <option value="cache">through the page cache</option>
          <option value="direct">around it (direct)</option>
        </select>
      </label>
      <label>
        Drive
        <select
          id="trace-model"
          value={choices.model}
          onChange={(event) => change({ model: event.currentTarget.value as ModelName })}
        >
          {MODEL_NAMES.map((model) => (
            <option key={model}>{model}</option>
          ))}
        </select>
      </label>
      <label>
        At a time
        <select
          id="trace-depth"
          value={choices.depth}
          onChange={(event) => change({ depth: Number(event.currentTarget.value) })}
        >
          {DEPTHS.map((depth) => (
            <option key={depth}>{depth}</option>
          ))}
        </select>
      </label>
    </div>
  );
}
