// What stands beside a chart's axis and in its table: numbers with the unit in which they are read most easily.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { factsOfLine, formatUnit } from '../../../../src/playground/panels/charts/facts.ts';

const charts = suite('charts in numbers');

charts('a value has its unit, of throughput the largest that it fills', () => {
  const told = (unit: string, ...values: number[]) => values.map((value) => formatUnit(unit, value));
  assert.equal(told('bytes/s', 0, 999, 1000, 2500, 1e6, 12_340_000, 1e9, 5.25e12), [
    ...['0 B/s', '999 B/s', '1 kB/s', '2.5 kB/s', '1 MB/s', '12.3 MB/s', '1 GB/s', '5,250 GB/s'],
  ]);
  assert.equal(told('ns', 0, 12_400, 3e9), ['0 ns', '12.4 µs', '3 s']);
  assert.equal(told('%', 0, 33.333, 66.66, 100), ['0 %', '33.3 %', '66.7 %', '100 %']);
  assert.equal(told('pages', 0, 1234, 2.25), ['0', '1,234', '2.3']);
  assert.equal(told('requests', 12), ['12']);
});

charts('where nothing is to be told, every unit says none', () => {
  for (const unit of ['bytes/s', 'ns', '%', 'pages', 'requests'])
    assert.is(formatUnit(unit, Number.NaN), 'none');
});

charts('last, mean and most are of the stretches that have a value', () => {
  const values = Float64Array.of(Number.NaN, 4, 10, Number.NaN, 1, Number.NaN);
  assert.equal(factsOfLine({ label: '', values }), { last: 1, mean: 5, most: 10 });
  assert.equal(factsOfLine({ label: '', values: Float64Array.of(-3, -2) }), {
    last: -2,
    mean: -2.5,
    most: -2,
  });
});

charts('a line without a value has none of the three', () => {
  const { last, mean, most } = factsOfLine({ label: '', values: new Float64Array(3).fill(Number.NaN) });
  assert.equal([last, mean, most], [Number.NaN, Number.NaN, Number.NaN]);
});

charts.run();
