// `npm run bench:page`
import { updateDocs } from './update-docs.ts';

console.error(`Wrote ${updateDocs()}`);
