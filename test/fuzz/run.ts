// npm run fuzz -- --minutes 10 [--seed N] [--target NAME]... [--workers N]
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { report, runCampaign } from './campaign.ts';
import { LIMITS } from './pool.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    target: { type: 'string', multiple: true, default: Object.keys(targets) },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});
const log = (line: string): void => {
  console.log(line);
};
log(`seed ${values.seed}`);
const end = Date.now() + Number(values.minutes) * 60_000;
const result = await runCampaign({
  seed: Number(values.seed),
  targets: values.target,
  workers: Number(values.workers),
  limits: LIMITS,
  goesOn: () => Date.now() < end,
  log,
});
log(report(result));
process.exitCode = result.findings > 0 ? 1 : 0;
