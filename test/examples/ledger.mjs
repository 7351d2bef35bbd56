import { explore } from 'sectorlab';

const verdict = await explore({
  workload({ fs, ack }) {
    fs.writeFileSync('/ledger.new', 'Ada owes 10');
    fs.renameSync('/ledger.new', '/ledger'); // replaced by rename, as many programs do
    const folder = fs.openSync('/', 'r');
    fs.fsyncSync(folder); // the new name is durable
    fs.closeSync(folder);
    ack('Ada owes 10'); // from here on no crash may lose it
  },
  recover({ fs, must, may }) {
    const found = fs.existsSync('/ledger') ? fs.readFileSync('/ledger', 'utf8') : 'nothing';
    const allowed = ['nothing', ...may].slice(must.length); // the last one acknowledged, or one begun since
    if (!allowed.includes(found)) throw new Error(`the ledger says '${found}'`);
  },
});

console.log(String(verdict)); // in a test: verdict.assertSurvived()
