import { writeFileSync } from 'node:fs';
import { GENERATED_PAGES } from './pages.ts';

const repository = new URL('../../', import.meta.url);

for (const { path, render } of GENERATED_PAGES) writeFileSync(new URL(path, repository), render());
