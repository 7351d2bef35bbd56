import { explore } from './src/index.ts';
const rounds = Number(process.argv[2]); const careful = process.argv[3]==='careful';
const t=performance.now();
let last=0;
const v = await explore<string>({
  onProgress(p){ if (performance.now()-last>2000) { last=performance.now(); console.log(p.phase,p.done,p.total,p.failed, Math.round(performance.now()-t)); } },
  flushes: process.argv[4]==='flushes', 
  workload({ fs, ack }) {
    const dir = fs.openSync('/', 'r');
    for (let i=0;i<rounds;i++) {
      fs.writeFileSync('/a.new', 'value '+i, { flush: careful });
      fs.renameSync('/a.new','/a'); if (careful) fs.fsyncSync(dir);
      ack('value '+i);
    }
    if(!careful) fs.fsyncSync(dir);
  },
  recover({ fs, must, may }) {
    const text = fs.existsSync('/a') ? fs.readFileSync('/a','utf8') : '';
    const ok = ['', ...may].slice(must.length);
    if (!ok.includes(text)) throw new Error('bad '+text);
  },
});
console.log(performance.now()-t, String(v).slice(0,600), v.verdict, v.checkedImages, v.states);
