// Charts: small multiples over virtual time, with the moment that is shown as a line through all; a click goes to a moment.

import { useEffect, useRef, useState } from 'preact/hooks';
import { goTo } from '../actions.ts';
import type { Run } from '../model/run.ts';
import { type Chart, type RunSeries, seriesOf } from '../model/series.ts';
import { ownRun } from '../own-run.ts';
import { cursor, run, runVersion } from '../state.ts';
import { type DrawnChart, drawChart } from './charts/draw.ts';
import { factsOfLine, formatUnit } from './charts/facts.ts';

/** A run that grows is drawn anew at most so often. */
const REDRAW_MS = 400;

export function Charts() {
  const shown = run.value;
  const own = ownRun.value;
  const series = useSeries(shown, own);
  if (shown === undefined || series === undefined) return <p class="hint">Nothing is played yet.</p>;
  return (
    <div class="charts">
      {series.now.charts.map((chart, index) => (
        <Small
          key={chart.name}
          chart={chart}
          own={series.own?.charts[index]}
          times={series.now.timesNs}
          of={shown}
        />
      ))}
    </div>
  );
}

interface Both {
  readonly now: RunSeries;
  readonly own: RunSeries | undefined;
}

function useSeries(shown: Run | undefined, own: Run | undefined): Both | undefined {
  const [series, setSeries] = useState<Both | undefined>(undefined);
  const version = runVersion.value;
  const isWhole = shown?.isWhole === true;
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(
    () => () => {
      clearTimeout(waiting.current);
      waiting.current = undefined;
    },
    [shown, own, isWhole],
  );
  useEffect(() => {
    if (shown === undefined || shown.stepCount === 0) {
      setSeries(undefined);
      return;
    }
    // what comes while a drawing waits is in it
    if (waiting.current !== undefined) return;
    const compute = (): void => {
      waiting.current = undefined;
      const endNs = Math.max(shown.timeNs(shown.stepCount), own?.timeNs(own.stepCount) ?? 0);
      setSeries({ now: seriesOf(shown, endNs), own: own === undefined ? undefined : seriesOf(own, endNs) });
    };
    waiting.current = setTimeout(compute, isWhole ? 0 : REDRAW_MS);
  }, [shown, own, isWhole, version]);
  return series;
}

interface SmallProps {
  readonly chart: Chart;
  readonly own: Chart | undefined;
  readonly times: Float64Array;
  readonly of: Run;
}

function Small({ chart, own, times, of }: SmallProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<DrawnChart | undefined>(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let isGone = false;
    const seekTo = (timeNs: number): void => goTo(stepAt(of, timeNs));
    void drawChart(element, { chart, own, times, seekTo }).then((made) => {
      if (isGone) made.remove();
      else {
        drawn.current = made;
        made.showTime(of.timeNs(cursor.peek()));
      }
    });
    return () => {
      isGone = true;
      drawn.current?.remove();
      drawn.current = undefined;
    };
  }, [chart, own, times, of]);
  const step = Math.min(cursor.value, of.stepCount);
  useEffect(() => drawn.current?.showTime(of.timeNs(step)), [of, step]);
  return (
    <figure class="chart" data-chart={chart.name}>
      <figcaption>
        {chart.title}
        {chart.lines.length > 1 &&
          chart.lines.map(({ label }, index) => (
            <span class="chart-key" data-line={index} key={label}>
              {label}
            </span>
          ))}
      </figcaption>
      <div class="chart-place" ref={place} aria-hidden="true" />
      <Facts chart={chart} />
    </figure>
  );
}

/** The first step that ends at or behind a time. */
function stepAt(of: Run, timeNs: number): number {
  let [low, high] = [0, of.stepCount];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (of.timeNs(middle) < timeNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The same in numbers, for readers who do not see the lines. */
function Facts({ chart }: { chart: Chart }) {
  return (
    <table class="chart-facts">
      <caption>{chart.title}</caption>
      <thead>
        <tr>
          <th scope="col">Line</th>
          <th scope="col">Last</th>
          <th scope="col">Mean</th>
          <th scope="col">Most</th>
        </tr>
      </thead>
      <tbody>
        {chart.lines.map((line) => {
          const { last, mean, most } = factsOfLine(line);
          return (
            <tr key={line.label}>
              <th scope="row">{line.label}</th>
              <td>{formatUnit(chart.unit, last)}</td>
              <td>{formatUnit(chart.unit, mean)}</td>
              <td>{formatUnit(chart.unit, most)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
