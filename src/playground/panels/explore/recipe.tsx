// A recipe from elsewhere: rerun and drawn where its scene is known here, else told as what it says.

import type { Recipe } from '../../../explore/types.ts';
import { tell } from '../../actions.ts';
import { formatBytes, formatCount } from '../../model/describe.ts';
import { toldOf } from '../../plug/recipe-case.ts';
import { CaseStory, FailingCaseView } from './failing-case.tsx';
import { type OpenedRecipe, openedRecipe, openRecipe } from './state.ts';

const FOLLOWERS: Readonly<Record<Recipe['kind'], string>> = {
  explore: 'Follow it in the test that made it: rerun(recipe, { workload, recover }).',
  exploreDevice: 'Follow it in the test that made it: rerunDevice(recipe, { workload, recover }).',
  log: 'Follow it with the log that it was made of: npx sectorlab crash disk.log --recipe FILE.',
};

export function RecipeView() {
  const opened = openedRecipe.value;
  return (
    <>
      <label class="file-button">
        <span>Open a recipe of explore</span>
        <input
          id="recipe-file"
          class="unseen"
          type="file"
          accept=".json,application/json"
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0];
            if (file !== undefined) void read(file);
          }}
        />
      </label>
      {opened !== undefined && <Opened opened={opened} />}
    </>
  );
}

async function read(file: File): Promise<void> {
  try {
    await openRecipe(await file.text(), file.name);
  } catch (error) {
    tell(error);
  }
}

function Opened({ opened: { name, recipe, isAsking, told } }: { opened: OpenedRecipe }) {
  if (isAsking) return <p role="status">Looking which scene {name} is of.</p>;
  if (told !== undefined) return <FailingCaseView told={told} title={`The case of ${name}`} />;
  const facts = <Foreign recipe={recipe} />;
  if (recipe.finding !== undefined)
    return (
      <CaseStory told={toldOf(recipe.finding)} title={`The case of ${name}`}>
        {facts}
      </CaseStory>
    );
  return (
    <section class="failing-case" aria-label={`Recipe ${name}`}>
      <h3>{name}</h3>
      {facts}
      <Losses states={recipe.states} />
    </section>
  );
}

/** Where a recipe is from that is of nothing in this page, and how it is followed. */
function Foreign({ recipe }: { recipe: Recipe }) {
  return (
    <>
      <p>
        A {recipe.crash === 'power' ? 'power cut' : recipe.crash === 'os' ? 'kernel crash' : 'killed process'}
        {recipe.states.length > 1 ? ' in the recovery behind another' : ''}, found by sectorlab{' '}
        {recipe.sectorlab}. It belongs to a workload that is not in this page.
      </p>
      <p class="hint">
        Log <code>{recipe.log}</code>, image <code>{recipe.image}</code>. {FOLLOWERS[recipe.kind]}
      </p>
    </>
  );
}

/** All that a recipe without its finding says: what is missing, by number. */
function Losses({ states }: Pick<Recipe, 'states'>) {
  return states.map((state, index) => (
    <ul
      key={state.step}
      class="survivor-files"
      aria-label={`Crash ${index + 1}, behind ${formatCount(state.step)} entries of the log`}
    >
      {state.losses.map((loss) => (
        <li key={`${loss.write} ${loss.offset}`}>
          <span>
            write {formatCount(loss.write)}: {loss.kind}
          </span>
          <span>
            {formatBytes(loss.length)} at {formatBytes(loss.offset)}
          </span>
        </li>
      ))}
    </ul>
  ));
}
