// Engines with one planted mistake each: explore finds and names it; the repaired twin survives all states.
//
// test-timeout: 120

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VolumeProfile } from '../../src/core/options.ts';
import type { Finding, WriteFacts } from '../../src/explore/types.ts';
import type { Verdict } from '../../src/explore/verdict.ts';
import { explore, exploreDevice } from '../support/explore.ts';
import { BUILDS, type Build } from '../support/machine.ts';
import { SPECIMENS } from './engines/index.ts';
import type { Expected, Specimen } from './engines/specimen.ts';

const PROFILES: readonly VolumeProfile[] = ['strict', 'ordered', 'alice'];

interface Choice {
  readonly isRepaired: boolean;
  readonly profile: VolumeProfile | undefined;
  readonly tearing?: 'none';
}

function run(
  build: Build,
  specimen: Specimen,
  { isRepaired, profile = 'strict', tearing }: Choice,
): Promise<Verdict> {
  const common = {
    drive: { size: '1MiB' },
    explain: !isRepaired,
    ...specimen.options,
    ...(tearing === undefined ? {} : { tearing }),
  } as const;
  if (specimen.level === 'device')
    return exploreDevice<string>(build, { ...common, ...specimen.engine(isRepaired) });
  return explore<string>(build, { ...common, profile, ...specimen.engine(isRepaired) });
}

function tell(specimen: Specimen, verdict: Verdict, profile = ''): void {
  const { name } = specimen;
  const [finding] = verdict.findings;
  const found = finding === undefined ? '' : `: ${finding.sentence}`;
  console.log(
    `    ${[name, profile].join(' ').trim()}: ${verdict.states} states, ${verdict.distinctImages} distinct images, ${verdict.verdict}${found}`,
  );
}

function checkWrites(kind: string, facts: readonly WriteFacts[], patterns: readonly RegExp[]): void {
  const texts = facts.map(({ call, what }) => `${call} (${what})`);
  for (const pattern of patterns)
    assert.ok(
      texts.some((text) => pattern.test(text)),
      `${pattern} is ${kind}: ${texts.join('; ')}`,
    );
  for (const text of texts)
    assert.ok(
      patterns.some((pattern) => pattern.test(text)),
      `${text} is ${kind}, which nobody planted`,
    );
}

function checkFinding(finding: Finding, expected: Expected): void {
  checkWrites('missing', finding.missing, expected.missing);
  checkWrites('present', finding.present, expected.present);
  assert.is(finding.lost !== undefined, expected.isLost, `lost: ${finding.lost}`);
  assert.is(finding.needsTearing, expected.needsTearing, 'needs tearing');
  if (expected.proof !== undefined) {
    const { flush, failed, exhaustive } = finding.proof ?? {};
    assert.equal([flush, failed, exhaustive], [expected.proof, 0, true]);
  }
  if (expected.sentence !== undefined) assert.match(finding.sentence, expected.sentence);
  assert.is(finding.depth, expected.depth ?? 0, 'depth');
}

for (const build of BUILDS) {
  const engines = suite(`engines (${build})`);

  function planted(specimen: Specimen, profile?: VolumeProfile): void {
    const where = profile === undefined ? specimen.name : `${specimen.name}, ${profile}`;
    engines(`${where}: ${specimen.mistake} is found and named`, async () => {
      const verdict = await run(build, specimen, { isRepaired: false, profile });
      tell(specimen, verdict, profile);
      assert.is(verdict.verdict, 'violated', verdict.reason);
      checkFinding(verdict.findings[0] as Finding, specimen.expected);
    });
  }

  function repaired(specimen: Specimen, profile?: VolumeProfile): void {
    const where = profile === undefined ? specimen.name : `${specimen.name}, ${profile}`;
    engines(`${where}: the repaired twin survives every state`, async () => {
      const verdict = await run(build, specimen, { isRepaired: true, profile });
      tell(specimen, verdict, profile);
      assert.is(verdict.verdict, 'survived', verdict.reason ?? verdict.findings[0]?.sentence);
      assert.ok(verdict.exhaustive);
    });
  }

  /** The slow build goes through one profile. */
  const mine = (profiles: readonly VolumeProfile[]) =>
    build === 'release' ? profiles : profiles.filter((profile) => profile === 'strict');

  for (const specimen of SPECIMENS) {
    const isDevice = specimen.level === 'device';
    for (const profile of isDevice ? [undefined] : mine(specimen.profiles)) planted(specimen, profile);
    const survived = isDevice ? [undefined] : mine(specimen.twinProfiles ?? PROFILES);
    for (const profile of survived) repaired(specimen, profile);
    if (specimen.expected.needsTearing)
      engines(`${specimen.name}: behaviour 24: without tearing nothing is found`, async () => {
        const verdict = await run(build, specimen, { isRepaired: false, profile: 'strict', tearing: 'none' });
        assert.is(verdict.verdict, 'survived');
      });
  }

  engines.run();
}
